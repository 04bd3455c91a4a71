"""Bodies that cost a server the most for their size, and the app in a process of its own to send them to. As a program,
`python -m tests.serving.costly [MB]` prints what each cost, for a limit on files of so many MB."""

import contextlib
import http.client
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.serving.pictures import encoded, noise

CHAT, GENERATE, FILES = "/v1/chat/completions", "/api/v1/generate", "/v1/files"
JSON, FORM = "application/json", "multipart/form-data; boundary=xyzxyz"
JOIN, EVENT = "/gradio_api/queue/join", 64 << 10
DELIMITER = b"--xyzxyz\r\n"
SERVER = """
import contextlib, pathlib, sys, time
sys.setswitchinterval(0.001)
from tests.reliability import visitors
visitors.MAX_FILE_MB = int(sys.argv[2])
with visitors.serving(pathlib.Path(sys.argv[1])) as address:
    print(address[1], flush=True)
    sys.stdin.read()
"""


def filled(piece: bytes, size: int) -> bytes:
    return piece * max(1, size // len(piece))


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size: int, kind: bytes) -> bytes:
    """A picture with empty chunks of a kind after its header."""
    plain = encoded(noise(1))
    return plain[:33] + filled(chunk(kind), size - len(plain)) + plain[33:]


def jpeg(size: int, segment: bytes) -> bytes:
    plain = encoded(noise(1), "JPEG")
    return plain[:2] + filled(segment, size - len(plain)) + plain[2:]


def scans(size: int) -> bytes:
    """A progressive picture whose last scan comes again and again."""
    plain = encoded(noise(1, 2000, 2000), "JPEG", progressive=True, quality=5)
    last = plain.rindex(b"\xff\xda")
    return plain[:last] + filled(plain[last:-2], size - len(plain)) + b"\xff\xd9"


def webp(size: int) -> bytes:
    plain = encoded(noise(1), "WEBP")
    body = plain[12:] + filled(b"JUNK\0\0\0\0", size - len(plain))
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def field(name: str, data: bytes, more: bytes = b"") -> bytes:
    return DELIMITER + f'Content-Disposition: form-data; name="{name}"'.encode() + more + b"\r\n\r\n" + data + b"\r\n"


def form(*fields: bytes) -> bytes:
    return b"".join(fields) + b"--xyzxyz--\r\n"


def file(name: str, data: bytes) -> bytes:
    return field(name, data, b'; filename="a"')


def asking(picture: bytes) -> bytes:
    return form(field("prompt", b"?"), file("image", picture))


def talk(content: bytes, more: bytes = b"") -> bytes:
    return b'{"messages":[{"role":"user","content":' + content + b"}]" + more + b"}"


def beside(piece: bytes, around: bytes = b"[%s]") -> Callable[[int], bytes]:
    """A question with a field that no one knows, full of pieces."""
    return lambda size: b'{"prompt":"?","x":' + around % (filled(piece + b",", size - 40) + piece) + b"}"


def event(data: bytes) -> bytes:
    """Of the window, as large as events may be."""
    return b'{"session_hash":"s","fn_index":0,"data":[null,' + data + b"]}"


def events(piece: bytes, behind: bytes = b",0") -> Callable[[int], bytes]:
    return lambda size: event(filled(piece, min(size, EVENT) - 100) + behind)


