"""Tabs, reloads and the first moment of a page."""

import json
import re

from playwright.sync_api import expect

from tests.browser import files
from tests.browser.person import answers, arrive, ask_about_survey, read_document, upload, wait_until_read

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


def test_a_file_dropped_before_anything_is_there_is_read(new_page, address):
    page = new_page()
    early = json.dumps(["early.txt", files.text().decode()])
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => ({DROP})({early}))")
    arrive(page, address)
    wait_until_read(page)
    ask_about_survey(page)
    expect(page.locator("#documents li")).to_have_count(1)


def test_files_dropped_while_others_are_still_on_their_way_are_read_too(new_page, address):
    page = arrive(new_page(), address)
    for number, gap in enumerate((0, 30, 100, 400)):  # ms: together, while it is sent, while it is opened, afterwards
        page.evaluate(DROP, [f"{number}.txt", files.text().decode() * (1 if number else 10_000)])
        page.wait_for_timeout(gap)
    names = page.locator("#documents .glyph-name")
    expect(names).to_have_count(4)
    expect(page.locator("#documents")).to_contain_text("3.txt")
    assert {f"{number}.txt" for number in range(4)} == set(names.all_inner_texts())


def test_an_answer_to_an_upload_that_is_not_the_apps_holds_up_no_other_file(new_page, address):
    page = arrive(new_page(), address)
    page.route("**/uploads*", lambda route: route.fulfill(body="<html>Sign in</html>"), times=1)
    upload(page, "lost.txt", files.text())
    expect(page.locator("#status")).to_contain_text("lost.txt")
    read_document(page, "next.txt", files.text())
    expect(page.locator("#documents li")).to_have_count(1)


def test_an_upload_that_comes_before_the_page_has_its_window_waits_for_it(new_page, address):
    page = new_page()
    held = []

    def hold(route):
        of_the_load = route.request.post_data_json["trigger_id"] == 0  # the page itself
        held.append(route) if of_the_load and not held else route.continue_()

    page.route("**/queue/join*", hold)
    page.goto(address)
    upload(page, "early.txt", files.text())
    while not held:
        page.wait_for_timeout(50)
    expect(page.locator("#title h1")).to_have_count(0)
    held[0].continue_()
    wait_until_read(page)
    expect(page.locator("#documents")).to_contain_text("early.txt")


def test_what_follows_an_event_is_heard_though_the_stream_of_events_is_just_ending(new_page, address):
    page = new_page()
    page.add_init_script(LATE_END)
    arrive(page, address)
    read_document(page, "survey.txt", files.text())
    assert page.evaluate("window.ends") > 0


def test_every_tab_has_its_own_window_and_a_reload_keeps_it(new_page, address):
    first = arrive(new_page(), address)
    second = arrive(first.context.new_page(), address)
    read_document(first, "first.txt", files.text())
    read_document(second, "second.txt", files.text())
    for page, name, other in ((first, "first.txt", "second.txt"), (second, "second.txt", "first.txt")):
        page.reload()
        expect(page.locator("#documents")).to_contain_text(name)
        expect(page.locator("#documents")).not_to_contain_text(other)
    with first.context.expect_page() as opened:
        first.evaluate("window.open(location.href)")  # as a duplicated tab, it starts with a copy of what the tab keeps
    opened.value.locator("#title h1").wait_for()
    expect(opened.value.locator("#documents li")).to_have_count(0)


def test_a_browser_that_was_closed_finds_its_last_conversation(new_page, address, tmp_path):
    page = arrive(new_page(), address)
    page.locator("#language label").last.click()
    read_document(page, "survey.txt", files.text())
    ask_about_survey(page)
    kept = page.context.storage_state(path=tmp_path / "kept.json")
    assert kept["origins"]

    page.context.close()
    page = arrive(new_page(storage_state=tmp_path / "kept.json"), address)
    expect(page.locator("#documents")).to_contain_text("survey.txt")
    expect(answers(page).last).to_contain_text("Marta Ellingham")
    another = arrive(page.context.new_page(), address)
    expect(another.locator("#documents li")).to_have_count(0)
    expect(another.locator("#title")).to_contain_text(re.compile("不是视觉语言模型"))
