"""A person at the window: opens files, asks, stops, changes their mind, changes the language."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.person import (
    QUESTION,
    answers,
    arrive,
    ask,
    ask_about_survey,
    ask_and_expect,
    expect_accessible,
    expect_answers,
    open_settings,
    read_document,
    upload,
    wait_until_read,
)


@pytest.mark.parametrize("kind", ["pdf", "docx", "txt"])
def test_a_file_is_read_from_its_pages_and_answers_two_questions(open_page, artifacts, kind):
    page = open_page()
    read_document(page, f"survey.{kind}", files.MAKERS[kind]())
    expect(page.locator("#documents")).to_contain_text(f"survey.{kind}")
    expect(page.locator("#gallery img").first).to_be_visible()
    ask_about_survey(page)
    ask_and_expect(page, "How deep is the water at the north pier?", "14.2", number=2)
    place = "Page 1" if kind == "pdf" else re.compile(r"page 1, line \d+")
    expect(answers(page).last.locator(".glyph-where").first).to_contain_text(place)
    expect(page.locator("#page .glyph-box.chosen").first).to_be_visible()
    page.screenshot(path=artifacts / f"window-{kind}.png")


def test_a_question_asked_while_pages_are_read_waits_and_can_be_stopped(open_page, artifacts):
    page = open_page()
    upload(page, "long.pdf", files.scan(12))
    expect(page.locator("#progress .glyph-stage")).to_have_count(1)
    ask(page, "Who painted the lighthouse?")
    expect(page.locator("#live .glyph-wait")).to_contain_text("Waiting for the pages from")
    page.screenshot(path=artifacts / "window-reading.png")
    page.locator("#question .stop-button").click()
    expect(answers(page)).to_have_count(0)
    expect(page.locator("#question .submit-button")).to_be_visible()
    expect(page.locator(QUESTION)).to_have_value("Who painted the lighthouse?")
    page.get_by_role("button", name="Remove long.pdf").click()
    expect(page.locator("#documents li")).to_have_count(0)
    read_document(page, "short.txt", files.text())
    ask_about_survey(page)


def test_the_pages_read_so_far_answer_and_another_question_can_be_asked_meanwhile(open_page, artifacts):
    page = open_page()
    upload(page, "long.pdf", files.scan(12, seed=40))
    expect(page.locator("#progress .glyph-stage")).to_have_count(1)
    ask_about_survey(page)
    note = answers(page).first.get_by_text("answered again when the rest is read")
    expect(note).to_be_visible()
    page.screenshot(path=artifacts / "window-early.png")
    ask(page, "Who painted the lighthouse?")
    expect(page.locator("#live .glyph-wait")).to_be_visible()
    ask(page, "How deep is the water at the north pier?")
    expect(page.locator(QUESTION)).to_have_value("")
    expect_answers(page, 3)
    expect(answers(page).last).to_contain_text("14.2")
    expect(answers(page).nth(1)).to_contain_text("The document does not seem to say")
    expect(note).to_have_count(0)
    expect(answers(page).first).to_contain_text("Marta Ellingham")


RIVALS = b"""The notice period is three months.

Dogs are allowed in the garden.

The notice period for the parking space is four weeks.

