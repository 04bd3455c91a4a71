"""launch.sh on machines with NVIDIA cards: scripts in the place of nvidia-smi, and a pip that notes its arguments."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glyph_demo import libraries
from tests.launching import (
    H100,
    NO_CARD,
    PROJECT,
    Project,
    add_gpu_wheels,
    make_wheels,
    nvidia_smi,
    real_pip,
    torch_wheel,
)

# Notes its arguments in $CALLS. Where they match FAILING it fails; else packages come and go as they say, and a torch
# is built for what TORCH_BUILT says.
PIP = """
import os, pathlib, re, shutil, sys, sysconfig
words = sys.argv[1:]
if words == ["--version"]: sys.exit()
with open(os.environ["CALLS"], "a") as calls: calls.write("\\t".join(words) + "\\n")
failing = os.environ.get("FAILING")
if failing and re.search(failing, " ".join(words)):
    print("ERROR: no matching distribution")
    sys.exit(1)
site = pathlib.Path(sysconfig.get_path("purelib"))
for word in words[1:] if words[0] != "wheel" else ():
    name = re.match("[A-Za-z0-9-]*", word).group().replace("-", "_")
    if not name or name.startswith("_") or "/" in word or word.startswith("http"): continue
    info = site / f"{name}-1.0.dist-info"
    if words[0] == "uninstall":
        shutil.rmtree(info, ignore_errors=True)
    elif not (name == "torch" and info.exists() and "--force-reinstall" not in words):
        info.mkdir(exist_ok=True)
        if name == "torch":
            built = None if "+cpu" in word else os.environ.get("TORCH_BUILT", "13.0")
            (site / "torch").mkdir(exist_ok=True)
            (site / "torch" / "version.py").write_text(f"cuda: str = {built!r}\\n")
