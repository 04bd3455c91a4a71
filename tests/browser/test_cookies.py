"""Cookies of the window and of other apps on this machine: browsers send an address those of all its ports."""

import contextlib
import http.server
import threading

import pytest
from playwright.sync_api import expect

from glyph_demo.notebook import frame
from tests.browser import files
from tests.browser.person import arrive, read_document

ODD = {
    "plain": "a",
    "space": "a b",
    "umlaut": "Jörg",
    "json": '{"theme": "dark", "tabs": [1, 2]}',
    "quote": 'a"b',
    "comma": "a,b",
    "equals": "a=b=",
    "user[id]": "3",
    "_xsrf": "2|8d1f2c9a|0b1e|1700000000",
    "glyph-visitor": "0" * 64,
    "glyph-visitor-8000": "f" * 64,
    "empty": "",
}


def test_cookies_of_other_apps_stop_nothing(new_page, address):
    page = new_page()
    page.goto(address + "/robots.txt")
    for name, value in ODD.items():
        page.evaluate("([name, value]) => { document.cookie = `${name}=${value}; path=/` }", [name, value])
    assert len(page.context.cookies()) >= len(ODD) - 1
    arrive(page, address)
    read_document(page, "survey.txt", files.text())
    expect(page.locator("#gallery img").first).to_be_visible()
    assert page.locator("#gallery img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100


@contextlib.contextmanager
def framing(address):
    """The address of a page that has the window in a frame, as a notebook does."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<body>{frame(address)}</body>".encode())

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_window_works_in_a_notebook(new_page, address):
    """One at localhost shows the window of 127.0.0.1, which would be another site."""
    page = new_page()
    with framing(address) as notebook:
        page.goto(notebook)
        window = page.frame_locator("iframe")
        window.locator("#title h1").wait_for()
        chosen = {"name": "survey.txt", "mimeType": "", "buffer": files.text()}
        window.locator("#upload input[type=file]").set_input_files(chosen)
        expect(window.locator("#gallery img").first).to_be_visible()


def test_a_page_without_cookies_says_what_it_needs(new_page, address):
    page = new_page()

    def without_cookie(route):
        answer = route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
        page.context.clear_cookies()
        route.fulfill(response=answer, headers=headers)

    page.route(address + "/", without_cookie)
    page.goto(address)
    expect(page.locator("#connection")).to_contain_text("--no-auth")


@pytest.mark.parametrize("path", ["/", "/robots.txt"])
def test_only_a_page_brings_a_cookie_and_scripts_cannot_read_it(new_page, address, path):
    page = new_page()
    page.goto(address + path)
    cookies = page.context.cookies()
    assert len(cookies) == (path == "/")
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in cookies)
    assert page.evaluate("document.cookie") == ""