The notice period for the cellar is two days."""


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 390, "height": 844}, "has_touch": True}])
def test_of_several_passages_one_stands_open_and_the_others_unfold_and_show_their_place(open_page, artifacts, options):
    page = open_page(permissions=["clipboard-read", "clipboard-write"], **options)
    read_document(page, "lease.txt", RIVALS)
    ask_and_expect(page, "What is the notice period?", "more passages")
    expect(answers(page).last.get_by_text("four weeks")).not_to_be_visible()
    page.get_by_role("button", name="Copy answer").click()
    assert "four weeks" in page.evaluate("navigator.clipboard.readText()")
    page.get_by_text("more passages").focus()
    page.keyboard.press("Enter")
    expect(answers(page).last.get_by_text("four weeks")).to_be_visible()
    page.screenshot(path=artifacts / f"window-passages-{len(options)}.png")
    answers(page).last.locator(".glyph-more button").first.click()
    expect(page.locator("#page .glyph-box.chosen").first).to_be_in_viewport()
    page.screenshot(path=artifacts / f"window-passages-place-{len(options)}.png")


def test_an_answer_is_copied_and_said_to_be_on_a_page_without_https_too(open_page):
    page = open_page()
    read_document(page, "lease.txt", b"Dogs are allowed.")
    ask_and_expect(page, "What is allowed?", "Dogs")
    page.evaluate("delete Navigator.prototype.clipboard")  # as over plain http from another machine
    copy = page.get_by_role("button", name="Copy answer")
    copy.click()
    expect(copy).to_have_class(re.compile("glyph-copied"))
    expect(copy).to_be_focused()
    page.focus(QUESTION)
    page.keyboard.press("Control+v")
    expect(page.locator(QUESTION)).to_have_value(re.compile("Dogs are allowed"))


def test_an_answer_is_copied_retried_edited_taken_back_and_cleared(open_page, artifacts):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.locator("#examples button").first.click()
    wait_until_read(page)
    chips = page.locator("#samples button")
    expect(chips).to_have_count(3)
    chips.nth(1).click()
    expect_answers(page, 1)
    expect(answers(page).last).to_contain_text("Marguerite Oyelaran")
    page.get_by_role("button", name="Copy answer").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "Marguerite Oyelaran" in copied
    assert "First token" not in copied
    ask_and_expect(page, "When did the trial run?", number=2)
    page.screenshot(path=artifacts / "window-example.png")
    expect_accessible(page)

    page.get_by_label("Retry").click()
    expect(page.locator("#question .submit-button")).to_be_visible()
    expect_answers(page, 2)
    page.get_by_label("Edit").last.click()
    page.locator("#chat textarea").fill("How many people work there?")
    page.get_by_label("Submit").last.click()
    expect(answers(page).last).to_contain_text(re.compile("[Nn]ineteen"))
    expect_answers(page, 2)
    page.fill(QUESTION, "half a que")
    page.get_by_role("button", name="Undo").click()
    expect(answers(page)).to_have_count(1)
    expect(page.locator(QUESTION)).to_have_value("half a que\nHow many people work there?")
    page.get_by_role("button", name="Clear").click()
    asks = page.get_by_role("dialog")
    expect(asks).to_contain_text("Its question and answer will be removed.")
    expect(answers(page)).to_have_count(1)
    asks.get_by_role("button", name="Clear").click()
    expect(answers(page)).to_have_count(0)


def test_icons_and_sliders_are_named_in_the_language_of_the_window_and_do_what_they_say(open_page):
    page = open_page()
    read_document(page, "survey.txt", files.text())
    ask_about_survey(page)
    page.locator("#language label").last.click()
    ask_and_expect(page, "And when?", number=2)
    chat = page.locator("#chat")
    for name in ("重试", "撤销", "编辑"):
        expect(chat.get_by_role("button", name=name, exact=True).last).to_have_attribute("title", name)
    expect(chat.get_by_role("button", name=re.compile("Retry|Undo|Edit"))).to_have_count(0)
    chat.get_by_role("button", name="编辑").last.click()
    expect(chat.get_by_role("button", name="发送")).to_have_count(1)
    chat.get_by_role("button", name="取消").click()
    expect(chat.get_by_role("button", name="编辑")).to_have_count(2)
    open_settings(page)
    for name in ("温度：数值", "温度：滑块"):
        expect(page.get_by_label(name, exact=True)).to_be_visible()
    expect(page.locator("#temperature button")).to_have_attribute("aria-label", "恢复默认值")
    chat.get_by_role("button", name="撤销").click()
    expect(answers(page)).to_have_count(1)
    page.locator("#language label").first.click()
    for name in ("Retry", "Undo", "Edit"):
        expect(chat.get_by_role("button", name=name, exact=True)).to_have_attribute("title", name)
    expect(page.get_by_label("number input for Temperature", exact=True)).to_be_visible()


def test_the_language_follows_the_browser_and_the_switch(open_page, artifacts):
    page = open_page(locale="zh-CN", color_scheme="dark")
    expect(page.locator("#title")).to_contain_text("不是视觉语言模型")
    page.locator("#examples button").nth(1).click()
    wait_until_read(page)
    expect(page.get_by_role("button", name="发送")).to_be_visible()
    page.locator("#samples button").first.click()
    expect_answers(page, 1)
    expect(answers(page).last).to_contain_text("首字")
    page.screenshot(path=artifacts / "window-zh.png")
    expect_accessible(page)
    page.locator("#language label").first.click()
    expect(page.locator("#title")).to_contain_text("not a vision-language model")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(answers(page).last).to_contain_text("First token")
    expect(page.locator("#documents")).to_contain_text("Opened documents")
    expect(page.locator(QUESTION)).to_have_attribute("placeholder", "Question about the current document")


def test_a_bad_file_is_one_line_that_says_what_to_do_and_the_window_goes_on(open_page, artifacts):
    page = open_page()
    status = page.locator("#status")
    for name, data in files.bad().items():
        upload(page, name, data)
        expect(page.locator(f"#status:has-text('{files.BAD_WORDS[name]}')")).to_be_visible()
        assert "\n" not in status.inner_text().strip().removesuffix("\n×")
        assert "Traceback" not in page.content()
    expect(page.locator("#upload .glyph-drop")).to_be_in_viewport(ratio=1)
    page.screenshot(path=artifacts / "window-bad-file.png")
    page.locator("#language label").last.click()
    expect(status).to_contain_text("。")
    read_document(page, "fine.txt", files.text())
    expect(status).to_have_text("")


def test_a_scan_is_read_without_a_click(open_page, artifacts):
    page = open_page()
    read_document(page, "scan.pdf", files.scan())
    ask_about_survey(page)
    page.screenshot(path=artifacts / "window-scan.png")


def test_a_reload_of_the_page_finds_everything_again_and_the_conversation_can_be_saved(open_page):
    page = open_page()
    read_document(page, "survey.txt", files.text())
    ask_about_survey(page)
    page.reload()
    expect_answers(page, 1)
    expect(answers(page).last).to_contain_text("Marta Ellingham")
    expect(page.locator("#documents [aria-current]")).to_contain_text("survey.txt")
    wait_until_read(page)
    page.wait_for_timeout(1500)  # what comes after the page's first updates takes nothing away
    expect_answers(page, 1)
    expect(page.get_by_role("button", name="Clear")).to_be_visible()
    for kind in ("Markdown", "JSON"):
        with page.expect_download() as saved:
            page.get_by_role("button", name=f"Save as {kind}").click()
        assert saved.value.suggested_filename == {"Markdown": "survey.md", "JSON": "survey.json"}[kind]
        assert "Marta Ellingham" in Path(saved.value.path()).read_text()
    page.locator("#chat .glyph-passage").first.click()
    expect(page.locator("#page .glyph-box.chosen").first).to_be_in_viewport()
    page.get_by_role("button", name="Whole screen").click()
    expect(page.locator("#page.large")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#page.large")).to_have_count(0)


@pytest.mark.parametrize(("name", "scheme"), [("phone", "light"), ("phone-dark", "dark")])
def test_nothing_is_cut_on_a_phone(open_page, artifacts, name, scheme):
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page.locator("#examples button").first.click()
    wait_until_read(page)
    page.locator("#samples button").nth(1).click()
    expect_answers(page, 1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=artifacts / f"window-{name}.png", full_page=True)
    open_settings(page)
    expect(page.get_by_text("pocket · fits", exact=True)).to_be_in_viewport()
    page.screenshot(path=artifacts / f"window-{name}-settings.png")
    expect_accessible(page)


def test_what_sliders_say_is_taken_and_remembered(new_page, tmp_path):
    with serving(tmp_path, "--engine", "remote", "--remote-urls", "http://127.0.0.1:9/v1") as address:
        sliders_are_remembered(arrive(new_page(), address))


def sliders_are_remembered(page):
    refused = []
    page.on("response", lambda response: refused.append(response.url) if response.status >= 400 else None)
    open_settings(page)
    remembered = "Object.values(localStorage).join()"
    page.wait_for_function(f"{remembered}.length > 0")
    before = page.evaluate(remembered)
    slider = page.locator("#settings input[type=range]").first
    slider.press("ArrowLeft")
    slider.dispatch_event("pointerup")  # lets go of it
    expect(page.locator("#settings input[type=number]").first).to_have_value("8176")
    page.wait_for_function(f"before => {remembered} !== before", arg=before)
    page.reload()
    page.locator("#title h1").wait_for()
    open_settings(page)
    expect(page.locator("#settings input[type=number]").first).to_have_value("8176")
    assert refused == []


def test_settings_are_remembered_and_those_of_the_page_have_it_read_again(open_page):
    page = open_page()
    read_document(page, "survey.txt", files.text())
    open_settings(page)
    page.get_by_label("High throughput").check()
    expect(page.locator("#settings input[type=number]").first).to_have_value("512")
    shown = page.locator("#page img").first
    before = shown.get_attribute("src")
    page.get_by_label("Text size").click()
    page.get_by_role("option", name="14", exact=True).click()
    expect(shown).not_to_have_attribute("src", before)
    expect(page.locator("#progress")).to_contain_text(re.compile(r"from the store 0"))
    page.reload()
    open_settings(page)
    expect(page.get_by_label("High throughput")).to_be_checked()
    expect(page.get_by_label("Text size")).to_have_value("14")


def test_the_list_of_documents_is_used_by_the_keyboard_alone(open_page):
    page = open_page(locale="zh-CN")
    rows = page.locator("#documents li")
    read_document(page, "first.txt", files.text())
    upload(page, "second.txt", b"Another text.")
    expect(rows).to_contain_text(["1 页 · 301 字符 · 保留在内存中", "保留在内存中"])
    rows.first.locator(".glyph-open").focus()
    page.keyboard.press("Enter")
    expect(rows.first.locator("[aria-current]")).to_be_visible()
    expect(rows.first.locator(".glyph-open")).to_be_focused()
    for name in ("重命名 first.txt", "移除 first.txt", "", "重命名 second.txt", "移除 second.txt"):
        page.keyboard.press("Tab")
        place = page.get_by_role("button", name=name) if name else rows.last.locator(".glyph-open")
        expect(place).to_be_focused()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    expect(page.get_by_role("button", name="移除 first.txt")).to_be_focused()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(0)
    expect(page.locator("#page .glyph-page")).to_have_count(0)


def test_everything_is_reached_by_the_keyboard(open_page):
    page = open_page()
    read_document(page, "survey.txt", files.text())
    ask_and_expect(page, "How deep is the water at the north pier?")
    reached = set()
    page.locator(QUESTION).focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('[id]:not([id^=html-])')?.id"))
    assert {"upload", "documents", "chat", "page", "language"} <= reached


def test_the_keyboard_enters_the_settings_only_while_they_are_open(open_page):
    page = open_page()
    button = page.get_by_role("button", name="Settings", exact=True)
    button.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#settings')") is None
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("pocket · fits")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_label("pocket · fits")).to_be_focused()
