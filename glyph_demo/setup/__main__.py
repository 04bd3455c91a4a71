"""What launch.sh asks, from the project's folder:

python -m glyph_demo.setup plan VENV      what was found and what would be installed
python -m glyph_demo.setup key VENV       the name of the build for this machine, "unknown" while its driver fails; then
                                          lines on its cards
python -m glyph_demo.setup install VENV   install it, in the venv whose Python this is
python -m glyph_demo.setup lock VENV      the same for a new lock: without a card and without the old lock"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from glyph_demo.setup.install import Installation, InstallationFailed, say
from glyph_demo.setup.machine import Machine, look
from glyph_demo.setup.plan import CPU, Build, Lists, build_for, read_lists, steps_after_torch, torch_step
from glyph_demo.setup.report import both, card_line, driver_warning, found_lines, step_lines, warnings
from glyph_demo.setup.venv import Venv


def main(verb: str, folder: str) -> int:
    machine = look(folder)
    build = CPU if verb == "lock" else build_for(machine)
    if verb == "key":
        print("unknown" if machine.trouble else build.name, *card_lines(machine, build), sep="\n")
        return 0
    lists = read_lists(Path(), machine.python)
    venv = Venv(Path(folder))
    if verb == "plan":
        print("\n".join(plan_lines(machine, build, lists, venv)))
        return 0
    if verb == "lock":
        lists = replace(lists, constraints="")
    else:
        for message in warnings(machine, build, lists):
            say("\n".join(both(message)))
    try:
        Installation(venv, sys.executable).run(machine, build, lists, _mirror())
    except InstallationFailed:
        return 1
    return 0


def _mirror() -> str:
    """Where the user has PyTorch's builds from."""
    return os.environ.get("TORCH_INDEX", "")


def card_lines(machine: Machine, build: Build) -> list[str]:
    """What a start says of the cards."""
    lines = [f"GPU: {card_line(card)}, driver {machine.driver}" for card in machine.cards]
    if message := driver_warning(machine, build):
        return [*lines, *both(message)]
    return lines or ["No NVIDIA GPU: the embedded engine reads on the CPU. 没有 NVIDIA 显卡：由内置引擎在 CPU 上读取。"]


def plan_lines(machine: Machine, build: Build, lists: Lists, venv: Venv) -> list[str]:
    """The whole plan for people. The lines that begin with "  pip" are the calls, in order."""
    torch = torch_step(build, machine, lists, venv, _mirror())
    steps = (torch, *steps_after_torch(build.cuda, machine, lists, venv))
    lines = ["# Found 检测结果", *found_lines(machine)]
    lines += [line for message in warnings(machine, build, lists) for line in ("", *both(message))]
    lines += ["", f"# What would be installed in {venv.folder} 将要安装的内容"]
    lines += step_lines(steps)
    lost = [step.lost for step in steps if step.lost]
    if lost:
        lines += ["", "# What a failed step costs 某一步失败的影响", *(line for each in lost for line in both(each))]
        lines += ["", "# Where no torch with CUDA can be had 若无法获得支持 CUDA 的 torch"]
        fallen = (torch_step(CPU, machine, lists, venv), *steps_after_torch(None, machine, lists, venv))
        lines += [line.replace("  pip", "  then pip") for line in step_lines(fallen)]
    return lines


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
