"""What set-up tells people: what it found, what that costs them, and what it would install."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from glyph_demo.errors import Message
from glyph_demo.setup.machine import Card, Machine
from glyph_demo.setup.plan import CPU, CUDA_12_OLD, CUDA_13, MINIMUM_DRIVER, Build, Lists, Step

GB = 10**9
NEWEST_TRIED = (3, 13)
# Disk that set-up takes at its height, by the CUDA of torch.
NEEDED = {None: 3 * GB, 12: 16 * GB, 13: 16 * GB}

# What brings a C compiler and Python.h, by ID and ID_LIKE of os-release(5).
PACKAGES = {
    "debian": "sudo apt install build-essential python3-dev",
    "ubuntu": "sudo apt install build-essential python3-dev",
    "fedora": "sudo dnf install gcc python3-devel",
    "rhel": "sudo dnf install gcc python3-devel",
    "arch": "sudo pacman -S gcc python",
}


def compiler_remedy(os_release: Path = Path("/etc/os-release")) -> str:
    """The command that installs a C compiler and Python.h here; on a distribution that is not known, of several."""
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    for name in f"{facts.get('ID', '')} {facts.get('ID_LIKE', '')}".replace('"', "").split():
        if name in PACKAGES:
            return PACKAGES[name]
    return " / ".join(dict.fromkeys(PACKAGES.values()))


def compiler_warning(compiler: str | None, header: bool) -> Message | None:
    """What a missing compiler or Python.h costs on a machine with a card, None where both are there."""
    missing = [name for name, there in (("gcc", compiler), ("Python.h", header)) if not there]
    if not missing:
        return None
    en, zh, remedy = " and ".join(missing), "和 ".join(missing), compiler_remedy()
    return Message(
        f"Without {en}: no compiled decoding on the card, so answers come more slowly. Run: {remedy}",
        f"缺少 {zh}：无法在显卡上使用编译后的解码，回答较慢。请运行：{remedy}",
    )


def driver_warning(machine: Machine, build: Build) -> Message | None:
    """What the driver or the card keeps from being used."""
    if not machine.cards:
        return machine.trouble
    driver = machine.driver
    if build is CPU:
        return Message(
            f"The NVIDIA driver {driver} is too old for every torch that this app runs with. Update it to 580 or newer "
            "(525 at least), then run `bash launch.sh` again. Until then the embedded engine reads on the CPU.",
            f"NVIDIA 驱动 {driver} 过旧，本应用所用的 torch 均不支持。请更新到 580 或更新版本（至少 525），"
            "然后重新运行 `bash launch.sh`。在此之前由内置引擎在 CPU 上读取。",
        )
    if build is CUDA_13 or (build is CUDA_12_OLD and machine.driver_branch >= 570):
        return None
    return Message(
        f"The NVIDIA driver {driver} serves CUDA 12 only. The card is used; driver 580 or newer gets the torch that "
        "this app is tested with.",
        f"NVIDIA 驱动 {driver} 仅支持 CUDA 12。显卡可以使用；更新到 580 或更新版本可获得本应用测试所用的 torch。",
    )


def torch_warning(cuda: str, driver: str) -> Message | None:
    """What keeps a torch that is built for this CUDA version, "" for the CPU, from a card with this driver."""
    build, branch = cuda or "CPU", int(driver.partition(".")[0] or 0)
    if cuda and branch >= MINIMUM_DRIVER[int(cuda.partition(".")[0])]:
        return None
    return Message(
        f"The torch here (built for: {build}) cannot use the card with driver {driver}. "
        "Run: bash launch.sh --setup-only",
        f"此处的 torch（构建版本：{build}）无法在驱动 {driver} 下使用显卡。请运行：bash launch.sh --setup-only",
    )


def warnings(machine: Machine, build: Build, lists: Lists) -> list[Message]:
    """Everything that costs something, each with what to do."""
    found = [driver_warning(machine, build)]
    if build.cuda:
        found.append(compiler_warning(machine.compiler, machine.header))
    if machine.free < NEEDED[build.cuda]:
        needed, free = NEEDED[build.cuda] // GB, machine.free / GB
        found.append(
            Message(
                f"Set-up may need {needed} GB of disk, and {free:.1f} GB are free. Make room, or name another place: "
                "VENV=/path bash launch.sh",
                f"安装可能需要 {needed} GB 磁盘空间，目前剩余 {free:.1f} GB。请腾出空间，或指定其他位置："
                "VENV=/path bash launch.sh",
            )
        )
    return [*filter(None, found), *python_warnings(machine, lists)]


def python_warnings(machine: Machine, lists: Lists) -> list[Message]:
    """Which versions this Python gets, where they are not those that the tests ran with."""
    here = "{}.{}".format(*machine.python)
    found = []
    if not lists.constraints:
        found.append(
            Message(
                f"requirements.lock is for Python {lists.lock_python}. For Python {here} the newest versions that "
                "requirements.txt allows are taken.",
                f"requirements.lock 适用于 Python {lists.lock_python}。"
                f"Python {here} 将使用 requirements.txt 允许的最新版本。",
            )
        )
    if machine.python > NEWEST_TRIED:
        found.append(
            Message(
                f"This app was not tried with Python {here}. Where a package has no build for it, run: "
                "PYTHON=python3.13 bash launch.sh",
                f"本应用未在 Python {here} 上试过。若有软件包不支持，请运行：PYTHON=python3.13 bash launch.sh",
            )
        )
    return found


def card_line(card: Card) -> str:
    facts = [card.name]
    if card.memory is not None:
        facts.append(f"{card.memory / 2**30:.1f} GiB")
    if card.capability is not None:
        facts.append("compute capability {}.{}".format(*card.capability))
    return ", ".join(facts)


def found_lines(machine: Machine) -> list[str]:
    """What the machine has, a line each."""
    facts = [
        ("Python", "{}.{}, {}".format(*machine.python, machine.executable)),
        ("System 系统", f"{machine.system} {machine.processor}"),
        ("Driver 驱动", machine.driver or "-"),
        *(("Card 显卡", card_line(card)) for card in machine.cards),
        ("Compiler 编译器", machine.compiler or "-"),
        ("Python.h", "+" if machine.header else "-"),
        ("Disk 磁盘", f"{machine.free / GB:.0f} GB"),
    ]
    return [f"{label}: {fact}" for label, fact in facts]


def step_lines(steps: Iterable[Step]) -> list[str]:
    """The calls of pip in their order. Those of a second way are taken only where the first fails."""
    lines = []
    for step in steps:
        lines.append(f"{step.title}:")
        for number, way in enumerate(step.ways):
            if number:
                lines.append("  or, if that fails 若失败则：")
            lines += [f"  pip {shlex.join(call)}" for call in way]
    return lines


def both(message: Message) -> list[str]:
    """A message as the lines of a terminal whose reader's language is not known."""
    return [message.en, message.zh]
