"""Every event of the window, as its own list has them, sent with what no page sends: paths of this machine wherever a
value goes, and places that do not exist. Nothing that was not uploaded is opened or handed out, and nothing breaks."""

import json
import re
import sys

import pytest

from glyph_demo.ui.tabs import benchmark
from tests.reliability.visitors import PREFIX, SECRET, Browser, file_urls, serving

watched = set()
opened = []


def _hear(event, arguments):
    if event == "open" and watched and str(arguments[0]) in watched:
        opened.append(str(arguments[0]))


sys.addaudithook(_hear)  # there is no way to take one away again


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """One whose window has a document and an answer."""
    monkeypatch.setattr(benchmark, "command", lambda settings: ([sys.executable, "-c", "print({})"], {}))
    with serving(tmp_path / "app") as address:
        browser = Browser(address)
        browser.window()
        upload = browser.uploaded("mine.txt", b"A line of words.\n" * 90)
        events = dependencies(browser)
        browser.event(named(browser, events, "upload", "upload"), [None], {"files": [{"id": upload}]})
        browser.event(1, [None])
        browser.event(named(browser, events, "question", "submit"), [None, "Where?"])
        yield browser


def dependencies(browser):
    """The events that run something here."""
    listed = json.loads(browser.get("/config")[1])["dependencies"]
    return [dependency for dependency in listed if dependency["backend_fn"]]


def plausible(browser):
    """What a page would send of each component, by its id."""
    components = json.loads(browser.get("/config")[1])["components"]
    named = {component["id"]: component["props"].get("value") for component in components}
    return {identifier: value if isinstance(value, str | int | float) else None for identifier, value in named.items()}


def named(browser, events, element, event):
    components = json.loads(browser.get("/config")[1])["components"]
    identifier = next(c["id"] for c in components if c["props"].get("elem_id") == element)
    return next(e["id"] for e in events if [identifier, event] in e["targets"])


def sends(browser, shape, value):
    """Every event with `value` in this shape in the place of each of its inputs, and in all of its event data. All that
    the page is told of it."""
    heard, usual = [], plausible(browser)
    for event in dependencies(browser):
        places = ("files", "id", "page", "exchange", "line", "index", "value", "name", "path", "selected", "key")
        data = dict.fromkeys(places, shape(value))
        for at in range(len(event["inputs"])):
            values = [usual[identifier] for identifier in event["inputs"]]
            values[at] = shape(value)
            for act in ("page", "line", "remove", "select") if at == 0 else ("page",):
                body = {"data": values, "event_data": data | {"act": act}, "fn_index": event["id"]}
                route = "queue/join" if event["queue"] is not False else "run/predict"
                status, told = browser.post(f"{PREFIX}/{route}", body | {"session_hash": "session"})
                assert status in (200, 400), (event["id"], at, status)
                heard.append(told.decode())
    if any("event_id" in told for told in heard):  # else there is nothing to hear of
        heard.append(browser.get(f"{PREFIX}/queue/data?session_hash=session")[1].decode())
    return "".join(heard)


SHAPES = {
    "a path": lambda path: path,
    "a change of a path": lambda path: {"x": [["path"], path], "settings": {"inference.thinking": [["path"], path]}},
    "a list": lambda path: [path],
    "an id": lambda path: [{"id": path}],
    "a file": lambda path: {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "a.txt"},
    "files": lambda path: [{"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}],
    "a message": lambda path: [{"role": "user", "content": {"path": path, "meta": {"_type": "gradio.FileData"}}}],
}


def test_no_event_has_a_file_read_that_was_not_uploaded(browser, tmp_path):
    """A settings event gave what it was sent back, the door took that for a path that the window had told, and the next
    event opened it."""
    outside = [tmp_path / "secret.txt", tmp_path / "app" / "uploads" / "another.txt"]
    for path in outside:
        path.parent.mkdir(exist_ok=True)
        path.write_text(SECRET * 20)
        watched.add(str(path))
    heard = ""
    for _ in range(2):  # what the first round taught, the second would use
        for shape in SHAPES.values():
            for path in outside:
                heard += sends(browser, shape, str(path))
    assert opened == []
    assert SECRET not in heard
    for path in outside:
        for url in file_urls(str(path)):
            status, body = browser.get(url)
            assert status in (400, 403, 404), url
            assert SECRET.encode() not in body
    watched.clear()


@pytest.mark.parametrize("odd", [10**30, -1, "1" * 400, 1.5, True, "\u0000", "-1", [[[]]], "x" * 5000])
def test_values_that_no_page_sends_break_nothing(browser, odd):
    """A page 10^30 and an exchange -1 ended in errors of the server."""
    told = sends(browser, lambda value: value, odd)
    assert "Traceback" not in told
    assert browser.get("/healthz")[0] == 200
    again = browser.window("another")
    assert re.fullmatch("[0-9a-f]{32}", again)


def test_what_a_component_does_not_take_is_not_repeated(browser):
    """A language of 250,000 letters came back as many, and went to the log."""
    labels = {c["id"]: c["type"] for c in json.loads(browser.get("/config")[1])["components"]}
    heard = b""
    for event in dependencies(browser):
        # Questions and names of models are shown to who typed them; all else is a choice.
        if {"textbox", "button"} & {labels[identifier] for identifier in event["inputs"]}:
            continue
        for value in ("y" * 30_000, 10**15, ["y" * 300]):
            body = {"data": [value] * len(event["inputs"]), "fn_index": event["id"], "session_hash": "session"}
            route = "queue/join" if event["queue"] is not False else "run/predict"
            heard += browser.post(f"{PREFIX}/{route}", body)[1]
    heard += browser.get(f"{PREFIX}/queue/data?session_hash=session")[1]
    at = heard.find(b"y" * 201)
    assert at < 0, heard[max(0, at - 120) : at]
