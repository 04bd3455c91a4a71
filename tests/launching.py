"""A checkout with launch.sh and what it needs made small: venvs that borrow one pip, and packages of our own instead of
an index."""

import ensurepip
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PATIENCE = 300.0  # seconds for a step of a busy machine
MANY = 1500  # files of a package, so that there is a middle of its installation
NEEDED = ("__init__.py", "errors.py", "languages", "process.py", "setup")  # of the package, for `glyph_demo.setup`

# Stands in for Python: makes a venv in a moment, and stops at the step of making it that STOP_AT names.
PYTHON = """#!/usr/bin/env bash
if [ "$1 $2" != "-m venv" ]; then exec "$REAL_PYTHON" "$@"; fi
stop() { if [ "${STOP_AT:-}" = "$1" ]; then touch "$REACHED"; sleep 600; fi; }
mkdir -p "$3/bin"
stop bare
"$REAL_PYTHON" -m venv --without-pip "$3"
stop without-pip
echo "$PIP" >"$("$3/bin/python" -c 'import site; print(site.getsitepackages()[0])')/pip.pth"
stop complete
"""
LOCK = f"# Python {sys.version_info[0]}.{sys.version_info[1]}\nhelper==1.0\ntorch==2.13.0\n"
REQUIREMENTS = "torch>=2.10,<2.14\nruntime==1.0\nhelper\nonnxruntime>=1.23,<2\n"


def wheel(folder, name, version, **files):
    """A wheel whose metadata are unpacked first, as any archive may have them."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        for path, content in files.items():
            archive.writestr(path, content)
        record = [f"{path},," for path in (f"{info}/METADATA", f"{info}/WHEEL", *files, f"{info}/RECORD")]
        archive.writestr(f"{info}/RECORD", "\n".join(record) + "\n")


def torch_wheel(folder, version, cuda):
    wheel(folder, "torch", version, **{"torch/version.py": f"cuda: Optional[str] = {cuda!r}\n"})


def real_pip(folder):
    bundled = next((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"), None)
    if bundled is None:
        pytest.skip("this Python brings no pip along")
    zipfile.ZipFile(bundled).extractall(folder)


def make_wheels(wheels):
    """What the requirements name, torch for the CPU."""
    torch_wheel(wheels, "2.13.0+cpu", None)
    for version in ("1.0", "2.0"):
        wheel(wheels, "helper", version)
    wheel(wheels, "runtime", "1.0", **{f"runtime/part{i}.txt": "here" for i in range(MANY)})
    wheel(wheels, "onnxruntime", "1.32.0", **{"onnxruntime/made.txt": "onnxruntime"})


def add_gpu_wheels(wheels):
    wheel(wheels, "onnxruntime_gpu", "1.31.1", **{"onnxruntime/made.txt": "onnxruntime_gpu"})
    for name, version in (("onnx", "1.23.2"), ("onnxscript", "0.7.2"), ("torchao", "0.18.0")):
        wheel(wheels, name, version)
    wheel(wheels, "tensorrt_cu13_libs", "10.16.1")


def nvidia_smi(driver, *cards):
    """A script that answers as the driver does: rows of name, MiB and compute capability. Drivers below 510 do not know
    the last."""
    full = "".join(f"{name}, {driver}, {memory}, {capability}\n" for name, memory, capability in cards)
    short = "".join(f"{name}, {driver}, {memory}\n" for name, memory, _ in cards)
    refusal = "echo 'Field \"compute_cap\" is not a valid field to query.'; exit 2"
    newest = f"cat <<'EOF'\n{full}EOF\n" if int(driver.split(".")[0]) >= 510 else refusal
    return f"#!/usr/bin/env bash\ncase $1 in *compute_cap*)\n{newest}\n;; *) cat <<'EOF'\n{short}EOF\n;; esac\n"


NO_CARD = "#!/bin/sh\necho No devices were found\nexit 6\n"
H100 = ("NVIDIA H100 80GB HBM3", 81559, "9.0")


class Project:
    """A checkout with nothing but launch.sh, set-up, and an app that says with what it was called."""

    def __init__(self, folder, pip, wheels):
        self.folder = folder
        self.venv = folder / ".venv"
        self.reached = folder / "reached"
        tools = folder / "tools"
        for path, content in (
            ("launch.sh", (PROJECT / "launch.sh").read_text()),
            ("requirements.txt", REQUIREMENTS),
            ("requirements-gpu.txt", "onnx>=1.20,<2\nonnxscript>=0.5,<1\ntorchao>=0.18,<1\n"),
            ("requirements.lock", LOCK),
            ("glyph_demo/__main__.py", "import sys\nprint('app', *sys.argv[1:])\n"),
            ("tools/python", PYTHON),
            ("tools/nvidia-smi", NO_CARD),
        ):
            file = folder / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(content)
            file.chmod(0o755)
        for name in NEEDED:
            source, target = PROJECT / "glyph_demo" / name, folder / "glyph_demo" / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        self.environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHON": str(tools / "python"),
            "REAL_PYTHON": getattr(sys, "_base_executable", sys.executable),
            "REACHED": str(self.reached),
            "PIP": str(pip),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_NO_CACHE_DIR": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "HOME": str(folder),
        }

    def start(self, *arguments, **environment):
        return subprocess.Popen(
            ["bash", str(self.folder / "launch.sh"), *arguments],
            env={**self.environment, **environment},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments, **environment):
        """Exit code, stdout and stderr."""
        process = self.start(*arguments, **environment)
        out, complaints = process.communicate(timeout=PATIENCE)
        return process.returncode, out, complaints

    def has_driver(self, script):
        (self.folder / "tools" / "nvidia-smi").write_text(script)

    def site(self, pattern):
        return next(self.venv.glob(f"lib/python*/site-packages/{pattern}"), None)

    def parts(self):
        return len(list(self.venv.glob("lib/python*/site-packages/runtime/part*.txt")))
