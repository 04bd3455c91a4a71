"""Runs a plan: the calls of pip, one after the other, in the venv that is set up."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable

from glyph_demo.errors import Message
from glyph_demo.setup.machine import Machine
from glyph_demo.setup.plan import CPU, REST, WHEELS, Build, Call, Lists, Step, steps_after_torch, torch_step
from glyph_demo.setup.report import both
from glyph_demo.setup.venv import Venv

CONSTRAINTS = "constraints.txt"
MISSING = ".missing"


class InstallationFailed(Exception):
    """Something is missing that the app cannot do without."""


class Installation:
    """One set-up of a venv. `python` is the one that pip runs in."""

    def __init__(self, venv: Venv, python: str) -> None:
        self._venv = venv
        self._python = python
        self._missing: list[Message] = []

    def run(self, machine: Machine, build: Build, lists: Lists, mirror: str) -> None:
        """Install everything. What can be done without is noted in the venv, for later starts. Raises
        InstallationFailed."""
        folder = self._venv.folder
        (folder / REST).write_text(lists.rest, encoding="utf-8")
        (folder / CONSTRAINTS).write_text(lists.constraints, encoding="utf-8")
        cuda = None
        if self._get_torch(torch_step(build, machine, lists, self._venv, mirror), build):
            cuda = self._venv.torch_cuda() if build.cuda else None
        else:
            self._install(torch_step(CPU, machine, lists, self._venv))
        for step in steps_after_torch(cuda, machine, lists, self._venv):
            self._install(step)
        shutil.rmtree(folder / WHEELS, ignore_errors=True)
        lines = [line for lost in self._missing for line in both(lost)]
        (folder / MISSING).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _get_torch(self, step: Step, build: Build) -> bool:
        """Whether one of the ways gave a torch for the build. A mirror may well hold another one."""

        def serves() -> str:
            cuda = self._venv.torch_cuda()
            if build.cuda is None or (cuda and cuda <= build.cuda):
                return ""
            return f"this torch is built for {f'CUDA {cuda}' if cuda else 'the CPU'}"

        return self._install(step, serves)

    def _install(self, step: Step, wrong: Callable[[], str] = lambda: "") -> bool:
        """Whether one of the ways worked, and left nothing `wrong`. Raises InstallationFailed where none did and set-up
        cannot go on without."""
        say(f"{step.title} ...")
        said = ""
        for way in step.ways:
            said = next((said for call in way if (said := self._pip(call))), "") or wrong()
            if not said:
                return True
            say(f"  pip {shlex.join(way[0])}: {_reason(said)}")
        if step.lost is None:
            say(said.strip())
            raise InstallationFailed(step.title)
        self._missing.append(step.lost)
        for line in both(step.lost):
            say(line)
        return False

    def _pip(self, call: Call) -> str:
        """ "" if it worked, else what pip said. pip keeps the open file that locks the venv, so that the lock stays as
        long as anything of a set-up that was killed still runs."""
        done = subprocess.run(
            [self._python, "-m", "pip", *call],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            close_fds=False,
            env={
                **os.environ,
                "PIP_QUIET": "1",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PIP_CONSTRAINT": (self._venv.folder / CONSTRAINTS).absolute().as_uri(),  # pip splits it at spaces
            },
            check=False,
        )
        return "" if done.returncode == 0 else done.stdout or f"pip ended with {done.returncode}"


def _reason(said: str) -> str:
    """The line of pip's that says most; the last, as a rule, sums up."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines)[0][:300]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
