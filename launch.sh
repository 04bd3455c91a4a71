#!/usr/bin/env bash
# From a fresh machine to a running app, or to passing tests. `launch.sh --help` explains.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

VENV=${VENV:-$PWD/.venv}
RETRY= # not empty: what could be done without, and was not to be had, is tried again

usage() {
  cat <<'TEXT'
bash launch.sh                 set up what is missing, then open the app on http://127.0.0.1:7860
bash launch.sh [serve flags]   the same with flags of `python -m glyph_demo serve`, such as --port 8000 --language zh
bash launch.sh --setup-only    set up and stop; tries again what could not be installed before
bash launch.sh --plan          what this machine has and what set-up would install; installs nothing, needs no network
bash launch.sh test            set up, add what tests need, run them all
bash launch.sh test --fast     only those that need no browser and no model, in a minute or so
bash launch.sh test --long     the long ones as well; further words go to pytest
bash launch.sh test --audit    look up known vulnerabilities of what is installed, with pip-audit; needs the network
bash launch.sh --lock          write requirements.lock anew: the newest versions that the requirements allow

Set-up makes .venv here and installs requirements.txt into it, in the versions of requirements.lock. A second start
skips it. One that was cut off begins anew.
Needs Python 3.10 or newer. PYTHON=/path/to/python chooses one; VENV=/path puts .venv elsewhere. PIP_INDEX_URL names a
mirror of packages; TORCH_INDEX one of PyTorch's, an index or a folder of wheels: docs/install.md.
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
  for name in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.10 python; do
    while read -r path; do
      case $path in "$VENV"/*) continue ;; esac # activated, and about to be made anew
      if "$path" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        echo "$path"
        return
      fi
    done < <(type -aP "$name")
  done
  fail "Python 3.10 or newer (with venv) was not found. Install it, or name one: PYTHON=/path/to/python bash launch.sh" \
    "未找到 Python 3.10 或更新版本（需带 venv）。请先安装，或指定：PYTHON=/path/to/python bash launch.sh"
}

# What set-up depends on is found, planned and installed by glyph_demo/setup, which needs no packages.
setup() { PYTHONIOENCODING=utf-8:replace "$1" -m glyph_demo.setup "${@:2}" "$VENV"; }

# The one of the venv answers sooner, and its Python.h is the one that counts.
any_python() {
  if [ ! -e "$VENV/.unfinished" ] && "$VENV/bin/python" -c '' 2>/dev/null; then
    echo "$VENV/bin/python"
  else
    find_python
  fi
}

# The stamp holds what was installed, so that an unchanged set-up is recognised without asking pip.
stamp() { cat "$@" | cksum | cut -d' ' -f1; }

pip_install() { "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }

python_version() { "$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# In a folder of its own, from nothing. Only CPU builds leave a list that machines with and without a card can use. torch
# stays the version of the old lock: edit its line there to raise it.
write_lock() {
  local python
  python=$(find_python)
  VENV=$(mktemp -d)
  trap 'rm -rf "$VENV"' EXIT
  "$python" -m venv "$VENV"
  setup "$VENV/bin/python" lock
  pip_install -r requirements.txt -r requirements-test.txt -r requirements-gpu.txt
  {
    echo "# Python $(python_version)"
    echo "# What the tests ran with, for pip's --constraint. Made by \`bash launch.sh --lock\`."
    "$VENV/bin/python" -m pip freeze | sed 's/+cpu//'
  } >"$VENV/lock"
  cp "$VENV/lock" requirements.lock
}

# The key names the build of torch for this machine. While the driver does not answer, what was set up stays.
is_set_up() { # stamp, key
  local have
  [ -x "$VENV/bin/python" ] && [ ! -e "$VENV/.unfinished" ] || return
  if [ -n "$RETRY" ] && [ -s "$VENV/.missing" ]; then return 1; fi
  have=$(cat "$VENV/.runtime" 2>/dev/null)
  [ "$have" = "$1 $2" ] || { [ "$2" = unknown ] && [ "${have% *}" = "$1" ]; }
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
      "无法写入 $VENV。请把项目移到可写的位置，或运行：VENV=/path bash launch.sh"
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
  "$@"
  rm "$VENV/.unfinished"
}

install_runtime() { # stamp and key
  setup "$VENV/bin/python" install || fail_to_install
  echo "$1" >"$VENV/.runtime"
}

install_tests() {
  pip_install -c "$VENV/constraints.txt" -r requirements-test.txt -r requirements-gpu.txt || fail_to_install
  echo "$1" >"$VENV/.tests"
}

fail_to_install() {
  # Without a network pip gives up before it touches anything: what was complete still is.
  if [ -z "$(find "$VENV/lib" -name site-packages -newer "$VENV/.unfinished")" ]; then rm "$VENV/.unfinished"; fi
  fail "Not everything could be installed; the lines above say why. Start again once that is mended." \
    "部分软件包未能安装，原因见上。解决后请重新启动。"
}

set_up() {
  local wanted key python found
  wanted=$(stamp requirements.txt requirements-gpu.txt requirements.lock launch.sh glyph_demo/setup/*.py)
  python=$(any_python)
  found=$(setup "$python" key)
  key=${found%%$'\n'*}
  CARDS=${found#*$'\n'}
  is_set_up "$wanted" "$key" && return
  python=$(find_python)
  lock_venv "$python"
  if ! is_set_up "$wanted" "$key"; then # by whoever held the lock
    say "Setting up $VENV: a few minutes the first time. 正在安装，首次需要几分钟。"
    make_venv "$python"
    install install_runtime "$wanted $key"
  fi
  unlock_venv
}

report() {
  say "$CARDS"
  [ -s "$VENV/.missing" ] || return 0
  cat "$VENV/.missing" >&2
  say "To try again 重试：bash launch.sh --setup-only"
}

set_up_tests() {
  local wanted missing=()
  wanted=$(stamp requirements-test.txt requirements-gpu.txt requirements.lock)
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
  # A file's tests share its app and browser, so they stay together. Threads of several models would wait for each other.
  OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} exec "$VENV/bin/python" -m pytest -n auto --maxprocesses 4 --dist loadfile "$@"
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
      "无法连接漏洞查询服务（pypi.org），未作任何检查。请联网后重试。"
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
  RETRY=yes
  set_up
  say "$CARDS"
  ;;
--plan)
  python=$(any_python)
  setup "$python" plan
  ;;
--lock) write_lock ;;
*)
  set_up
  report
  exec "$VENV/bin/python" -m glyph_demo serve "$@"
  ;;
esac
