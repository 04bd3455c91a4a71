"""How soon the window answers: figures for docs/benchmarks, written to tests/artifacts/responsiveness.json."""

import json
import statistics

import pytest
from checkpoints import make_checkpoint
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.test_browser import ANSWER_MS, READ_MS, ask, open_settings, upload, wait_until_read

ROUNDS = 20
# Milliseconds from a click until a condition holds, looked at on every frame.
CLICK_UNTIL = """([target, condition]) => new Promise(done => {
  const holds = new Function("return " + condition), begun = performance.now();
  document.querySelector(target).click();
  const look = () => (holds() ? done(performance.now() - begun) : requestAnimationFrame(look));
  look();
})"""


def click_until(page, target, condition):
    return page.evaluate(CLICK_UNTIL, [target, condition])


def record(artifacts, name, milliseconds):
    path = artifacts / "responsiveness.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known[name] = {
        "rounds": len(milliseconds),
        "median_ms": round(statistics.median(milliseconds), 1),
        "worst_ms": round(max(milliseconds), 1),
    }
    path.write_text(json.dumps(known, indent=2))
    print(name, known[name])


@pytest.mark.long
def test_settings_answer_while_a_document_is_read(open_page, artifacts):
    page = open_page()
    upload(page, "long.txt", files.long_text() * 8)
    expect(page.locator("#progress .glyph-stage")).to_have_count(4, timeout=READ_MS)
    open_settings(page)
    length = "document.querySelector('#settings input[type=number]').value === '{}'"
    times = []
    for _ in range(ROUNDS // 2):
        times.append(click_until(page, "#mode input[value=throughput]", length.format(512)))
        times.append(click_until(page, "#mode input[value=balanced]", length.format(8192)))
    expect(page.locator("#progress .glyph-stage")).to_have_count(4)
    record(artifacts, "settings click while encoding, pocket", times)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    with serving(folder, "--engine", "local", "--model", str(make_checkpoint(folder / "model"))) as address:
        yield address


@pytest.mark.long
def test_stop_gives_the_window_back(chromium, local, artifacts):
    page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(local)
    page.locator("#title h1").wait_for()
    upload(page, "survey.txt", files.text())
    wait_until_read(page)
    times = []
    for _ in range(ROUNDS):
        ask(page, "Who led the survey?")
        page.locator("#live .glyph-thinking, #live .glyph-answer").first.wait_for(timeout=ANSWER_MS)
        times.append(click_until(page, "#question .stop-button", "document.querySelector('#question .submit-button')"))
    record(artifacts, "stop of an answer, local on a small checkpoint", times)
