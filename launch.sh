#!/usr/bin/env bash
# From a fresh machine to a running app, or to passing tests. `launch.sh --help` explains.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

VENV=${VENV:-$PWD/.venv}

usage() {
  cat <<'TEXT'
bash launch.sh                 set up what is missing, then open the app on http://127.0.0.1:7860
bash launch.sh [serve flags]   the same with flags of `python -m glyph_demo serve`, such as --port 8000 --language zh
bash launch.sh --setup-only    set up and stop
bash launch.sh test            set up, add what tests need, run them all
bash launch.sh test --fast     only those that need no browser and no model, in a minute or so
bash launch.sh test --long     the long ones as well; further words go to pytest
bash launch.sh test --audit    look up known vulnerabilities of what is installed, with pip-audit; needs the network
bash launch.sh --lock          write requirements.lock anew: the newest versions that the requirements allow

Set-up makes .venv here and installs requirements.txt into it, in the versions of requirements.lock. A second start
skips it. One that was cut off begins anew.
Needs Python 3.10 or newer. PYTHON=/path/to/python chooses one; VENV=/path puts .venv elsewhere.
TEXT
}

say() { printf '%s\n' "$*" >&2; }

fail() { # English, Chinese
  say "$1"
  say "$2"
  exit 1
}

find_python() {
  local name path
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.10 python; do
    while read -r path; do
      case $path in "$VENV"/*) continue ;; esac # activated, and about to be made anew
      if "$path" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        echo "$path"
        return
      fi
    done < <(type -aP "$name")
  done
  fail "Python 3.10 or newer (with venv) was not found. Install it, or name one: PYTHON=/path/to/python bash launch.sh" \
    "未找到 Python 3.10 或更新版本(需带 venv)。请先安装，或指定: PYTHON=/path/to/python bash launch.sh"
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; }

report_gpu() {
  if ! has_gpu; then
    say "No NVIDIA GPU: the embedded engine will read on the CPU."
    return
  fi
  local driver cuda
  driver=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | head -n 1)
  cuda=$(nvidia-smi | sed -n 's/.*CUDA Version: *\([0-9.]*\).*/\1/p' | head -n 1)
  say "GPU: $driver, CUDA $cuda"
  if [ "${cuda%%.*}" -lt 13 ] 2>/dev/null; then
    say "The driver serves CUDA $cuda; this torch is built for CUDA 13. Update the driver to 580 or newer to use the GPU."
  fi
}

# The stamp holds what was installed, so that an unchanged set-up is recognised without asking pip.
stamp() { cat "$@" | cksum | cut -d' ' -f1; }

