"""What set-up and `doctor` find on a machine, and what they say of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from glyph_demo import libraries
from glyph_demo.setup import machine as machines
from glyph_demo.setup import plan as plans
from glyph_demo.setup import report
from glyph_demo.setup.venv import Venv, torch_cuda

PROJECT = Path(__file__).parents[1]


def test_a_driver_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\nsleep 600\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(machines, "PATIENCE", 0.5)
    driver, cards, trouble = machines.ask_driver()
    assert (driver, cards) == ("", ())
    assert "does not answer" in trouble.en
    assert "没有响应" in trouble.zh


def test_on_windows_the_driver_is_asked_where_wsl_has_it(tmp_path, monkeypatch):
    script = tmp_path / "nvidia-smi-of-wsl"
    script.write_text("#!/bin/sh\necho NVIDIA GeForce RTX 3060, 580.95.05, 12288, 8.6\n")
    script.chmod(0o755)
    monkeypatch.setattr(machines.shutil, "which", lambda name: name if "/" in name else None)
    monkeypatch.setattr(machines, "WSL_NVIDIA_SMI", str(script))
    driver, (card,), trouble = machines.ask_driver()
    assert (driver, card.memory, card.capability, trouble) == ("580.95.05", 12288 * 2**20, (8, 6), None)


def test_a_card_that_shares_the_machines_memory_is_a_card():
    assert machines._card(["NVIDIA GB10", "580.95.05", "[N/A]", "12.1"]) == machines.Card("NVIDIA GB10", None, (12, 1))


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("ID=ubuntu\nID_LIKE=debian\n", "sudo apt install build-essential python3-dev"),
        ('ID=rocky\nID_LIKE="rhel centos fedora"\n', "sudo dnf install gcc python3-devel"),
        ("ID=manjaro\nID_LIKE=arch\n", "sudo pacman -S gcc python"),
        ("ID=plan9\n", "apt install"),
    ],
)
def test_what_triton_lacks_is_named_with_the_command_of_the_distribution(tmp_path, monkeypatch, release, command):
    file = tmp_path / "os-release"
    file.write_text(release)
    assert command in report.compiler_remedy(file)
    monkeypatch.setattr(report, "compiler_remedy", lambda: report.PACKAGES["arch"])
    assert report.compiler_warning("/usr/bin/gcc", True) is None
    assert "gcc and Python.h" in report.compiler_warning(None, False).en
    assert "pacman" in report.compiler_warning("/usr/bin/gcc", False).zh


def test_a_full_disk_and_a_python_that_was_not_tried_are_told_before_anything_is_installed(tmp_path):
    machine = replace(machines.look(str(tmp_path)), python=(3, 14), free=10**9, compiler=None, trouble=None)
    lists = plans.read_lists(PROJECT, machine.python)
    for build, needed in ((plans.CPU, "3 GB"), (plans.CUDA_13, "16 GB")):
        said = "\n".join(message.en for message in report.warnings(machine, build, lists))
        assert needed in said
        assert "not tried with Python 3.14" in said
        assert ("Without gcc" in said) == (build is plans.CUDA_13)


@pytest.mark.parametrize(
    ("cuda", "driver", "fits"),
    [
        ("13.0", "580.95", True),
        ("13.0", "570.1", False),
        ("12.8", "550.54", True),
        ("12.6", "470.1", False),
        ("", "580.1", False),
    ],
)
def test_a_torch_that_cannot_use_the_card_is_told_with_the_remedy(cuda, driver, fits):
    message = report.torch_warning(cuda, driver)
    assert (message is None) == fits
    assert fits or "--setup-only" in message.en


def test_the_cuda_of_the_installed_torch_is_read_without_importing_it():
    import torch

    assert torch_cuda() == (torch.version.cuda or "")
    assert Venv(Path("/nowhere")).torch_cuda() is None


def test_tensorrt_that_is_not_there_is_not_loaded(monkeypatch):
    monkeypatch.setattr(libraries, "TENSORRT", ("libnvinfer.so.0",))
    assert libraries.tensorrt_folder() is None
    assert not libraries.load_tensorrt()


def test_the_lock_names_no_version_that_a_build_of_torch_chooses():
    """An older CUDA needs an older torch, which pins an older triton."""
    lock = (PROJECT / plans.LOCK).read_text(encoding="utf-8")
    python = tuple(map(int, lock.splitlines()[0].removeprefix("# Python ").split(".")))
    constraints = plans.read_lists(PROJECT, python).constraints
    assert "gradio==" in constraints
    assert {"torch", "triton"}.isdisjoint(line.partition("==")[0] for line in constraints.splitlines())
