"""The port that the app listens on."""

from __future__ import annotations

import socket

from glyph_demo.errors import EngineError, shown
from glyph_demo.settings import LAST_PORT

PORTS_TRIED = 100


def free_port(host: str, first: int) -> int:
    """The first port from `first` on that is free; any free one if `first` is 0. Raises EngineError `no_port`."""
    for port in range(first, min(first + PORTS_TRIED, LAST_PORT + 1)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (socket.gaierror, ValueError, TypeError):  # not the name of a machine
                break
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EngineError(
        "no_port",
        f"No port from {first} on can be used on {shown(host)}. Choose another with --port or --host.",
        f"{shown(host)} 上从 {first} 起没有可用端口。请用 --port 或 --host 另选。",
    )
