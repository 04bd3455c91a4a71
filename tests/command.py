"""The command line as a process of its own."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
EXAMPLES = PROJECT / "glyph_demo" / "assets" / "examples"


def run(*arguments, environment=None):
    result = subprocess.run(
        [sys.executable, "-m", "glyph_demo", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
    )
    assert "Traceback" not in result.stderr
    return result


def run_json(*arguments, exit_code=0, environment=None):
    result = run(*arguments, "--json", environment=environment)
    assert result.returncode == exit_code, result.stderr
    assert result.stdout.count("\n") == 1, "exactly one line on stdout"
    return json.loads(result.stdout)


@contextlib.contextmanager
def started(command, log, **how):
    """A process of the app, and the address that it prints. Its complaints go to the file `log`; none is of a bug."""
    with log.open("w") as complaints:
        app = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=complaints, text=True, **how)
        try:
            address = app.stdout.readline().strip()
            assert address.startswith("http"), log.read_text()
            yield app, address
        finally:
            app.terminate()
            app.communicate(timeout=180)
    assert "Traceback" not in log.read_text(), log.read_text()
