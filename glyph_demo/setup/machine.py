"""What a machine has that set-up depends on: Python, the NVIDIA driver and its cards, a C compiler, Python.h, disk.
Reads with the standard library only, because nothing is installed yet."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from glyph_demo.errors import Message

WSL_NVIDIA_SMI = "/usr/lib/wsl/lib/nvidia-smi"  # Windows puts it there, and not every PATH has the folder
PATIENCE = 15.0  # seconds; nvidia-smi takes 1 to 5 where the driver has to wake the card first
# Drivers older than 510 do not know the last field.
FIELDS = ("name,driver_version,memory.total,compute_cap", "name,driver_version,memory.total")


@dataclass(frozen=True, slots=True)
class Card:
    """An NVIDIA card. Memory in bytes, compute capability such as (8, 9); None where the driver does not tell."""

    name: str
    memory: int | None
    capability: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Machine:
    """`driver` is the NVIDIA driver's version, "" without one. `trouble` says why a driver that is there does not
    answer: whether the machine has a card is then unknown. `free` is the disk space in bytes where packages go."""

    python: tuple[int, int]
    executable: str
    system: str
    processor: str
    driver: str
    cards: tuple[Card, ...]
    trouble: Message | None
    compiler: str | None
    header: bool
    free: int

    @property
    def driver_branch(self) -> int:
        """The number before the first dot, by which drivers support CUDA versions; 0 without a driver."""
        found = re.match(r"\d+", self.driver)
        return int(found.group()) if found else 0


def look(folder: str) -> Machine:
    """This machine; `folder` is where packages will go. Takes at most two times PATIENCE."""
    driver, cards, trouble = ask_driver()
    there = Path(folder).absolute()
    while not there.exists():
        there = there.parent
    return Machine(
        python=sys.version_info[:2],
        executable=sys.executable,
        system=platform.system(),
        processor=platform.machine(),
        driver=driver,
        cards=cards,
        trouble=trouble,
        compiler=find_compiler(),
        header=has_header(),
        free=shutil.disk_usage(there).free,
    )


def find_compiler() -> str | None:
    """The C compiler that Triton would take: CC, else gcc, else clang."""
    return next(
        (path for name in (os.environ.get("CC"), "gcc", "clang") if name and (path := shutil.which(name))), None
    )


def has_header() -> bool:
    """Whether this Python's Python.h is there, which Triton compiles its launchers against."""
    return Path(sysconfig.get_path("include"), "Python.h").exists()


def ask_driver() -> tuple[str, tuple[Card, ...], Message | None]:
    """The driver's version, the cards, and why the driver does not answer."""
    command = shutil.which("nvidia-smi") or shutil.which(WSL_NVIDIA_SMI)
    if command is None:
        return "", (), None
    said = ""
    for fields in FIELDS:
        code, said = _run([command, f"--query-gpu={fields}", "--format=csv,noheader,nounits"])
        if code is None:
            return "", (), _no_answer(PATIENCE)
        if "No devices were found" in said:
            return "", (), None
        rows = [[cell.strip() for cell in line.split(",")] for line in said.splitlines() if line.strip()]
        if code == 0 and rows and all(len(row) == fields.count(",") + 1 for row in rows):
            return rows[0][1], tuple(_card(row) for row in rows), None
    return "", (), _trouble(said)


def _run(command: list[str]) -> tuple[int | None, str]:
    """Exit code and all that it printed; None where it does not end in time. A process that hangs within the driver
    cannot be killed, so nobody waits for its end."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        return 127, str(error)
    try:
        said, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, said
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        return None, ""


def _card(row: list[str]) -> Card:
    memory = int(row[2]) * 2**20 if row[2].isdigit() else None  # MiB; a card that shares the machine's does not tell
    found = re.fullmatch(r"(\d+)\.(\d+)", row[3]) if len(row) > 3 else None
    return Card(row[0], memory, (int(found[1]), int(found[2])) if found else None)


def _no_answer(seconds: float) -> Message:
    return Message(
        f"nvidia-smi does not answer within {seconds:.0f} s. Restart the machine; until then the card is not used.",
        f"nvidia-smi 在 {seconds:.0f} 秒内没有响应。请重启机器；在此之前不使用显卡。",
    )


def _trouble(said: str) -> Message:
    if "version mismatch" in said:
        return Message(
            "The NVIDIA driver was updated while the old one is still loaded (driver/library version mismatch). "
            "Restart the machine; until then the card is not used.",
            "NVIDIA 驱动已更新，但仍加载着旧版本（driver/library version mismatch）。请重启机器；在此之前不使用显卡。",
        )
    why = next((line.strip() for line in said.splitlines() if line.strip()), "it printed nothing")[:200]
    return Message(
        f"nvidia-smi fails, so no card is used: {why} Check the NVIDIA driver, then run `bash launch.sh` again.",
        f"nvidia-smi 运行失败，因此不使用显卡：{why} 请检查 NVIDIA 驱动，然后重新运行 `bash launch.sh`。",
    )
