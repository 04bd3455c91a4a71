"""A first visit from beginning to end, in one page that is never loaded anew by hand."""

from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.person import (
    answers,
    arrive,
    ask,
    expect_answers,
    open_settings,
    upload,
    use_folder,
    wait_until_read,
)

ASKED = ("text", "scan", "form")
DOWN = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")


def test_a_first_visit_with_a_mixed_pdf_another_engine_and_a_restart_of_the_app(new_page, tmp_path, checkpoint_of):
    complaints = []
    page = new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with serving(tmp_path) as address:
        arrive(page, address)
        page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        upload(page, "report.pdf", files.report())
        for number, kind in enumerate(ASKED, 1):  # while it is read
            ask(page, files.QUESTIONS[kind][0])
            expect_answers(page, number)
        wait_until_read(page)
        for number, kind in enumerate(ASKED):
            expect(answers(page).nth(number)).to_contain_text(files.QUESTIONS[kind][1])
        page.get_by_role("button", name="Original").click()
        expect(page.locator("#page .glyph-box.chosen").first).to_be_visible()
        open_settings(page)
        use_folder(page, checkpoint_of(context=32768))
        expect(page.locator("#outcome")).to_contain_text("The engine is loaded")
        wait_until_read(page)
        page.locator(".sidebar .toggle-button").first.click()
        ask(page, "And who keeps the key?")
        expect_answers(page, 4)
        assert complaints == []
        page.evaluate("window.before = true")
    with serving(tmp_path, port=int(address.rpartition(":")[2])):
        page.wait_for_function("!window.before")
        wait_until_read(page)
        expect(page.locator("#title")).to_contain_text("Engine: local")
        ask(page, "And the lighthouse?")
        expect_answers(page, 5)
    ended = [told for told in complaints if not any(word in told for word in DOWN)]
    assert [told for told in ended if "network error" not in told and "errored out" not in told] == []
