"""What set-up installs on a machine, as calls of pip. The plan that is shown and the set-up that runs both come from
here, so they cannot differ.

Which CUDA a driver serves: NVIDIA's "CUDA Toolkit Release Notes", table "CUDA Toolkit and Minimum Required Driver
Version for CUDA Minor Version Compatibility": 13.x from 580, 12.x from 525. Blackwell cards (compute capability 10 and
12) came with CUDA 12.8 and driver 570; CUDA 13 ended the support of those below 7.5."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from glyph_demo.errors import Message
from glyph_demo.setup.machine import Machine
from glyph_demo.setup.venv import Venv

PYTORCH = "https://download.pytorch.org/whl"
SOON = ("--retries", "1", "--timeout", "20")  # an index that cannot be reached gives way to the next
LOCK, REQUIREMENTS, GPU_REQUIREMENTS = "requirements.lock", "requirements.txt", "requirements-gpu.txt"
REST = "requirements.txt"  # in the venv: what is left of REQUIREMENTS for one call of pip
WHEELS = "wheels"  # in the venv: what waits for the package that it replaces to go
Call = tuple[str, ...]
"""The arguments of one call of pip."""


@dataclass(frozen=True, slots=True)
class Build:
    """Builds of torch that serve a machine. `cuda` is their major CUDA version, None for CPU builds. `indexes` are
    those of PyTorch that hold them, the best first; `usual` is the requirement that gives one from the usual index."""

    name: str
    cuda: int | None
    indexes: tuple[str, ...]
    usual: str = ""


MINIMUM_DRIVER = {12: 525, 13: 580}
BLACKWELL_DRIVER = 570
CPU = Build("cpu", None, ("cpu",))
CUDA_13 = Build("cu130", 13, ("cu130",))
# torch 2.10 is the last that the usual index has for CUDA 12 (12.8). Drivers from 525 on run builds for any CUDA 12.
CUDA_12 = Build("cu129", 12, ("cu129", "cu128"), usual="torch>=2.10,<2.11")
CUDA_12_OLD = Build("cu126", 12, ("cu126",), usual="torch>=2.10,<2.11")

# onnxruntime-gpu and TensorRT by the major CUDA version of torch. 1.31 is the newest whose TensorRT provider was seen
# to ask for TensorRT 10. Of TensorRT only the libraries are needed, and torch has brought the CUDA that they link to.
ONNXRUNTIME = {12: "onnxruntime-gpu>=1.23,<1.27", 13: "onnxruntime-gpu>=1.27,<1.32"}
# What follows from the build of torch, which pins its own triton: the versions of the lock are those of one build.
BY_BUILD = ("torch", "triton")
GPU_EXTRAS = {"onnx": ("onnx", "onnxscript"), "torchao": ("torchao",)}  # what is of use only together
TENSORRT = {12: "tensorrt-cu12-libs>=10.13,<11", 13: "tensorrt-cu13-libs>=10.13,<11"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to install, in one of several ways: the first that works is taken. `lost` says what it costs if none
    does, None where set-up then ends."""

    title: str
    ways: tuple[tuple[Call, ...], ...]
    lost: Message | None = None


@dataclass(frozen=True, slots=True)
class Lists:
    """What the requirement files say. `torch` is the range that is allowed, `locked` the version that is tested;
    `rest` are the lines of requirements.txt without onnxruntime, which stands in `onnxruntime`; `gpu` are the lines for
    machines with a card; `constraints` the locked versions of all but torch, empty where the lock is for another
    Python, `lock_python`."""

    torch: str
    locked: str
    rest: str
    onnxruntime: str
    gpu: dict[str, tuple[str, ...]]
    constraints: str
    lock_python: str


def read_lists(folder: Path, python: tuple[int, int]) -> Lists:
    """Raises OSError for a file that is missing, ValueError for one without torch or onnxruntime."""
    lines = (folder / REQUIREMENTS).read_text(encoding="utf-8").splitlines(keepends=True)
    lock = (folder / LOCK).read_text(encoding="utf-8").splitlines(keepends=True)
    gpu = (folder / GPU_REQUIREMENTS).read_text(encoding="utf-8").splitlines(keepends=True)
    lock_python = lock[0].removeprefix("# Python ").strip()
    fits = lock_python == "{}.{}".format(*python)
    return Lists(
        torch=_line("torch", lines),
        locked=_line("torch", lock),
        rest="".join(line for line in lines if _name(line) != "onnxruntime"),
        onnxruntime=_line("onnxruntime", lines),
        gpu={title: tuple(_line(name, gpu) for name in names) for title, names in GPU_EXTRAS.items()},
        constraints="".join(line for line in lock if _name(line) not in BY_BUILD) if fits else "",
        lock_python=lock_python,
    )


