"""A server on a thread of the test."""

import contextlib
import threading
import time

import uvicorn


@contextlib.contextmanager
def served(config):
    """The port at which an app is served for as long as the block lasts; `config` is uvicorn's."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "it could not start"
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
