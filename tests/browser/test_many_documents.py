"""The tab that asks many documents the same questions."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.person import expect_accessible, read_document

QUESTION = "How deep is the water at the north pier?"


def enter(page):
    page.get_by_role("tab", name=re.compile("Many documents|多文档")).click()


def choose(page, **named):
    page.set_input_files(
        "#many-upload input[type=file]",
        [{"name": name.replace("_", "."), "mimeType": "", "buffer": data} for name, data in named.items()],
    )
    for name in named:
        expect(page.locator("#many")).to_contain_text(name.replace("_", "."))


def run(page, question=QUESTION):
    page.fill("#many-question textarea", question)
    page.click("#many-run")


def row(page, name):
    return page.locator("#many tbody tr").filter(has_text=name)


def saved(page, kind):
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Save as {kind}").click()
    return Path(download.value.path()).read_text(encoding="utf-8-sig")


def test_one_question_goes_to_chosen_and_opened_documents_and_the_table_is_saved(open_page, artifacts):
    page = open_page()
    read_document(page, "open.txt", files.text())
    enter(page)
    tools = page.locator(":is(#many-stop, #many-tools button)")
    expect(tools.filter(visible=True)).to_have_text(["Add the opened documents"])
    choose(page, survey_pdf=files.pdf(), scan_pdf=files.scan(), empty_txt=b"")
    expect(tools.filter(visible=True)).to_have_count(6)
    page.get_by_role("button", name="Add the opened documents").click()
    expect(row(page, "open.txt")).to_contain_text("not asked yet")
    run(page)
    expect(page.locator("#many-now [role=progressbar]").first).to_be_visible()
    for name in ("survey.pdf", "scan.pdf", "open.txt"):
        expect(row(page, name).locator(".answer")).to_contain_text("14.2")
        expect(row(page, name).locator(".answer")).to_contain_text(re.compile(r"(\d+) of \1 figure"))
        expect(row(page, name).locator(".evidence")).to_contain_text(re.compile("[Pp]age 1"))
        expect(row(page, name).locator(".seconds")).to_have_text(re.compile(r"^\d+\.\d\d$"))
    expect(row(page, "empty.txt").locator(".error")).to_contain_text("empty")
    expect(page.locator("#many-now")).to_have_text("")
    expect_accessible(page)
    page.screenshot(path=artifacts / "many.png")

    table = list(csv.DictReader(io.StringIO(saved(page, "CSV"))))
    assert [entry["file"] for entry in table] == ["survey.pdf", "scan.pdf", "empty.txt", "open.txt"]
    assert ["empty" in entry["note"] for entry in table] == [False, False, True, False]
    assert all(entry["pages"] == "1" and "14.2" in entry["answer"] for entry in table if entry["file"] != "empty.txt")
    rows = json.loads(saved(page, "JSON"))["rows"]
    assert rows[0]["quotes"][0].keys() == {"page", "line", "text", "file_page"}

    for name in ("survey.pdf", "open.txt", "scan.pdf"):
        row(page, name).locator(".glyph-place").first.click()
        expect(page.locator("#documents [aria-current=true]")).to_contain_text(name)
        expect(page.locator("#page .glyph-box.chosen")).to_be_visible()
        expect(page.get_by_role("tab", name="Read and ask")).to_have_attribute("aria-selected", "true")
        expect(page.locator("#main")).to_be_visible()
        page.screenshot(path=artifacts / "many-place.png")
        enter(page)
    row(page, "survey.pdf").locator(".glyph-claim", has_text="14.2").first.click()
    expect(page.locator("#documents [aria-current=true]")).to_contain_text("survey.pdf")
    expect(page.locator("#page .glyph-box.chosen")).to_be_visible()
    assert "#" not in page.url
    enter(page)
    assert page.locator("#documents li").count() == 3, "one that was open is not opened again"

    page.get_by_role("button", name="Remove empty.txt").click()
    expect(page.locator("#many tbody tr")).to_have_count(3)
    asks = page.get_by_role("dialog")
    page.get_by_role("button", name="Remove open.txt").click()
    expect(asks).to_contain_text("Remove open.txt? Answers that go with it: 1.")
    expect_accessible(page)
    asks.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Forget answers").click()
    expect(asks).to_contain_text("Forget all answers (3)?")
    page.keyboard.press("Escape")
    expect(page.locator("#many .seconds")).to_have_text([re.compile(r"\d")] * 3)
    page.get_by_role("button", name="Remove all").click()
    asks.get_by_role("button", name="Remove all").click()
    expect(page.locator("#many table")).to_have_count(0)


def test_who_turns_to_another_tab_is_asked_nothing_there_and_can_turn_back(open_page):
    """A dialog that opened in the tab one had left could not be seen, and nothing else could be clicked."""
    page = open_page()
    enter(page)
    choose(page, survey_txt=files.text(), other_txt=files.text() + b" Other.")
    run(page)
    for name in ("survey.txt", "other.txt"):
        expect(row(page, name)).to_contain_text("14.2")
    asks = page.get_by_role("dialog")
    turn = "document.querySelector('#tabs [data-tab-id=\"tab.read\"]').click()"
    page.evaluate(f"document.querySelector('#many [data-act=remove]').click(); {turn}")
    expect(page.locator("#main")).to_be_visible()
    expect(page.locator("#many-asks dialog")).to_have_count(1)
    enter(page)
    page.get_by_role("button", name="Remove survey.txt").click()
    asks.get_by_role("button", name="Remove").click()
    expect(row(page, "survey.txt")).to_have_count(0)
    page.get_by_role("button", name="Remove other.txt").click()
    expect(asks).to_be_visible()
    page.evaluate(turn)  # as a place in the table does, which was clicked before
    expect(page.locator("#main")).to_be_visible()
    enter(page)
    run(page, "Who led the survey?")  # what was agreed to of one is not agreed to of another
    expect(row(page, "other.txt")).to_contain_text("Marta Ellingham")


def test_a_table_that_was_stopped_is_there_after_a_reload_and_goes_on(open_page):
    page = open_page()
    enter(page)
    choose(page, survey_txt=files.text(), long_pdf=files.scan(12, seed=100))
    run(page)
    expect(row(page, "survey.txt").locator(".answer")).to_contain_text("14.2")
    expect(row(page, "long.pdf")).to_contain_text("Reading the document first")
    page.click("#many-stop")
    expect(row(page, "long.pdf")).to_contain_text("not asked yet")
    expect(page.locator("#many-now")).to_have_text("")
    page.reload()
    page.locator("#title h1").wait_for()
    enter(page)
    expect(page.locator("#many-question textarea")).to_have_value(QUESTION)
    expect(row(page, "survey.txt").locator(".answer")).to_contain_text("14.2")
    seconds = row(page, "survey.txt").locator(".seconds").inner_text()
    page.click("#many-run")
    expect(row(page, "long.pdf").locator(".answer")).to_contain_text("14.2")
    assert row(page, "survey.txt").locator(".seconds").inner_text() == seconds, "it was not asked again"


def test_several_questions_are_asked_in_one_run_and_saved_with_their_answers(open_page, artifacts):
    page = open_page()
    enter(page)
    choose(page, survey_pdf=files.pdf(), survey_docx=files.docx())
    page.locator("#many-question textarea").press_sequentially("Who led the survey of the harbour?")
    page.keyboard.press("Enter")
    page.keyboard.type(QUESTION)
    page.click("#many-run")
    expect(page.locator("#many tbody")).to_have_count(2)
    expect(page.locator("#many .question")).to_have_text(["Who led the survey of the harbour?", QUESTION] * 2)
    for at, words in enumerate(["Marta Ellingham", "14.2"] * 2):
        expect(page.locator("#many .answer").nth(at)).to_contain_text(words)
    expect_accessible(page)
    page.screenshot(path=artifacts / "many-questions.png")
    table = list(csv.DictReader(io.StringIO(saved(page, "CSV"))))
    assert [(entry["file"], entry["question"] == QUESTION) for entry in table] == [
        (name, second) for name in ("survey.pdf", "survey.docx") for second in (False, True)
    ]
    assert all("14.2" in entry["answer"] for entry in table[1::2])


@pytest.mark.long
def test_a_reload_finds_a_table_that_is_being_filled(open_page):
    page = open_page()
    enter(page)
    choose(page, long_pdf=files.scan(6, seed=200))
    run(page)
    expect(row(page, "long.pdf")).to_contain_text("Reading the document first")
    page.reload()
    page.locator("#title h1").wait_for()
    enter(page)
    expect(page.locator("#many-now")).to_contain_text("0 of 1 answered")
    expect(row(page, "long.pdf").locator(".answer")).to_contain_text("14.2")


def test_it_speaks_chinese_fits_a_phone_and_is_reached_by_the_keyboard(open_page, artifacts):
    page = open_page(locale="zh-CN", viewport={"width": 390, "height": 844}, color_scheme="dark")
    enter(page)
    page.click("#many-run")
    expect(page.locator("#many-now")).to_contain_text("请先选择文档")
    page.locator("#many-now").get_by_role("button", name="关闭").click()
    expect(page.locator("#many-now")).to_have_text("")
    choose(page, survey_docx=files.docx(), locked_pdf=files.pdf(password="secret"))
    run(page)
    expect(row(page, "survey.docx").locator(".answer")).to_contain_text("14.2")
    expect(row(page, "survey.docx").locator(".evidence")).to_contain_text(re.compile(r"第 1 页，第 \d+ 行"))
    expect(row(page, "locked.pdf").locator(".error")).to_contain_text("密码")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect_accessible(page)
    page.screenshot(path=artifacts / "many-phone.png", full_page=True)
    reached = set()
    page.get_by_role("tab", name="多文档").focus()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('[id^=many]')?.id"))
    assert {"many-upload", "many-question", "many-run", "many-stop", "many-tools", "many"} <= reached
    row(page, "survey.docx").locator(".glyph-place").first.click()
    expect(page.locator("#page.large .glyph-box.chosen")).to_be_in_viewport()
    expect_accessible(page)
    page.screenshot(path=artifacts / "many-place-phone.png")
    page.locator("#page [data-size]").click()
    expect(page.locator("#page.large")).to_have_count(0)
