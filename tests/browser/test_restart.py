"""The app is started anew, or the page loaded anew, in the middle of something: the page comes back by itself."""

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.person import (
    QUESTION,
    answers,
    arrive,
    ask,
    ask_and_expect,
    choose_model,
    open_settings,
    read_document,
    upload,
)

PAINTER = "Who painted the lighthouse?"
POCKET = ("--engine", "pocket")


def port_of(address):
    return int(address.rpartition(":")[2])


def wait_until_back(page):
    page.wait_for_function("!window.before")
    page.locator("#title h1").wait_for()


@pytest.mark.parametrize("flags", [POCKET, (*POCKET, "--no-auth")])
def test_a_page_says_in_its_language_that_the_app_is_gone_and_comes_back_with_what_was_typed(new_page, tmp_path, flags):
    with serving(tmp_path, *flags) as address:
        page = arrive(new_page(locale="zh-CN"), address)
        upload(page, "survey.txt", files.text())
        expect(page.locator("#documents")).to_contain_text("保留在内存中")
        page.fill(QUESTION, "潮汐")
        page.evaluate("window.before = true")
    expect(page.locator("#connection")).to_contain_text("无法连接到应用")
    expect(page.get_by_text("Connection")).to_have_count(0)
    with serving(tmp_path, *flags, port=port_of(address)):
        wait_until_back(page)
        expect(page.locator(QUESTION)).to_have_value("潮汐")
        expect(page.locator("#documents")).to_contain_text("survey.txt")
        expect(page.locator("#connection")).to_have_count(0)
        ask_and_expect(page, "Who led the survey of the harbour?", "Marta Ellingham")


def test_a_page_in_the_language_of_the_settings_says_in_it_that_the_app_is_gone(new_page, tmp_path):
    with serving(tmp_path, *POCKET, "--language", "zh") as address:
        page = arrive(new_page(), address)
        expect(page.locator("html")).to_have_attribute("lang", "zh")
    expect(page.locator("#connection")).to_contain_text("无法连接到应用")


def test_a_restart_amid_reading_answering_and_sending_loses_no_words(new_page, tmp_path):
    with serving(tmp_path, *POCKET) as address:
        page = arrive(new_page(), address)
        upload(page, "long.pdf", files.scan(12, seed=300))
        expect(page.locator("#progress .glyph-stage")).to_have_count(1)
        ask(page, PAINTER)
        expect(page.locator("#live .glyph-wait")).to_be_visible()
        page.evaluate("window.before = true")
        page.route("**/uploads*", lambda route: None)  # it never arrives
        upload(page, "big.txt", files.text())
    other = tmp_path / "other"
    other.mkdir()
    page.unroute_all()
    with serving(other, *POCKET, port=port_of(address)):  # with another cache folder, which knows of nothing
        wait_until_back(page)
        expect(page.locator(QUESTION)).to_have_value(PAINTER)
        expect(page.locator("#status")).to_contain_text("big.txt: It did not come through")
        read_document(page, "survey.txt", files.text())
        ask_and_expect(page, "Who led the survey of the harbour?", "Marta Ellingham")


def test_a_page_loaded_anew_shows_the_answer_that_is_written_and_can_stop_it(open_page):
    page = open_page()
    upload(page, "long.pdf", files.scan(12, seed=400))
    expect(page.locator("#progress .glyph-stage")).to_have_count(1)
    ask(page, PAINTER)
    expect(page.locator("#live .glyph-wait")).to_be_visible()
    page.reload()
    expect(page.locator("#live .glyph-wait")).to_be_visible()
    expect(page.locator("#chat .user-row")).to_contain_text(PAINTER)
    page.locator("#question .stop-button").click()
    expect(page.locator("#question .submit-button")).to_be_visible()
    expect(page.locator(QUESTION)).to_have_value(PAINTER)
    expect(answers(page)).to_have_count(0)
    page.get_by_role("button", name="Remove long.pdf").click()


def log_in(page):
    page.get_by_label("username").fill("glyph")
    page.get_by_label("password").fill("sesame")
    page.get_by_role("button", name="Login").click()
    page.locator("#title h1").wait_for()


def test_what_was_typed_anywhere_outlives_a_restart_and_its_login(new_page, tmp_path):
    (tmp_path / "secret.yaml").write_text("server: {password: sesame}\n")
    flags = (*POCKET, "--config", str(tmp_path / "secret.yaml"))
    typed = {"#many-question": "Who led it?", "#compare-question": "When?", "#address": "http://127.0.0.1:9/v1"}
    with serving(tmp_path, *flags) as address:
        page = new_page()
        page.goto(address)
        log_in(page)
        open_settings(page)
        choose_model(page, "A server")
        page.fill("#key input", "a secret")
        page.fill("#address textarea", typed["#address"])
        for number, field in enumerate(("#many-question", "#compare-question"), 1):
            page.get_by_role("tab").nth(number).click()
            page.fill(f"{field} textarea", typed[field])
        page.evaluate("window.before = true")
    with serving(tmp_path, *flags, port=port_of(address)):
        page.wait_for_function("!window.before")
        log_in(page)
        expect(page.get_by_role("tab").nth(2)).to_have_attribute("aria-selected", "true")
        expect(page.locator("#choice input[value=server]")).to_be_checked()
        for field in ("#compare-question", "#address"):
            expect(page.locator(f"{field} textarea")).to_have_value(typed[field])
        expect(page.locator("#key input")).to_have_value("")
        page.get_by_role("tab").nth(1).click()
        expect(page.locator("#many-question textarea")).to_have_value(typed["#many-question"])
        assert "a secret" not in page.evaluate("JSON.stringify([sessionStorage, localStorage])")


def test_what_is_said_of_a_failure_can_be_closed_by_the_keyboard(open_page):
    page = open_page(locale="zh-CN")
    page.evaluate("glyphFailed()")
    told = page.locator("#connection")
    expect(told).to_contain_text("操作未成功")
    told.get_by_role("button", name="关闭").press("Enter")
    expect(told).to_have_count(0)
