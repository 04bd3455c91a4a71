"""launch.sh with what it needs made small: venvs that borrow one pip, and packages of our own instead of an index. It
is killed for good, with all its processes, at many moments."""

import os
import re
import signal
import subprocess
import time

import pytest

from tests.launching import LOCK, MANY, PATIENCE, Project, make_wheels, real_pip


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    pip, wheels = tmp_path_factory.mktemp("pip"), tmp_path_factory.mktemp("wheels")
    real_pip(pip)
    make_wheels(wheels)
    return pip, wheels


@pytest.fixture
def project(tmp_path, packages):
    return Project(tmp_path, *packages)


def wait_for(reached):
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def kill(process):
    """With everything that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)


MOMENTS = {
    "bare": lambda project: project.reached.exists(),
    "without-pip": lambda project: project.reached.exists(),
    "complete": lambda project: project.reached.exists(),
    "first package there": lambda project: project.site("torch-*/RECORD"),
    "amid a package": lambda project: project.site(f"runtime/part{MANY // 3}.txt"),
    "packages there": lambda project: project.site("runtime-*/RECORD"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_set_up_killed_at_any_moment_is_made_up_for_by_the_next(project, moment):
    cut_off = project.start("--setup-only", STOP_AT=moment)
    wait_for(lambda: MOMENTS[moment](project))
    kill(cut_off)
    code, out, complaints = project.run("--port", "8000")
    assert (code, out) == (0, "app serve --port 8000\n"), complaints
    assert project.parts() == MANY


def test_the_versions_of_the_lock_are_installed_and_a_changed_lock_is_followed(project):
    assert project.run("--setup-only")[0] == 0
    assert project.site("helper-*").name == "helper-1.0.dist-info"
    (project.folder / "requirements.lock").write_text(LOCK.replace("1.0", "2.0"))
    assert project.run("--setup-only")[0] == 0
    assert project.site("helper-*").name == "helper-2.0.dist-info"


def test_a_lock_of_another_python_is_not_used_and_that_is_said(project):
    (project.folder / "requirements.lock").write_text(LOCK.replace(LOCK.split()[2], "3.7"))
    code, _, complaints = project.run("--setup-only")
    assert code == 0, complaints
    assert "requirements.lock is for Python 3.7." in complaints
    assert project.site("helper-*").name == "helper-2.0.dist-info"


def test_a_venv_without_pip_from_elsewhere_is_made_again(project):
    subprocess.run([project.environment["REAL_PYTHON"], "-m", "venv", "--without-pip", project.venv], check=True)
    code, _, complaints = project.run("--setup-only")
    assert code == 0, complaints
    assert project.parts() == MANY


def test_of_two_at_once_the_second_waits_and_goes_on(project):
    first = project.start("first", STOP_AT="without-pip")
    wait_for(project.reached.exists)
    second = project.start("second")
    said = second.stderr.readline()
    assert "waiting for it" in said
    assert "等待" in said
    kill(first)  # the lock goes with it
    out, complaints = second.communicate(timeout=PATIENCE)
    assert (second.returncode, out) == (0, "app serve second\n"), complaints
    assert project.parts() == MANY


def test_two_at_once_install_once(project):
    both = [project.start("--setup-only") for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("Setting up" in words for words in said) == 1
    assert project.parts() == MANY


def test_where_the_cpu_build_of_torch_is_missing_the_reason_is_told_and_the_usual_one_is_taken(project):
    (project.folder / "requirements.lock").write_text(LOCK.replace("2.13.0", "9.9"))
    code, _, complaints = project.run("--setup-only")
    assert re.search("torch==9.9[+]cpu: ERROR: .*torch==9.9", complaints)
    assert (code, project.site("torch-*").name) == (0, "torch-2.13.0+cpu.dist-info")


def test_what_cannot_be_installed_ends_in_one_line_and_a_later_start_goes_on(project):
    needed = project.folder / "requirements.txt"
    wanted = needed.read_text()
    needed.write_text(f"{wanted}nowhere==1\n")
    code, _, complaints = project.run("--setup-only")
    assert code == 1
    assert "Not everything could be installed" in complaints
    needed.write_text(wanted)
    assert project.run("--setup-only")[0] == 0


def test_what_pip_gave_up_before_it_began_takes_nothing_from_a_complete_set_up(project):
    assert project.run("--setup-only")[0] == 0
    (project.folder / "requirements-test.txt").write_text("nowhere==1\n")
    code, _, complaints = project.run("test")
    assert code == 1
    assert "Not everything could be installed" in complaints
    code, out, complaints = project.run()
    assert (code, out) == (0, "app serve\n")
    assert "Setting up" not in complaints


def test_a_complete_set_up_runs_from_a_folder_that_cannot_be_written(project):
    assert project.run("--setup-only")[0] == 0
    before = {path: path.stat().st_mtime_ns for path in (project.folder, project.venv, *project.venv.iterdir())}
    assert project.run()[1] == "app serve\n"
    assert {path: path.stat().st_mtime_ns for path in before} == before, "nothing was written"


@pytest.mark.parametrize("venv", ["/proc/venv", "/dev/null/venv"])
def test_a_place_that_cannot_be_written_is_named_in_one_line(project, venv):
    code, out, complaints = project.run(VENV=venv)
    assert (code, out) == (1, "")
    english, chinese = complaints.splitlines()
    assert english.startswith(f"{venv} cannot be written. Move the project")
    assert "VENV=/path" in chinese


def test_the_venv_may_stand_elsewhere_and_nothing_of_others_is_cleared(project, tmp_path):
    elsewhere, full = tmp_path / "else where", tmp_path / "full"
    assert project.run(VENV=str(elsewhere))[1] == "app serve\n"
    assert not project.venv.exists()
    full.mkdir()
    (full / "letters").write_text("dear")
    code, _, complaints = project.run(VENV=str(full))
    assert code == 1
    assert "holds something else" in complaints
    assert (full / "letters").exists()


def test_an_audit_without_a_network_says_so_and_fails(project):
    nowhere = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "no_proxy": ""}
    code, _, complaints = project.run("test", "--audit", **nowhere)
    assert code == 1
    assert "vulnerability service (pypi.org) cannot be reached" in complaints
    assert "Traceback" not in complaints
