"""Tabs, reloads and the first moment of a page."""

import json
import re

from playwright.sync_api import expect

from tests.browser import files
from tests.browser.person import answers, ask, expect_answers, upload, wait_until_read

# Drops a file on the page itself.
DROP = """([name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""

# Has the end of every stream of events arrive late, and counts them.
LATE_END = """
const plain = window.fetch;
window.ends = 0;
window.fetch = async (input, options) => {
  const response = await plain(input, options);
  if (!String(input.url ?? input).includes("/queue/data")) return response;
  const late = async (chunk, controller) => {
    if (new TextDecoder().decode(chunk).includes("close_stream")) {
      window.ends += 1;
      await new Promise((later) => setTimeout(later, 400));
    }
    controller.enqueue(chunk);
  };
  return new Response(response.body.pipeThrough(new TransformStream({ transform: late })), response);
};
"""


def arrived(page, address):
    page.goto(address)
    page.locator("#title h1").wait_for()
    return page


def test_a_file_dropped_before_anything_is_there_is_read(chromium, address):
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    early = json.dumps(["early.txt", files.text().decode()])
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => ({DROP})({early}))")
    arrived(page, address)
    wait_until_read(page)
    ask(page, "Who led the survey of the harbour?")
    expect_answers(page, 1)
    expect(answers(page).last).to_contain_text("Marta Ellingham")
    expect(page.locator("#documents li")).to_have_count(1)
    context.close()


def test_files_dropped_while_others_are_still_on_their_way_are_read_too(chromium, address):
    context = chromium.new_context(locale="en-US")
    page = arrived(context.new_page(), address)
    for number, gap in enumerate(
        (0, 30, 100, 400)
    ):  # in ms: together, while it is sent, while it is opened, afterwards
        page.evaluate(DROP, [f"{number}.txt", files.text().decode() * (1 if number else 10_000)])
        page.wait_for_timeout(gap)
    expect(page.locator("#documents .glyph-name")).to_have_text([f"{number}.txt" for number in range(4)])
    context.close()


def test_an_upload_that_comes_before_the_page_has_its_window_waits_for_it(chromium, address):
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    held = []

    def hold(route):
        of_the_load = route.request.post_data_json["trigger_id"] == 0  # the page itself
        held.append(route) if of_the_load and not held else route.continue_()

    page.route("**/queue/join*", hold)
    page.goto(address)
    upload(page, "early.txt", files.text())
    page.wait_for_timeout(500)
    expect(page.locator("#title h1")).to_have_count(0)
    held[0].continue_()
    wait_until_read(page)
    expect(page.locator("#documents")).to_contain_text("early.txt")
    context.close()


def test_what_follows_an_event_is_heard_though_the_stream_of_events_is_just_ending(chromium, address):
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.add_init_script(LATE_END)
    arrived(page, address)
    upload(page, "survey.txt", files.text())
    wait_until_read(page)
    assert page.evaluate("window.ends") > 0
    context.close()


def test_every_tab_has_its_own_window_and_a_reload_keeps_it(chromium, address):
    context = chromium.new_context(locale="en-US")
    first, second = arrived(context.new_page(), address), arrived(context.new_page(), address)
    upload(first, "first.txt", files.text())
    wait_until_read(first)
    upload(second, "second.txt", files.text())
    wait_until_read(second)
    for page, name, other in ((first, "first.txt", "second.txt"), (second, "second.txt", "first.txt")):
        page.reload()
        expect(page.locator("#documents")).to_contain_text(name)
        expect(page.locator("#documents")).not_to_contain_text(other)
    with context.expect_page() as opened:
        first.evaluate("window.open(location.href)")  # as a duplicated tab, it starts with a copy of what the tab keeps
    opened.value.locator("#title h1").wait_for()
    expect(opened.value.locator("#documents li")).to_have_count(0)
    context.close()


def test_a_browser_that_was_closed_finds_its_last_conversation(chromium, address, tmp_path):
    context = chromium.new_context(locale="en-US")
    page = arrived(context.new_page(), address)
    page.locator("#language label").last.click()
    upload(page, "survey.txt", files.text())
    wait_until_read(page)
    ask(page, "Who led the survey of the harbour?")
    expect_answers(page, 1)
    kept = context.storage_state(path=tmp_path / "kept.json")
    assert kept["origins"]
    context.close()

    context = chromium.new_context(locale="en-US", storage_state=tmp_path / "kept.json")
    page = arrived(context.new_page(), address)
    expect(page.locator("#documents")).to_contain_text("survey.txt")
    expect(answers(page).last).to_contain_text("Marta Ellingham")
    another = arrived(context.new_page(), address)
    expect(another.locator("#documents li")).to_have_count(0)
    expect(another.locator("#title")).to_contain_text(re.compile("不是视觉语言模型"))
    context.close()