"""
RTX_4090 = ("NVIDIA GeForce RTX 4090", 24564, "8.9")
RTX_3090 = ("NVIDIA GeForce RTX 3090", 24576, "8.6")
RTX_3060 = ("NVIDIA GeForce RTX 3060", 12288, "8.6")
RTX_5090 = ("NVIDIA GeForce RTX 5090", 32607, "12.0")
T4 = ("Tesla T4", 15360, "7.5")
V100 = ("Tesla V100-SXM2-16GB", 16384, "7.0")
MISMATCH = "#!/bin/sh\necho 'Failed to initialize NVML: Driver/library version mismatch'\nexit 18\n"
BROKEN = '#!/bin/sh\necho "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver."\nexit 9\n'
INDEX = "https://download.pytorch.org/whl/"


@pytest.fixture
def project(tmp_path):
    pip = tmp_path / "pip-of-our-own" / "pip"
    pip.mkdir(parents=True)
    (pip / "__main__.py").write_text(PIP)
    project = Project(tmp_path / "checkout folder", pip.parent, tmp_path)
    project.environment["CALLS"] = str(tmp_path / "calls")
    return project


def calls(project):
    """Those since the last time."""
    file = Path(project.environment["CALLS"])
    found = [line.split("\t") for line in file.read_text().splitlines()] if file.exists() else []
    file.unlink(missing_ok=True)
    return found


def planned(project, **environment):
    """What `--plan` prints, and the calls of pip in it, of which only the first way of each step is taken."""
    code, out, complaints = project.run("--plan", **environment)
    assert code == 0, complaints
    taken, skipping = [], False
    for line in out.splitlines():
        if line.startswith("  pip "):
            taken += [] if skipping else [shlex.split(line)[1:]]
        else:
            skipping = line.startswith("  or, if that fails")
    assert not project.venv.exists() or project.site("torch*"), "a plan installs nothing"
    return out, taken


MACHINES = {
    "H100, driver 580": (nvidia_smi("580.95.05", H100), "torch==2.13.0", "cu13", None),
    "RTX 4090, driver 570": (
        nvidia_smi("570.172.08", RTX_4090),
        f"{INDEX}cu129 'torch>=2.10,<2.14'",
        "cu12",
        "CUDA 12",
    ),
    "RTX 4090, driver 550": (nvidia_smi("550.54.14", RTX_4090), f"{INDEX}cu126 'torch>=2.10,<2.14'", "cu12", "CUDA 12"),
    "RTX 3090, driver 535": (
        nvidia_smi("535.183.01", RTX_3090),
        f"{INDEX}cu126 'torch>=2.10,<2.14'",
        "cu12",
        "CUDA 12",
    ),
    "RTX 5090, driver 575": (nvidia_smi("575.64.03", RTX_5090), f"{INDEX}cu129 'torch>=2.10,<2.14'", "cu12", "CUDA 12"),
    "RTX 3060 with 12 GB, driver 580": (nvidia_smi("580.65.06", RTX_3060), "torch==2.13.0", "cu13", None),
    "V100, driver 580": (nvidia_smi("580.95.05", V100), f"{INDEX}cu126 'torch>=2.10,<2.14'", "cu12", None),
    "two cards": (nvidia_smi("580.95.05", RTX_4090, RTX_3060), "torch==2.13.0", "cu13", None),
    "T4, driver 470": (nvidia_smi("470.256.02", T4), "torch==2.13.0+cpu", None, "too old"),
    "driver and library differ": (MISMATCH, "torch==2.13.0+cpu", None, "Restart the machine"),
    "driver does not work": (BROKEN, "torch==2.13.0+cpu", None, "could not communicate"),
    "no card": (NO_CARD, "torch==2.13.0+cpu", None, None),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_plan_goes_by_the_driver_and_set_up_does_what_it_says(project, machine):
    script, torch, cuda, warning = MACHINES[machine]
    project.has_driver(script)
    out, expected = planned(project)
    assert f"{torch}\n" in f"pip {shlex.join(expected[0])}\n".replace("pip ", "", 1)
    extras = " ".join(word for call in expected for word in call)
    assert ("onnxruntime-gpu" in extras, "torchao" in extras) == (bool(cuda), bool(cuda))
    assert ("tensorrt-cu12" in extras, "tensorrt-cu13" in extras) == (cuda == "cu12", cuda == "cu13")
    if warning:
        english = next(i for i, line in enumerate(out.splitlines()) if warning in line)
        assert any("一" <= letter <= "鿿" for letter in out.splitlines()[english + 1])
    else:
        assert not {"driver", "nvidia-smi"} & set(out.split("# What would")[0].split("\n\n", 1)[-1].split())
    built = {"cu12": "12.6", "cu13": "13.0", None: "13.0"}[cuda]
    code, _, complaints = project.run("--setup-only", TORCH_BUILT=built)
    assert code == 0, complaints
    assert calls(project) == expected


def test_the_plan_names_every_card_with_its_memory_and_compute_capability(project):
    project.has_driver(nvidia_smi("580.95.05", RTX_4090, RTX_3060))
    out, _ = planned(project)
    assert "NVIDIA GeForce RTX 4090, 24.0 GiB, compute capability 8.9\n" in out
    assert "NVIDIA GeForce RTX 3060, 12.0 GiB, compute capability 8.6\n" in out
    assert "580.95.05" in out


def test_where_no_index_has_torch_for_the_card_the_app_starts_on_the_cpu_and_says_so(project):
    project.has_driver(nvidia_smi("550.54.14", RTX_4090))
    code, out, complaints = project.run(FAILING="cu126|<2.11")
    assert (code, out) == (0, "app serve\n"), complaints
    assert "No torch with CUDA could be installed" in complaints
    assert "未能安装支持 CUDA 的 torch" in complaints
    made = calls(project)
    assert [call[-1] for call in made[:3]] == ["torch>=2.10,<2.14", "torch>=2.10,<2.11", "torch==2.13.0+cpu"]
    assert made[-1] == ["install", "onnxruntime>=1.23,<2"]


def test_a_torch_for_another_cuda_than_the_driver_serves_gives_way_to_the_next(project):
    project.has_driver(nvidia_smi("550.54.14", RTX_4090))
    code, _, complaints = project.run("--setup-only", TORCH_BUILT="13.0")
    assert code == 0
    assert "this torch is built for CUDA 13" in complaints
    assert ["install", "--no-deps", "torch==2.13.0+cpu"] in calls(project)


def test_what_is_lost_costs_a_line_at_each_start_until_set_up_is_asked_to_try_again(project):
    project.has_driver(nvidia_smi("580.95.05", H100))
    code, out, complaints = project.run(FAILING="tensorrt|onnxruntime-gpu")
    assert (code, out) == (0, "app serve\n"), complaints
    assert ["install", "onnxruntime>=1.23,<2"] in calls(project), "never none of the two"
    code, out, complaints = project.run()
    assert (code, out, calls(project)) == (0, "app serve\n", [])
    assert "Without TensorRT" in complaints
    assert "bash launch.sh --setup-only" in complaints
    assert project.run("--setup-only")[0] == 0
    again = calls(project)
    assert ["uninstall", "--yes", "onnxruntime"] in again
    assert again[-1][-1].startswith("tensorrt-cu13-libs")
    assert "Without" not in project.run()[2]


def test_a_new_driver_is_followed_and_one_that_fails_for_a_while_changes_nothing(project):
    project.has_driver(nvidia_smi("550.54.14", RTX_4090))
    assert project.run("--setup-only", TORCH_BUILT="12.6")[0] == 0
    calls(project)
    project.has_driver(MISMATCH)
    code, _, complaints = project.run()
    assert (code, calls(project)) == (0, [])
    assert "Restart the machine" in complaints
    project.has_driver(nvidia_smi("580.95.05", RTX_4090))
    _, expected = planned(project)
    assert project.run("--setup-only")[0] == 0
    assert calls(project) == expected
    assert expected[0] == ["install", "--no-deps", "--force-reinstall", "torch==2.13.0"]
    assert ["uninstall", "--yes", "tensorrt-cu12-libs"] in expected


def test_a_new_driver_without_a_network_takes_nothing_away(project):
    project.has_driver(nvidia_smi("550.54.14", RTX_4090))
    assert project.run("--setup-only", TORCH_BUILT="12.6")[0] == 0
    calls(project)
    project.has_driver(nvidia_smi("580.95.05", RTX_4090))
    nothing_new = "==|cu13|^wheel|>=1.27"
    code, out, complaints = project.run(FAILING=nothing_new)
    assert (code, out) == (0, "app serve\n"), complaints
    assert not [call for call in calls(project) if call[0] == "uninstall"]


def test_a_mirror_of_pytorch_is_asked_first_as_an_index_and_as_a_folder(project):
    project.has_driver(nvidia_smi("535.183.01", RTX_3090))
    mirror = "https://mirror.example/pytorch-wheels/cu126"
    out, _ = planned(project, TORCH_INDEX=mirror)
    ways = [line for line in out.splitlines() if line.startswith("  pip ") and "'torch>" in line]
    assert f"--index-url {mirror} " in ways[0]
    assert f"--no-index --find-links {mirror} " in ways[1]
    assert f"{INDEX}cu126" in ways[2]


@pytest.mark.long
def test_with_pip_itself_the_card_comes_and_goes_and_one_onnxruntime_is_there(tmp_path):
    pip, wheels, built = tmp_path / "pip", tmp_path / "wheels", tmp_path / "cu130"
    for folder in (pip, wheels, built):
        folder.mkdir()
    real_pip(pip)
    make_wheels(wheels)
    add_gpu_wheels(wheels)
    torch_wheel(built, "2.13.0+cu130", "13.0")
    project = Project(tmp_path / "checkout", pip, wheels)
    for script, name in (
        (NO_CARD, "onnxruntime"),
        (nvidia_smi("580.95.05", H100), "onnxruntime_gpu"),
        (NO_CARD, "onnxruntime"),
    ):
        project.has_driver(script)
        code, _, complaints = project.run("--setup-only", TORCH_INDEX=str(built) if "gpu" in name else "")
        assert code == 0, complaints
        assert [
            path.name.split("-")[0] for path in project.venv.glob("lib/*/site-packages/onnxruntime*.dist-info")
        ] == [name]
        assert project.site("onnxruntime/made.txt").read_text() == name
        assert project.site("torch/version.py").read_text().endswith("'13.0'\n" if "gpu" in name else "None\n")


def test_tensorrt_of_the_package_serves_whoever_asks_for_it_by_name_afterwards(tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc to make libraries")
    package = tmp_path / "tensorrt_libs"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in libraries.TENSORRT:
        command = ["gcc", "-shared", "-x", "c", "/dev/null", "-o", package / name, f"-Wl,-soname,{name}"]
        subprocess.run(command, check=True)
    code = (
        "import ctypes\nfrom glyph_demo.libraries import load_tensorrt, tensorrt_folder\n"
        "assert tensorrt_folder() and load_tensorrt()\n"
        "ctypes.CDLL('libnvinfer.so.10')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT, env={"PYTHONPATH": f"{PROJECT}:{tmp_path}"})