pip_install() { "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }

# Each Python has versions of its own of what is compiled: the lock is for the one that it was made with.
use_lock() {
  local here locked
  here=$(python_version)
  locked=$(sed -n '1s/^# Python //p' requirements.lock)
  if [ "$here" = "$locked" ]; then
    export PIP_CONSTRAINT=requirements.lock
  else
    say "requirements.lock is for Python $locked. For Python $here the newest versions that requirements.txt allows are taken."
  fi
}

python_version() { "$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# In a folder of its own, from nothing. Only CPU builds leave a list that machines with and without a card can use.
write_lock() {
  local python
  python=$(find_python)
  VENV=$(mktemp -d)
  trap 'rm -rf "$VENV"' EXIT
  "$python" -m venv "$VENV"
  install_torch_cpu
  pip_install -r requirements.txt -r requirements-test.txt
  {
    echo "# Python $(python_version)"
    echo "# What the tests ran with, for pip's --constraint. Made by \`bash launch.sh --lock\`."
    "$VENV/bin/python" -m pip freeze | sed 's/+cpu//'
  } >"$VENV/lock"
  cp "$VENV/lock" requirements.lock
}

install_torch_cpu() {
  # A CPU build from the configured index if it has one, else from PyTorch's own; else requirements.txt takes the usual one.
  local torch why
  torch=$(grep '^torch==' requirements.txt)
  why=$(pip_install --no-deps "$torch+cpu" 2>&1) ||
    why=$(pip_install --no-deps --retries 1 --timeout 20 --index-url https://download.pytorch.org/whl/cpu "$torch" 2>&1) ||
    say "The CPU build of $torch was not installed; trying the usual one, which is larger. $(grep -m 1 ERROR <<<"$why")"
}

is_set_up() {
  [ -x "$VENV/bin/python" ] && [ ! -e "$VENV/.unfinished" ] && [ "$(cat "$VENV/.runtime" 2>/dev/null)" = "$1" ]
}

# What holds the lock is the open file: it goes with the last process of a set-up, however that ends.
WAIT_FOR_LOCK='
import fcntl, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print(sys.argv[1], file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
except OSError:
    pass  # a file system without locks'

lock_venv() {
  # Only a folder that this script made is ever cleared.
  if [ "$VENV" != "$PWD/.venv" ] && [ ! -e "$VENV/.lock" ] && [ -n "$(ls -A "$VENV" 2>/dev/null)" ]; then
    fail "VENV=$VENV holds something else. Name a folder that is new or empty." \
      "VENV=$VENV 中已有其他内容。请指定一个新的或空的文件夹。"
  fi
  { mkdir -p "$VENV" && exec 9>>"$VENV/.lock"; } 2>/dev/null ||
    fail "$VENV cannot be written. Move the project to where you may write, or run: VENV=/path bash launch.sh" \
      "无法写入 $VENV。请把项目移到可写的位置，或运行: VENV=/path bash launch.sh"
  "$1" -c "$WAIT_FOR_LOCK" "Another launch.sh is setting up; waiting for it. 另一个 launch.sh 正在安装，等待其完成。"
}

unlock_venv() { exec 9>&-; }

make_venv() {
  if [ -e "$VENV/.unfinished" ] || ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    touch "$VENV/.unfinished"
    find "$VENV" -mindepth 1 -maxdepth 1 ! -name .lock ! -name .unfinished -exec rm -rf {} +
    "$1" -m venv "$VENV" >&2 ||
      fail "$VENV could not be made; the lines above say why." "无法创建 $VENV，原因见上。"
  fi
}

# Until it is through, what stands in $VENV may be half of anything: a start that finds .unfinished begins anew.
install() {
  touch "$VENV/.unfinished"
  use_lock
  "$@"
  rm "$VENV/.unfinished"
}

install_runtime() {
  if [ "$(uname -s)" = Linux ] && ! has_gpu; then install_torch_cpu; fi
  pip_install -r requirements.txt || fail_to_install
  echo "$1" >"$VENV/.runtime"
}

install_tests() {
  pip_install -r requirements-test.txt || fail_to_install
  echo "$1" >"$VENV/.tests"
}

fail_to_install() {
  # Without a network pip gives up before it touches anything: what was complete still is.
  if [ -z "$(find "$VENV/lib" -name site-packages -newer "$VENV/.unfinished")" ]; then rm "$VENV/.unfinished"; fi
  fail "Not everything could be installed; the lines above say why. Start again once that is mended." \
    "部分软件包未能安装，原因见上。解决后请重新启动。"
}

set_up() {
  local wanted python
  wanted=$(stamp requirements.txt requirements.lock launch.sh)
  is_set_up "$wanted" && return
  python=$(find_python)
  lock_venv "$python"
  if ! is_set_up "$wanted"; then # by whoever held the lock
    say "Setting up $VENV: a few minutes the first time."
    make_venv "$python"
    install install_runtime "$wanted"
  fi
  unlock_venv
}

set_up_tests() {
  local wanted missing=()
  wanted=$(stamp requirements-test.txt requirements.lock)
  if [ "$(cat "$VENV/.tests" 2>/dev/null)" != "$wanted" ]; then
    lock_venv "$VENV/bin/python"
    install install_tests "$wanted"
    unlock_venv
  fi
  [ "${1:-}" != --fast ] || return 0
  command -v chromium >/dev/null || missing+=(chromium)
  command -v pdftoppm >/dev/null || missing+=(poppler-utils)
  [ ${#missing[@]} -eq 0 ] && return
  say "Installing ${missing[*]} for the tests."
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

run_tests() {
  "$VENV/bin/python" -m ruff format --check .
  "$VENV/bin/python" -m ruff check .
  "$VENV/bin/python" -m mypy
  exec "$VENV/bin/python" -m pytest "$@"
}

# pip-audit stands in a folder of its own for this once, so that it changes nothing of what it looks at. A mirror of
# pypi.org may know packages and no vulnerabilities: what nobody knows about has not been looked up.
ASK_PYPI='
import json, urllib.request
with urllib.request.urlopen("https://pypi.org/pypi/pip/23.0/json", timeout=20) as answer:
    json.load(answer)["vulnerabilities"]'

audit() {
  "$VENV/bin/python" -c "$ASK_PYPI" 2>/dev/null ||
    fail "The vulnerability service (pypi.org) cannot be reached, so nothing was looked up. Try again with a network." \
      "无法连接漏洞查询服务(pypi.org)，未作任何检查。请联网后重试。"
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  pip_install --target "$folder" pip-audit ||
    fail "pip-audit could not be installed; the lines above say why." "无法安装 pip-audit，原因见上。"
  "$VENV/bin/python" -m pip freeze | sed 's/+cpu//' >"$folder/frozen.txt"
  PYTHONPATH=$folder "$VENV/bin/python" -m pip_audit --strict --disable-pip --no-deps -r "$folder/frozen.txt"
}

case "${1:-}" in
-h | --help) usage ;;
test)
  shift
  set_up
  if [ "${1:-}" = --audit ]; then
    audit
  else
    set_up_tests "$@"
    run_tests "$@"
  fi
  ;;
--setup-only)
  set_up
  report_gpu
  ;;
--lock) write_lock ;;
*)
  set_up
  report_gpu
  exec "$VENV/bin/python" -m glyph_demo serve "$@"
  ;;
esac