# For each route and content type by name: the body of about `size` bytes.
_BY_ROUTE: dict[tuple[str, str], dict[str, Callable[[int], bytes]]] = {
    (GENERATE, JSON): {
        "lists in JSON": beside(b"[]"),
        "empty strings in JSON": beside(b'""'),
        "one number in JSON": lambda size: b'{"prompt":"?","seed":' + b"1" * size + b"}",
        "one key again and again": beside(b'"prompt":"?"', b"{%s}"),
        "a document and an emoji": lambda size: (
            b'{"prompt":"\xf0\x9f\x98\x80","document":"' + b"AAAA" * (size // 4 - 20) + b'"}'
        ),
        "a document of escapes": lambda size: b'{"prompt":"?","document":"' + b"\\u0041" * (size // 6 - 10) + b'"}',
        "ten thousand pictures": lambda size: (
            b'{"prompt":"?","images":[' + filled(b'"iVBORw0KGgo=",', size - 100) + b'"x"]}'
        ),
    },
    (CHAT, JSON): {
        "objects in JSON": beside(b"{}"),
        "numbers in JSON": beside(b"1"),
        "deep JSON": lambda size: b"[" * size,
        "blanks in JSON": lambda size: b" " * size + b"{}",
        "an emoji in a document": lambda size: talk(
            b'[{"type":"file","file":{"file_data":"' + b"A" * (size - 200) + b'\xf0\x9f\x98\x80"}},"?"]'
        ),
        "a text of emojis": lambda size: talk(b'"' + b"\xf0\x9f\x98\x80" * (size // 4 - 30) + b'"'),
        "letters and an emoji": lambda size: talk(b'"' + b"a" * (size - 100) + b'\xf0\x9f\x98\x80"'),
        "messages that are none": lambda size: b'{"messages":[' + filled(b"0,", min(size, 300_000)) + b"0]}",
        "parts that are none": lambda size: talk(b"[" + filled(b'{"type":"x"},', min(size, 1_900_000)) + b"0]"),
        "a thousand stops": lambda size: talk(
            b'"' + b"aaaa " * 2000 + b'"',
            b',"stop":[' + b",".join(b'"%saaa%d"' % (b"a" * 13, n) for n in range(1000)) + b"]",
        ),
    },
    (GENERATE, FORM): {
        "a picture of empty PNG chunks": lambda size: asking(png(size - 300, b"teSt")),
        "a picture of empty IDAT chunks": lambda size: asking(png(size - 300, b"IDAT")),
        "a picture of empty JPEG segments": lambda size: asking(jpeg(size - 300, b"\xff\xfe\0\2")),
        "a picture of fill bytes": lambda size: asking(jpeg(size - 300, b"\xff")),
        "a picture of Exif segments": lambda size: asking(
            jpeg(size - 300, b"\xff\xe1\xff\xfeExif\0\0" + b"\0" * 65526)
        ),
        "a picture of scans": lambda size: asking(scans(size - 300)),
        "a picture that never ends": lambda size: asking(
            encoded(noise(1), "JPEG")[:-2] + b"\xff\0" * (size // 2 - 5000)
        ),
        "a picture of WebP chunks": lambda size: asking(webp(size - 300)),
        "a form of tiny parts": lambda size: form(*[field("x", b"1")] * max(1, (size - 200) // len(field("x", b"1")))),
        "a form of a thousand parts": lambda size: form(*[field("x", b"1")] * 999, field("prompt", b"?")),
        "a form with a text of a document": lambda size: form(
            field("prompt", b"?"), field("document", b"AAAA" * (size // 4 - 100))
        ),
    },
    (FILES, FORM): {
        "a form of returns": lambda size: form(file("file", b"\r" * (size - 200))),
        "a form of line ends": lambda size: form(file("file", b"\r\n" * (size // 2 - 100))),
        "a form of almost boundaries": lambda size: form(file("file", filled(b"\r\n--xyzxy", size - 200))),
        "a form of padding": lambda size: file("file", b"") + b"--xyzxyz" + b" " * (size - 200),
        "a form of one header": lambda size: form(field("x", b"", b";" * (size - 200))),
    },
    (FILES, "multipart/form-data; boundary=x"): {
        "a form of boundaries that are none": lambda size: (
            b"--x\r\n" + file("file", filled(b"\r\n--x\ry", size - 200))[len(DELIMITER) :] + b"--x--\r\n"
        )
    },
    (JOIN, JSON): {
        "an event of lists": events(b"[],", b"0"),
        "an event of objects": events(b"{},", b"0"),
        "an event of keys": events(b'{"a":1},', b"0"),
        "a deep event": events(b"[", b""),
        "an event of one text": lambda size: event(b'"' + b"\\u4e2d" * ((EVENT - 100) // 6) + b'"'),
    },
    ("/gradio_api/run/predict", JSON): {"an event that is answered at once": events(b"[],", b"0")},
    ("/login", "application/x-www-form-urlencoded"): {"a login of fields": lambda size: b"a=1&" * (EVENT // 4 - 1)},
    ("/uploads?name=a.txt", "application/octet-stream"): {"a file": lambda size: b"x" * size},
}
# By name: the route, the content type and the body.
BODIES = {name: (*way, body) for way, bodies in _BY_ROUTE.items() for name, body in bodies.items()}


class Cost(NamedTuple):
    """Of a request: `wait` is the longest that /healthz took meanwhile, `memory` the peak in bytes for each byte of the
    body."""

    status: int
    size: int
    seconds: float
    cpu: float
    wait: float
    memory: float


class App:
    """The app in a process of its own, over an engine that needs nothing."""

    def __init__(self, port: int, process: psutil.Process) -> None:
        self.port = port
        self.process = process
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            self._cookie = (connection.getresponse().getheader("Set-Cookie") or "").partition(";")[0]

    def sent(self, route: str, kind: str, body: bytes) -> Cost:
        """Send a body, and ask /healthz meanwhile."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # its peak begins anew
        before, cpu = self.process.memory_info().rss, sum(self.process.cpu_times()[:2])
        ended, waits = threading.Event(), [0.0]
        asking = threading.Thread(target=self._ask, args=(ended, waits))
        asking.start()
        start = time.perf_counter()
        try:
            status = self._post(route, kind, body)
        finally:
            seconds = time.perf_counter() - start
            ended.set()
            asking.join()
        cpu = sum(self.process.cpu_times()[:2]) - cpu
        return Cost(status, len(body), seconds, cpu, max(waits), max(0, self._peak() - before) / len(body))

    def _post(self, route: str, kind: str, body: bytes) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)
        with contextlib.closing(connection):
            with contextlib.suppress(ConnectionError):  # it may be refused before it is sent to the end
                connection.request("POST", route, body, {"Content-Type": kind, "Cookie": self._cookie})
            return connection.getresponse().status

    def _ask(self, ended: threading.Event, waits: list[float]) -> None:
        while not ended.wait(0.02):
            start = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)
            with contextlib.closing(connection):
                connection.request("GET", "/healthz")
                assert connection.getresponse().status == 200
            waits.append(time.perf_counter() - start)

    def _peak(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


@contextlib.contextmanager
def app(folder: Path, max_file_mb: int) -> Iterator[App]:
    command = [sys.executable, "-c", SERVER, str(folder), str(max_file_mb)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout
        yield App(int(process.stdout.readline()), psutil.Process(process.pid))
        process.communicate("")


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print("| body | status | MB | s | CPU s | /healthz s | bytes a byte |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, app(Path(folder), megabytes) as running:
        for name, (route, kind, body) in BODIES.items():
            if sys.argv[2:] and name not in sys.argv[2:]:
                continue
            cost = running.sent(route, kind, body(megabytes * 4 // 3 << 20))
            print(
                f"| {name} | {cost.status} | {cost.size / 2**20:.1f} | {cost.seconds:.2f} | {cost.cpu:.2f} | "
                f"{cost.wait:.2f} | {cost.memory:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
