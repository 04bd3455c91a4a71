"""A server that says what a test tells it to, one reply a request: for what real servers do too seldom to wait for."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def chunk(usage=None, reason=None, **delta):
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    return {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
        "usage": usage,
    }


class Stub:
    """`replies` are taken in turn, the last one again and again. A reply is a list of chunks, seconds to wait between
    them, or "cut" to break the connection off; or a status with a body and perhaps headers."""

    def __init__(self, *replies):
        self.replies = list(replies)
        models = [{"id": name, "object": "model"} for name in ("served", "another")]
        self.listed = (200, {"object": "list", "data": models})  # status and body of the list of models
        self.requests = []
        self.keys = []
        self.gone = threading.Event()  # a client went away in the middle of a reply
        self.url = ""

    def handler(self):
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                stub.keys.append(self.headers["Authorization"])
                self.answer(*stub.listed, {})

            def do_POST(self):
                stub.keys.append(self.headers["Authorization"])
                stub.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                reply = stub.replies.pop(0) if len(stub.replies) > 1 else stub.replies[0]
                if isinstance(reply, tuple):
                    return self.answer(*reply, *([{}] if len(reply) == 2 else []))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                try:
                    self.stream(reply)
                except OSError:
                    stub.gone.set()

            def stream(self, reply):
                for step in reply:
                    if step == "cut":
                        self.wfile.write(b"data: {")
                        return
                    if isinstance(step, float):
                        time.sleep(step)
                        continue
                    self.wfile.write(b"data: " + json.dumps(step).encode() + b"\n\n")
                    self.wfile.flush()

            def answer(self, status, body, headers):
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        return Handler


@contextmanager
def serving(*replies):
    stub = Stub(*replies)
    server = ThreadingHTTPServer(("127.0.0.1", 0), stub.handler())
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
