"""How soon the window answers: figures for docs/benchmarks, written to tests/artifacts/responsiveness.json."""

import json
import random
import statistics

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import serving
from tests.browser.person import arrive, ask, open_settings, read_document, upload

ROUNDS = 30
# Milliseconds from a click until a condition holds, looked at on every frame.
CLICK_UNTIL = """([target, condition]) => new Promise((done, fail) => {
  const holds = new Function("return " + condition), begun = performance.now();
  document.querySelector(target).click();
  const look = () => {
    const since = performance.now() - begun;
    if (holds()) done(since);
    else if (since > 10000) fail(`10 s without ${condition}`);
    else requestAnimationFrame(look);
  };
  look();
})"""


STOPPED = "!document.querySelector('#live .glyph-live')"  # the button is then that for asking


def report(seed, words=250_000):
    """A text of which no two pages are alike: it takes minutes to read."""
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("aeinorst", k=draw.randint(2, 9))) for _ in range(words)).encode()


def click_until(page, target, condition):
    return page.evaluate(CLICK_UNTIL, [target, condition])


# Milliseconds from a click on Stop until the app has said that the engine let go, and until the window shows it.
STOP = f"""async () => {{
  performance.clearResourceTimings();  // no more than 250 are kept
  const begun = performance.now(), shown = await ({CLICK_UNTIL})(["#question .stop-button", "{STOPPED}"]);
  const calls = () => performance.getEntriesByType("resource").filter((e) => e.name.includes("/gradio_api/run/"));
  while (!calls().length && performance.now() - begun < 10000) await new Promise(requestAnimationFrame);
  return [calls().at(-1).responseEnd - begun, shown];
}}"""


def stop(page):
    expect(page.locator("#question .stop-button")).to_be_visible()
    return page.evaluate(STOP)


def record_stops(artifacts, name, times):
    free, shown = zip(*times, strict=True)
    record(artifacts, f"stop {name}, engine free", free)
    record(artifacts, f"stop {name}, shown", shown)


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
def test_stop_answers_while_an_answer_is_written(new_page, artifacts, tmp_path):
    with serving(tmp_path, "--engine", "local", "--model", "random:mid") as address:
        page = arrive(new_page(), address)
        read_document(page, "short.txt", report(3, words=200))
        times = []
        for _ in range(ROUNDS):
            ask(page, "What is it about?")
            expect(page.locator("#live .glyph-answer, #live details").first).to_be_visible()
            times.append(stop(page))
    record_stops(artifacts, "while answering, random:mid", times)


@pytest.mark.long
def test_settings_answer_while_a_document_is_read(open_page, artifacts):
    page = open_page()
    upload(page, "long.txt", report(1))
    expect(page.locator("#progress .glyph-stage")).to_have_count(1)
    open_settings(page)
    length = "document.querySelector('#settings input[type=number]').value === '{}'"
    times = []
    for _ in range(ROUNDS // 2):
        times.append(click_until(page, "#mode input[value=throughput]", length.format(512)))
        times.append(click_until(page, "#mode input[value=balanced]", length.format(8192)))
    expect(page.locator("#progress .glyph-stage")).to_have_count(1)
    record(artifacts, "settings click while encoding, pocket", times)


@pytest.mark.long
def test_stop_answers_while_a_document_is_read(open_page, artifacts):
    page = open_page()
    upload(page, "long.txt", report(2))
    expect(page.locator("#progress .glyph-stage")).to_have_count(1)
    times = []
    for _ in range(ROUNDS):
        ask(page, "Who led the survey of the harbour?")
        expect(page.locator("#live .glyph-wait")).to_be_visible()
        times.append(stop(page))
    expect(page.locator("#progress .glyph-stage")).to_have_count(1)
    record_stops(artifacts, "while encoding, pocket", times)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_clicks_answer_with_300_pages_and_200_turns(open_page, artifacts):
    page = open_page()
    upload(page, "long.txt", b"\n".join(b"Entry %d: the pier was %d metres deep." % (i, i % 90) for i in range(14_500)))
    expect(page.locator("#progress .glyph-details")).to_be_attached(timeout=600_000)
    pages = page.locator("#gallery li").count()
    for number in range(200):
        ask(page, f"How deep was the pier in entry {number}?")
        expect(page.locator("#chat .user-row").last).to_contain_text(f"entry {number}?")
        expect(page.locator("#live .glyph-live")).to_have_count(0)
    expect(page.locator("#earlier")).to_contain_text("180")
    turned = "document.querySelector('#page [data-shown]')?.dataset.shown !== window.was"
    times = []
    for number in range(ROUNDS):
        page.evaluate("window.was = document.querySelector('#page [data-shown]').dataset.shown")
        turn = "[aria-label='Page after']" if number % 2 else "[aria-label='Page before']"
        if page.locator(f"#page {turn}").is_disabled():
            turn = "[aria-label='Page before']" if number % 2 else "[aria-label='Page after']"
        times.append(click_until(page, f"#page {turn}", turned))
    record(artifacts, f"page click, {pages} pages and 200 turns, pocket", times)
    begun = []
    for number in range(ROUNDS):
        page.fill("#question textarea", f"How deep was the pier in entry {900 + number}?")
        asked = f"[...document.querySelectorAll('#chat .user-row')].at(-1).innerText.includes('entry {900 + number}?')"
        begun.append(click_until(page, "#question .submit-button", f"{asked} && {STOPPED}"))
    record(artifacts, f"answer of pocket, {pages} pages and 200 turns", begun)
    # An answer that takes long: it waits for a document that is being read.
    upload(page, "more.txt", report(4, words=500_000))  # read for longer than the rounds take
    expect(page.locator("#documents")).to_contain_text("more.txt")
    page.locator("#documents .glyph-open", has_text="long.txt").click()
    expect(page.locator("#earlier")).to_contain_text("earlier")
    page.get_by_label("Ask several documents at once").check()
    stopped = []
    for number in range(ROUNDS):
        ask(page, f"Which hat did keeper {number} wear?")
        expect(page.locator("#live .glyph-wait")).to_be_visible()
        stopped.append(stop(page))
    expect(page.locator("#documents")).to_contain_text("being read")
    record_stops(artifacts, f"while more is read, {pages} pages and 200 turns, pocket", stopped)
