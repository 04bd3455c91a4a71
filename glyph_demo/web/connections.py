"""Limits on idle connections. Uvicorn waits for the header of a request for ever, and accepts connections until the
process has no file descriptor left for anything else."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 15.0  # for the whole header of a request
MAX_HEADER = 64 << 10  # bytes of a header that is still incomplete
RESERVED = 128  # file descriptors for files, pipes to children, and a burst of BACKLOG connections
BACKLOG = 64  # connections that are accepted in one go
FEWEST, MOST = 32, 1000  # open connections
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n"
    b"Connection: close\r\nContent-Length: 22\r\n\r\nToo many connections.\n"
)


def most_connections() -> int:
    """The number of connections that the limit on file descriptors leaves room for."""
    try:
        import resource
    except ImportError:  # not POSIX, where descriptors are no concern
        return MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, max(FEWEST, soft - RESERVED))


class Connection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Uvicorn's HTTP connection with limits on the time and size of headers. If there are too many connections, the one
    that has waited longest for a request is closed; if none waits, the newest is refused."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._loop = asyncio.get_running_loop()
        self._header = 0  # bytes of an incomplete one
        self._timer: asyncio.TimerHandle | None = None
        self._wait()
        if len(self.connections) > most_connections():
            self._make_room()

    def connection_lost(self, error: Exception | None) -> None:
        self._end_wait()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.waits:
            self._end_wait()
            return
        if not self._header:
            self._wait()  # the first bytes of another header
        self._header += len(data)
        rest_of_a_body = self.cycle is not None and self.cycle.more_body  # of a request that was refused
        if self._header > MAX_HEADER and not rest_of_a_body:
            self.transport.abort()

    @property
    def waits(self) -> bool:
        """Whether all its requests are answered."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._end_wait()
        self._since = self._loop.time()
        self._timer = self._loop.call_later(HEADER_SECONDS, self._give_up)

    def _end_wait(self) -> None:
        self._header = 0
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self) -> None:
        if self.waits:
            self.transport.abort()

    def _make_room(self) -> None:
        idle = [other for other in self.connections if other is not self and other.waits]
        if idle:
            min(idle, key=lambda other: other._since).transport.abort()
        else:
            self.transport.write(_FULL)
            self.transport.close()
