"""What pip installs: the wheel holds all that the package reads, and the command works anywhere."""

import email
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from glyph_demo import __version__

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "glyph_demo"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: setuptools would take along what an earlier build has left."""
    source, target = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(PACKAGE, source / "glyph_demo", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "benchmarks", source / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (
        "pyproject.toml",
        "requirements.txt",
        "requirements-test.txt",
        "requirements-gpu.txt",
        "README.md",
        "LICENSE",
    ):
        shutil.copy(PROJECT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", target, source]
    subprocess.run(pip, check=True)
    return next(target.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package_and_nothing_beside_it(wheel):
    here = {str(p.relative_to(PROJECT)) for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == here
    assert {"glyph_demo/config.yaml", "glyph_demo/py.typed", "glyph_demo/ui/style.css"} <= here


def test_version_and_licence_are_the_same_wherever_they_stand(wheel):
    archive = zipfile.ZipFile(wheel)
    metadata = email.message_from_bytes(archive.read(f"glyph_demo-{__version__}.dist-info/METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "license: apache-2.0" in (PROJECT / "README.md").read_text(encoding="utf-8").split("---\n")[1].splitlines()
    assert "Apache License\n" in (PROJECT / "LICENSE").read_text().split("Version 2.0", 1)[0]
    assert f"## [{__version__}]" in (PROJECT / "CHANGELOG.md").read_text()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_an_installed_command_answers_from_another_directory(wheel, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([tmp_path / "venv" / "bin" / "python", "-m", "pip", "install", "-q", wheel], check=True)
    (tmp_path / "letter.txt").write_text("The ferry costs 40 crowns. The tower opens in May.\n")
    ask = [tmp_path / "venv" / "bin" / "glyph-demo", "ask", "letter.txt", "What does the ferry cost?", "--json"]
    said = json.loads(subprocess.run(ask, cwd=tmp_path, stdout=subprocess.PIPE, check=True).stdout)
    assert "40 crowns" in said["answers"][0]["text"]
