"""How soon the window answers: figures for docs/benchmarks, written to tests/artifacts/responsiveness.json."""

import json
import statistics

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.test_browser import READ_MS, ask, open_settings, upload

ROUNDS = 30
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
        "p95_ms": round(statistics.quantiles(milliseconds, n=20)[-1], 1),
        "worst_ms": round(max(milliseconds), 1),
    }
    path.write_text(json.dumps(known, indent=2))
    print(name, known[name])


@pytest.mark.long
def test_settings_answer_while_a_document_is_read(open_page, artifacts):
    page = open_page()
    upload(page, "long.txt", files.long_text() * 20)
    expect(page.locator("#progress .glyph-stage")).to_have_count(4, timeout=READ_MS)
    open_settings(page)
    length = "document.querySelector('#settings input[type=number]').value === '{}'"
    times = []
    for _ in range(ROUNDS // 2):
        times.append(click_until(page, "#mode input[value=throughput]", length.format(512)))
        times.append(click_until(page, "#mode input[value=balanced]", length.format(8192)))
    expect(page.locator("#progress .glyph-stage")).to_have_count(4)
    record(artifacts, "settings click while encoding, pocket", times)


@pytest.mark.long
def test_stop_answers_while_a_document_is_read(open_page, artifacts):
    page = open_page()
    upload(page, "long.txt", b"Pages for a stop.\n\n" + files.long_text() * 20)
    expect(page.locator("#progress .glyph-stage")).to_have_count(4, timeout=READ_MS)
    times = []
    for _ in range(ROUNDS // 3):
        ask(page, "Who led the survey of the harbour?")
        expect(page.locator("#live .glyph-wait")).to_contain_text("Reading the document first")
        stopped = "document.querySelector('#question .submit-button') && !document.querySelector('#live .glyph-wait')"
        times.append(click_until(page, "#question .stop-button", stopped))
    expect(page.locator("#progress .glyph-stage")).to_have_count(4)
    record(artifacts, "stop while encoding, pocket", times)
