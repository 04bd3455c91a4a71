"""The routes that pages of the window fetch from."""

from fastapi import FastAPI
from fastapi.testclient import TestClient

from glyph_demo.settings import load_settings
from glyph_demo.web.files import files_router
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.visit import VISITOR
from tests.fakes import FakeEngine

HEADERS = {VISITOR: "me"}


def test_a_page_is_there_until_its_document_goes_also_in_the_middle_of_a_request(save):
    windows, app = Windows(FakeEngine(), load_settings()), FastAPI()
    window = windows.arrive("tab", visitor="me")
    window.session.open(save("a.txt", "A line of the document.\n"))
    window.reading.wait()
    (page,) = window.reading.pages
    app.include_router(files_router(windows))
    client, address = TestClient(app), f"/pages/{window.reading.key}/{page.digest}.png"
    found = client.get(address, headers=HEADERS)
    assert (found.content, found.headers["content-type"]) == (page.image.read_bytes(), "image/png")
    page.image.unlink()
    assert client.get(address, headers=HEADERS).status_code == 404
    windows.close_all()
    assert client.get(address, headers=HEADERS).status_code == 404