def _name(line: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", line)
    return found.group() if found else ""


def _line(name: str, lines: Iterable[str]) -> str:
    for line in lines:
        if _name(line) == name:
            return line.strip()
    raise ValueError(f"the requirements lack {name}")


def build_for(machine: Machine) -> Build:
    """The build of torch by the driver, and by the cards where CUDA 13 has left them behind."""
    branch = machine.driver_branch
    known = [card.capability for card in machine.cards if card.capability]
    if not machine.cards or branch < MINIMUM_DRIVER[12]:
        return CPU
    if branch < BLACKWELL_DRIVER or (known and max(known) < (7, 5)):
        return CUDA_12_OLD
    return CUDA_12 if branch < MINIMUM_DRIVER[13] else CUDA_13


def torch_step(build: Build, machine: Machine, lists: Lists, venv: Venv, mirror: str = "") -> Step:
    """The ways to get torch for a build: the `mirror`, PyTorch's own indexes, the usual one. Where none gives a build
    for the card, that for the CPU is taken."""
    wanted = lists.torch if build.cuda == 12 else lists.locked
    over: Call = ("--force-reinstall",) if build.cuda and venv.torch_cuda() != build.cuda else ()
    sources: list[tuple[Call, str]] = []
    if mirror:  # an index or a folder of wheels
        sources += [(("--index-url", mirror), wanted), (("--no-index", "--find-links", mirror), wanted)]
    if build.cuda is None:
        ways = [(("install", "--no-deps", *source, name),) for source, name in sources]
        return Step("torch", (*ways, *_cpu_ways(machine, lists)))
    if build is CUDA_13:
        sources.append(((), wanted))
    sources += [((*SOON, "--index-url", f"{PYTORCH}/{index}"), wanted) for index in build.indexes]
    if build.usual:
        sources.append(((), build.usual))
    # torch from a place that may hold nothing else, then what it needs from the usual index.
    pairs = ((("install", "--no-deps", *over, *source, name), ("install", "torch")) for source, name in sources)
    return Step(f"torch, CUDA {build.cuda}", tuple(pairs), LOST["torch"])


def _cpu_ways(machine: Machine, lists: Lists) -> list[tuple[Call, ...]]:
    """A CPU build from the usual index if it has one, else from PyTorch's own; else the usual build, which is larger,
    or the one that is there. What torch needs comes with the requirements."""
    usual: tuple[Call, ...] = (("install", lists.torch),)
    if machine.system != "Linux":
        return [usual]
    return [
        (("install", "--no-deps", f"{lists.locked}+cpu"),),
        (("install", "--no-deps", *SOON, "--index-url", f"{PYTORCH}/cpu", lists.locked),),
        usual,
    ]


def steps_after_torch(cuda: int | None, machine: Machine, lists: Lists, venv: Venv) -> tuple[Step, ...]:
    """What follows a torch of this major CUDA version, None for a CPU build."""
    packages = Step("requirements.txt", ((("install", "-r", str(venv.folder / REST)),),))
    if cuda not in ONNXRUNTIME:
        ways = (_instead(("onnxruntime-gpu",), lists.onnxruntime, venv),)
        kept = ((("install", "onnxruntime-gpu"),),) if len(ways[0]) > 1 else ()  # it computes on a CPU too
        return packages, Step("onnxruntime", ways + kept)
    gpu = _instead(("onnxruntime",), ONNXRUNTIME[cuda], venv)
    steps = [packages, Step("onnxruntime-gpu", (gpu, (("install", lists.onnxruntime),)), LOST["onnxruntime-gpu"])]
    steps += [Step(title, ((("install", *lines),),), LOST[title]) for title, lines in lists.gpu.items()]
    if machine.processor == "x86_64":  # the provider of other processors has no TensorRT
        others = tuple(_name(line) for major, line in TENSORRT.items() if major != cuda)
        steps.append(Step("TensorRT", (_instead(others, TENSORRT[cuda], venv, "--no-deps"),), LOST["TensorRT"]))
    return tuple(steps)


def _instead(others: Call, requirement: str, venv: Venv, *flags: str) -> tuple[Call, ...]:
    """The calls that install a package in place of others that have the same files. What is there goes only when the
    new one lies on the disk, so that a set-up without a network takes nothing away."""
    install: Call = ("install", *flags, requirement)
    there = sorted(set(others) & venv.installed())
    if not there:
        return (install,)
    wheels = str(venv.folder / WHEELS)
    return (
        ("wheel", "--no-deps", "--wheel-dir", wheels, requirement),
        ("uninstall", "--yes", *there),
        ("install", "--no-deps", "--no-index", "--find-links", wheels, requirement),
        install,
    )


LOST = {
    "torch": Message(
        "No torch with CUDA could be installed: the card is not used, and the embedded engine reads on the CPU.",
        "未能安装支持 CUDA 的 torch：不使用显卡，由内置引擎在 CPU 上读取。",
    ),
    "onnxruntime-gpu": Message(
        "Without onnxruntime-gpu the vision tower runs in PyTorch, which reads pages more slowly.",
        "缺少 onnxruntime-gpu：视觉塔在 PyTorch 中运行，读取页面较慢。",
    ),
    "onnx": Message(
        "Without onnx and onnxscript the vision tower runs in PyTorch, which reads pages more slowly.",
        "缺少 onnx 和 onnxscript：视觉塔在 PyTorch 中运行，读取页面较慢。",
    ),
    "torchao": Message(
        "Without torchao there is no int8 and int4: a model that does not fit the card in 16 bit is not loaded.",
        "缺少 torchao：无法使用 int8 和 int4，16 位放不进显存的模型将无法加载。",
    ),
    "TensorRT": Message(
        "Without TensorRT the vision tower runs in ONNX Runtime's CUDA provider or in PyTorch.",
        "缺少 TensorRT：视觉塔在 ONNX Runtime 的 CUDA 后端或 PyTorch 中运行。",
    ),
}
