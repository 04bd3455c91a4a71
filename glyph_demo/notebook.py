"""The app for a notebook. It runs in a process of its own, so that the kernel stays free and a stopped app leaves
nothing behind in it."""

from __future__ import annotations

import atexit
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, Any

from glyph_demo.config_file import own_config
from glyph_demo.errors import EngineError
from glyph_demo.settings import ENVIRONMENT_PREFIX, load_settings

START_SECONDS = 180.0  # to load libraries from a slow disk
STOP_SECONDS = 30.0
_ADDRESS = re.compile(r"^http://\S+$")


class App:
    """A running app at the address `url`, which a notebook shows in a frame. It ends with `close`, or with the
    kernel."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.url = url
        self._process = process
        atexit.register(self.close)

    def close(self) -> None:
        """Stop the app; a second call does nothing."""
        atexit.unregister(self.close)
        _stop(self._process)

    def __enter__(self) -> App:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return frame(self.url)

    def __repr__(self) -> str:
        return self.url


def frame(url: str) -> str:
    """HTML that shows the app in a notebook. A browser takes localhost and 127.0.0.1 for different sites and lets a
    frame of another site keep neither cookies nor settings, so the frame uses the notebook's own host name."""
    return (
        f'<iframe src="{url}" width="100%" height="800" style="border: 0"></iframe><script>'
        '(frame => { if (location.hostname === "localhost") frame.src = frame.src.replace("127.0.0.1", "localhost") })'
        "(document.currentScript.previousElementSibling)</script>"
    )


def launch(config: str | Path | None = None, **settings: Any) -> App:
    """Start the app and return once it listens. It runs until `close`. `config` is a YAML file like
    glyph_demo/config.yaml; without it the app uses config.yaml of the project's folder, if there is one. `settings` are
    keys of that file, with two underscores between the parts: `launch(engine="pocket", server__port=8000)`. Raises
    SettingsError for unknown keys and unusable values, EngineError `not_started`."""
    config = config or own_config()
    load_settings(config, flags={name.replace("__", "."): value for name, value in settings.items()})
    given = {f"{ENVIRONMENT_PREFIX}{name.upper()}": str(value) for name, value in settings.items() if value is not None}
    command = [sys.executable, "-m", "glyph_demo", "serve"]
    if config is not None:
        command += ["--config", str(Path(config).resolve())]
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parents[1],
        env=os.environ | given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,  # interrupting the kernel does not interrupt the app
    )
    assert process.stdout is not None
    assert process.stderr is not None
    out, complaints = _Lines(process.stdout), _Lines(process.stderr)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        address = next((line for line in out.last if _ADDRESS.match(line)), None)
        if address is not None:
            return App(process, address)
        if process.poll() is not None:
            break
        time.sleep(0.05)
    _stop(process)
    complaints.wait()
    said = " ".join(complaints.last)
    raise EngineError(
        "not_started",
        f"The app did not start. {said} Run `python -m glyph_demo doctor` to see what is missing.",
        f"应用未能启动。{said} 请运行 `python -m glyph_demo doctor` 查看缺少什么。",
    )


class _Lines:
    """The last lines of a stream. A thread reads it to its end, so that its writer never blocks."""

    def __init__(self, stream: IO[str]) -> None:
        self.last: deque[str] = deque(maxlen=10)
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    def wait(self) -> None:
        self._reader.join(timeout=STOP_SECONDS)

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self.last.append(line.strip())


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
