@echo off
rem Starts launch.sh in WSL, the Linux within Windows. Arguments are passed on.
setlocal
chcp 65001 >nul

where wsl.exe >nul 2>nul
if errorlevel 1 goto no_wsl

rem Succeeds only where a distribution is installed.
wsl.exe -e true >nul 2>nul
if errorlevel 1 goto no_distribution

rem WSL translates the folder that it is started in.
pushd "%~dp0"
wsl.exe -e bash launch.sh %*
set result=%errorlevel%
popd
exit /b %result%

:no_wsl
echo WSL was not found. Install it, restart Windows, then start launch.bat again.
echo 未找到 WSL。请先安装并重启 Windows，然后重新运行 launch.bat。
goto how

:no_distribution
echo WSL has no Linux yet, or it does not start. Install one, then start launch.bat again.
echo WSL 中还没有 Linux，或无法启动。请先安装，然后重新运行 launch.bat。

:how
echo.
echo   wsl --install
echo.
echo Run this in a terminal as administrator (Windows 10 2004 or newer). The NVIDIA driver belongs in Windows, not in WSL.
echo 请在管理员终端中运行（需 Windows 10 2004 或更新版本）。NVIDIA 驱动请装在 Windows 中，而非 WSL 中。
pause
exit /b 1
