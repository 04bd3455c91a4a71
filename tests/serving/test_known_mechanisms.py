"""Mechanisms by which servers of this kind were attacked, each sent here as it was sent there."""

import base64
import contextlib
import json
import secrets
import socket
import threading

import numpy as np
import pytest
from PIL import Image

from glyph_demo.serving.library import Picture
from tests.fakes import FakeEngine
from tests.serving.costly import png
from tests.serving.pictures import base64_png, encoded, image_part, noise

CHAT, GENERATE = "/v1/chat/completions", "/api/v1/generate"


def asked(*parts, **more):
    return {"messages": [{"role": "user", "content": [*parts, {"type": "text", "text": "Who?"}]}], **more}


@contextlib.contextmanager
def listener():
    """The port of a server that nobody may call, and who called it."""
    called = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    client, address = server.accept()
                    called.append(address)
                    client.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1], called
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def addresses(port):
    host = f"127.0.0.1:{port}"
    yield from (f"{scheme}://{host}/a.png" for scheme in ("http", "https", "ftp", "HTTP", "hTtPs", "gopher", "ws"))
    yield from (f"{blank}http://{host}/a.png" for blank in (" ", "\n\t", "\u00a0", "\x01"))
    yield from rf"//{host}/a.png \\{host}\a http:{host}/a http:\\{host} url:http://{host}/a.png".split()
    yield from (f"http://{name}:{port}/" for name in ("localhost", "2130706433", "①②⑦.⓪.⓪.①", "[::1]"))
    yield from f"http://user@{host}/ http://example.com@{host}/ http://{host}#@example.com/ ｈｔｔｐ://{host}/".split()
    yield from f"file:///etc/passwd file://localhost/etc/passwd /etc/passwd ../../etc/passwd unix://{host}".split()
    yield f"data:text/html,<meta http-equiv=refresh content='0;url=http://{host}/'>"
    yield f"data:http://{host}/;base64,x"
    page = base64.b64encode(f"HTTP/1.1 302 Found\r\nLocation: http://{host}/a.png\r\n\r\n".encode()).decode()
    drawing = base64.b64encode(f'<svg><image href="http://{host}/a.png"/></svg>'.encode()).decode()
    yield from (f"data:image/png;base64,{page}", f"data:image/svg+xml;base64,{drawing}", f"data:;base64,{page}")


def with_address(address):
    """Requests with an address in every field that could hold one."""
    yield GENERATE, {"prompt": "?", "image": address}
    yield GENERATE, {"prompt": "?", "images": [address]}
    yield GENERATE, {"prompt": "?", "document": address, "document_name": address}
    yield CHAT, asked({"type": "image_url", "image_url": address})
    yield CHAT, asked({"type": "image_url", "image_url": {"url": address}})
    yield CHAT, asked({"type": "file", "file": {"file_data": address, "filename": address}})
    yield CHAT, asked({"type": "file", "file": {"file_id": address}})
    yield CHAT, asked({"type": "file", "file": {"file_url": address}})


def test_no_field_makes_the_server_call_an_address_or_open_a_path(serve):
    with listener() as (port, called), serve().client as client:
        for address in addresses(port):
            for route, body in with_address(address):
                answer = client.post(route, json=body)
                # A data URL of a text is a document, of a text with an address in it.
                assert answer.status_code in (404, 422) or address.startswith("data:"), (address, answer.text)
                assert "root:" not in answer.text
            form = {"prompt": (None, "?"), "image": (None, address)}
            assert client.post(GENERATE, files=form).status_code == 422
        assert not called


def animated(kind):
    return encoded(noise(1), kind, save_all=True, append_images=[noise(2), noise(3)])


PAGES = {
    "a palette of bytes for holes": encoded(noise(3).convert("P"), transparency=bytes(range(256))),
    "a colour for a hole": encoded(noise(3), transparency=(1, 2, 3)),
    "a moving png": animated("PNG"),
    "a moving webp": animated("WEBP"),
    "lossless webp": encoded(noise(5).convert("RGBA"), "WEBP", lossless=True),
    "progressive": encoded(noise(6), "JPEG", progressive=True),
    "junk before a marker": encoded(noise(7), "JPEG")[:2] + b"\xff\xff\xff" + encoded(noise(7), "JPEG")[3:],
    "a picture behind the picture": encoded(noise(8), "JPEG") + encoded(noise(9), "JPEG"),
}


@pytest.mark.parametrize("kind", PAGES)
def test_odd_pictures_become_pages(client, kind):
    answer = client.post(GENERATE, files={"image": PAGES[kind]}, data={"prompt": "?"})
    assert (answer.status_code, answer.json().get("text")) == (200, "1 pages, turn 1: ? ")


