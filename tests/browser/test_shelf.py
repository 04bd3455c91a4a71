"""The list of documents: another name for a conversation, and the words that were said in it."""

import gradio as gr
from playwright.sync_api import expect

from glyph_demo.ui.shelf import NEWEST_LIST, numbered
from tests.browser import files
from tests.browser.person import (
    answers,
    ask_about_survey,
    ask_and_expect,
    expect_accessible,
    read_document,
    wait_until_read,
)


def name_in_list(page, name, key):
    field = page.locator("#documents .glyph-rename")
    expect(field).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press(key)
    expect(field).to_have_count(0)


def test_a_conversation_is_named_and_found_by_keyboard_and_keeps_its_name(open_page, artifacts):
    page = open_page()
    names, field = page.locator("#documents .glyph-name"), page.get_by_label("Find in names, questions and answers")
    read_document(page, "one.txt", files.text())
    expect(field).to_be_hidden()
    ask_about_survey(page)
    read_document(page, "two.pdf", files.pdf())
    expect(names).to_have_text(["one.txt", "two.pdf"])
    pencil = page.get_by_role("button", name="Rename one.txt")
    pencil.focus()
    page.keyboard.press("Enter")
    name_in_list(page, "never mind", "Escape")
    expect(pencil).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#documents .glyph-rename")).to_be_focused()
    expect_accessible(page)
    page.screenshot(path=artifacts / "shelf-rename.png")
    name_in_list(page, "The <b>harbour</b>", "Enter")
    expect(names).to_have_text(["The <b>harbour</b>", "two.pdf"])
    expect(page.get_by_role("button", name="Rename The <b>harbour</b>")).to_be_focused()
    page.get_by_role("button", name="Rename two.pdf").click()
    page.locator("#documents .glyph-rename").fill("Pier")
    page.locator("#documents .glyph-open").first.click()  # which takes the name too
    expect(names).to_have_text(["The <b>harbour</b>", "Pier"])
    expect(page.locator("#documents [aria-current=true]")).to_contain_text("harbour")

    page.reload()
    expect(names).to_have_text(["The <b>harbour</b>", "Pier"])
    for _ in range(60):
        page.keyboard.press("Tab")
        if field.evaluate("field => field === document.activeElement"):
            break
    page.keyboard.type("ｅｌｌｉｎｇｈａｍ")
    expect(names).to_have_text(["The <b>harbour</b>"])
    expect(page.locator("#documents [role=status]")).to_contain_text("1 of 2 documents, found")
    expect_accessible(page)
    page.screenshot(path=artifacts / "shelf-found.png")
    field.fill("nowhere said")
    expect(names).to_have_count(0)
    expect(page.locator("#documents [role=status]")).to_contain_text("No name, question or answer has these words")
    expect(page.locator("#question")).to_be_visible()
    field.press("Escape")
    expect(names).to_have_count(2)
    expect(field).to_have_value("")


def test_a_document_found_by_what_was_said_is_opened_at_the_turn_with_the_words(open_page):
    page = open_page(viewport={"width": 1280, "height": 600})
    read_document(page, "one.txt", files.text())
    ask_and_expect(page, "Who led the survey of the harbour?", "Marta Ellingham")
    for number in range(2, 5):
        ask_and_expect(page, "How deep is the water at the north pier?", "14.2", number=number)
    first = page.locator("#chat .user-row").first
    expect(first).not_to_be_in_viewport()
    read_document(page, "two.pdf", files.pdf())
    page.get_by_label("Find in names, questions and answers").fill("who led")
    expect(page.locator("#documents .glyph-name")).to_have_text(["one.txt"])
    page.locator("#documents .glyph-open").click()
    expect(answers(page)).to_have_count(4)
    expect(first).to_be_in_viewport()
    wait_until_read(page)
    expect(first).to_be_in_viewport()
    page.mouse.wheel(0, 0)
    expect(page.locator("[data-turn]")).to_have_count(0)


def test_the_list_is_named_and_searched_in_chinese_on_a_dark_phone(open_page, artifacts):
    page = open_page(locale="zh-CN", color_scheme="dark", viewport={"width": 390, "height": 844}, has_touch=True)
    names = page.locator("#documents .glyph-name")
    for name in ("甲.txt", "乙.txt"):
        read_document(page, name, files.text())
    page.get_by_role("button", name="重命名 甲.txt").tap()
    name_in_list(page, "港口測量", "Enter")
    expect(names).to_have_text(["港口測量", "乙.txt"])
    page.get_by_label("在名称、提问和回答中查找").fill("港口测量")
    expect(names).to_have_text(["港口測量"])
    expect(page.locator("#documents [role=status]")).to_have_text("2 份文档中有 1 份，找到 1 处")
    expect_accessible(page)
    page.screenshot(path=artifacts / "shelf-zh.png")


def test_an_older_list_that_is_shown_behind_a_newer_one_changes_nothing(new_page):
    with gr.Blocks(analytics_enabled=False) as app:
        shown, sent = gr.HTML(elem_id="documents", html_template=NEWEST_LIST), gr.HTML(elem_id="sent")
        for name, number, html in (("older", 7, "<input>"), ("newer", 10, "<input><p>newer</p>"), ("none", 11, "")):
            listed = numbered(number, html)
            gr.Button(name).click(lambda name=name, listed=listed: (listed, name), None, [shown, sent])
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True)
    page = new_page()
    page.goto(address)
    field, newer = page.locator("#documents input"), page.locator("#documents p")

    def send(name):
        page.get_by_role("button", name=name).click()
        expect(page.locator("#sent")).to_contain_text(name)  # shown with the list

    send("older")
    expect(field).to_be_visible()
    send("newer")
    expect(newer).to_be_visible()
    field.fill("typed")
    send("older")
    expect(newer).to_be_visible()
    expect(field).to_have_value("typed")
    send("none")
    expect(field).to_have_count(0)
    app.close()