def sized(width, height):
    plain = bytearray(encoded(noise(1)))
    plain[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return bytes(plain)


BOMBS = {
    "no pixels": sized(0, 0),
    "no width": sized(0, 90),
    "more pixels than there are": sized(2**31 - 1, 2**31 - 1),
    "negative": sized(2**32 - 1, 2**32 - 1),
    "more pixels than data": sized(3000, 3000),
    "chunks": png(1 << 20, b"teSt"),
    "a gif": animated("GIF"),
    "a tiff": encoded(noise(1), "TIFF"),
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(r) file\n",
    "half a jpeg": encoded(noise(1, 400, 400), "JPEG")[:900],
    "a riff": b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0",
    "a jpeg of nothing": b"\xff\xd8\xff\xd9",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_without_a_word_of_a_library(client, kind):
    answer = client.post(GENERATE, files={"image": BOMBS[kind]}, data={"prompt": "?"})
    assert answer.status_code in (413, 422)
    assert answer.json()["error"]["code"] in ("not_an_image", "image_too_large", "image_too_narrow")
    for word in ("0x", "/usr", "/tmp", "site-packages", "PIL", "libjpeg", "Traceback", "object at", "chunk", "bytes"):
        assert word not in answer.text


def test_orientation_is_read_from_small_exif_only(serve):
    exif = Image.Exif()
    exif[0x0112] = 6
    small = encoded(noise(1, 20, 30), exif=exif)
    exif[0x9286] = b"x" * 100_000
    large = encoded(noise(1, 20, 30), exif=exif)
    from glyph_demo.serving.images import decode_image

    assert decode_image(small).shape[:2] == (30, 20)
    assert decode_image(large).shape[:2] == (20, 30)


def test_fields_of_templates_reach_none(client):
    template = "{{ ''.__class__.__mro__[1].__subclasses__() }}{% for i in range(10**9) %}x{% endfor %}"
    fields = ("chat_template", "documents", "mm_processor_kwargs", "add_generation_prompt", "continue_final_message")
    more = dict.fromkeys((*fields, "response_role", "guided_json", "guided_regex", "logits_processors"), template)
    kwargs = {"chat_template": template, "tokenize": False, "enable_thinking": False, template: template}
    plain = client.post(CHAT, json=asked(image_part(1))).json()
    answer = client.post(CHAT, json=asked(image_part(1), **more, chat_template_kwargs=kwargs)).json()
    text = client.post(CHAT, json=asked({"type": "text", "text": template})).json()
    assert answer["choices"] == plain["choices"]
    assert template in text["choices"][0]["message"]["content"]


def test_keys_are_compared_in_constant_time_and_all_of_them(serve, monkeypatch):
    compared = []

    def watched(sent, known):
        compared.append(known)
        return same(sent, known)

    same = secrets.compare_digest
    monkeypatch.setattr(secrets, "compare_digest", watched)
    with serve(**{"server.api_key": "first,second,third"}).client as client:
        for key, status in (("first", 200), ("third", 200), ("f", 401), ("seconds", 401)):
            compared.clear()
            headers = {"Authorization": f"Bearer {key}"}
            assert client.get("/v1/models", headers=headers).status_code == status
            assert compared == [b"first", b"second", b"third"]


def test_pictures_are_told_apart_by_whole_hashes_and_by_their_size(serve):
    """Of hashes that are cut, or of pixels alone, two pictures could be made the same."""
    pixels = np.arange(0, 240, dtype=np.uint8)
    wide, high = (encoded(Image.fromarray(pixels.reshape(shape))) for shape in ((12, 20), (20, 12)))
    assert len(Picture(wide).key) == 64
    sent = {"prompt": "?", "images": [base64.b64encode(one).decode() for one in (wide, high)]}
    engine = FakeEngine()
    with serve(engine).client as client:
        assert client.post(GENERATE, json=sent).json()["text"].startswith("2 pages")
    assert len(set(engine.encoded)) == 2


def test_ids_of_files_cannot_be_guessed(client):
    ids = [client.post("/v1/files", files={"file": ("a.txt", b"x")}).json()["id"] for _ in range(20)]
    assert len({one[:13] for one in ids}) == 20
    assert all(len(one.removeprefix("file-")) >= 24 for one in ids)


def test_a_body_in_another_alphabet_is_an_error_and_nothing_else(client):
    """Codecs of Python's that a client names can take minutes."""
    body = json.dumps({"prompt": "?", "image": base64_png(1)})
    for kind in ("application/json; charset=utf-16", "application/json; charset=punycode", "application/json;;;"):
        answer = client.post(GENERATE, content=body.encode("utf-16"), headers={"Content-Type": kind})
        assert answer.status_code == 422
    form = '--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nüber?\r\n--x--\r\n'.encode()
    for charset in ("punycode", "idna", "utf-7", "no-such-thing"):
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        answer = client.post(GENERATE, content=form, headers={"Content-Type": kind})
        assert answer.json()["text"] == "0 pages, turn 1: über? "
