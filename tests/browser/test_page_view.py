"""The page view: words found, larger and smaller, wider and narrower; a sheet on a phone."""

from playwright.sync_api import expect

from tests.browser.person import ask_and_expect, expect_accessible, read_document

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
LETTER = b"".join(b"Line %d names the ledger.\n" % number for number in range(1, 160)) + b"Marta Ellingham led it.\n"


def test_words_are_found_with_the_browsers_own_keys(open_page, artifacts):
    page = open_page()
    read_document(page, "letter.txt", LETTER)
    page.keyboard.press("Control+f")
    expect(page.locator("#find :is(input, textarea)")).to_be_focused()
    page.keyboard.type("LEDGER")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_contain_text("1 of 159")
    expect(page.locator("#page .glyph-box.chosen")).to_be_in_viewport()
    page.get_by_role("button", name="Previous match").click()
    expect(page.locator("#found")).to_contain_text("159 of 159")
    expect(page.locator("#page .glyph-box.chosen")).to_be_in_viewport()
    expect(page.locator("#gallery [aria-current]")).not_to_contain_text("Page 1")
    page.screenshot(path=artifacts / "found.png")
    expect_accessible(page)
    page.fill("#find :is(input, textarea)", "no such words")
    page.press("#find :is(input, textarea)", "Enter")
    expect(page.locator("#found")).to_contain_text("Not found")


def test_the_keys_pressed_again_are_the_browsers_so_that_the_conversation_can_be_searched(open_page):
    page = open_page()
    read_document(page, "letter.txt", LETTER)
    page.evaluate("""addEventListener("keydown", event => {
        if (event.key === "f") (window.taken ??= []).push(event.defaultPrevented);
    })""")
    field = page.locator("#find :is(input, textarea)")
    page.keyboard.press("Control+f")
    expect(field).to_be_focused()
    page.keyboard.press("Control+f")
    page.locator("#question textarea").focus()
    page.keyboard.press("Control+f")
    expect(field).to_be_focused()
    assert page.evaluate("taken") == [True, False, True]


def test_the_page_is_zoomed_and_the_view_widened_and_both_stay(open_page):
    page = open_page()
    read_document(page, "letter.txt", LETTER)
    paper, view = page.locator("#page .glyph-paper"), page.locator("#pages")
    width = paper.bounding_box()["width"]
    page.get_by_role("button", name="Zoom in").click()
    expect(paper).to_have_attribute("style", "--zoom: 1.25;")
    page.get_by_role("button", name="Page after").click()
    expect(page.locator("#page")).to_contain_text("Page 2 of")
    assert paper.bounding_box()["width"] > 1.2 * width
    before = view.bounding_box()["width"]
    page.get_by_role("separator", name="Width of the page view").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    widened = view.bounding_box()["width"]
    assert widened > before + 40
    page.reload()
    expect(page.locator("#gallery img").first).to_be_visible()
    assert abs(view.bounding_box()["width"] - widened) < 4


SEEN = """sheet => (sheet.scrollTop + sheet.clientHeight / 2) / sheet.scrollHeight"""


def test_a_page_on_the_whole_screen_is_zoomed_where_it_is_looked_at_and_left_to_find_words(open_page, artifacts):
    page = open_page(viewport={"width": 1440, "height": 900})
    read_document(page, "letter.txt", LETTER)
    ask_and_expect(page, "Who led it?", "Marta Ellingham")
    page.get_by_role("button", name="Whole screen").click()
    expect(page.locator("#page.large .glyph-box.chosen")).to_be_in_viewport()
    paper, sheet = page.locator("#page .glyph-paper"), page.locator("#page .glyph-sheet")
    width = paper.bounding_box()["width"]
    sheet.evaluate("sheet => { sheet.scrollTop = 0.3 * sheet.scrollHeight - sheet.clientHeight / 2 }")
    for times in (1.25, 1.25**2):
        page.get_by_role("button", name="Zoom in").click()
        expect(paper).to_have_attribute("style", f"--zoom: {times};")
        assert abs(paper.bounding_box()["width"] - times * width) < 2
        assert abs(sheet.evaluate(SEEN) - 0.3) < 0.01
    page.screenshot(path=artifacts / "zoomed-large.png")
    page.keyboard.press("Control+f")
    expect(page.locator("#page.large")).to_have_count(0)
    expect(page.locator("#find :is(input, textarea)")).to_be_focused()


def test_on_a_phone_what_is_said_of_a_place_that_is_gone_stands_over_the_sheet_and_is_closed(open_page, artifacts):
    page = open_page(**PHONE)
    read_document(page, "letter.txt", "Marta Ellingham of ᐃ led it.".encode())
    ask_and_expect(page, "Who led it?", "Marta Ellingham of ∆")  # as it was read, so it is not found again
    page.locator(".sidebar .toggle-button").first.click()
    shown, said = page.locator("#page img").first, page.locator("#status .glyph-notice")
    before = shown.get_attribute("src")
    page.get_by_label("Text size").click()
    page.get_by_role("option", name="14", exact=True).click()
    expect(shown).not_to_have_attribute("src", before)
    expect(said).to_have_count(0)  # it is read again
    page.locator(".sidebar .toggle-button").first.click()

    page.locator("#chat .glyph-passage").first.click()
    expect(page.locator("#page.large")).to_be_visible()
    expect(said).to_contain_text("The pages have changed since this answer.")
    expect(said).to_be_in_viewport()
    page.screenshot(path=artifacts / "page-sheet-notice-phone.png")
    for button in page.locator("#page.large button:enabled").all():
        button.click(trial=True)  # none is covered
    said.get_by_role("button", name="Close").click()
    expect(said).to_have_count(0)
    page.get_by_role("button", name="Whole screen").click()
    expect(page.locator("#page.large")).to_have_count(0)


def test_a_place_that_is_tapped_on_a_phone_comes_as_a_sheet_and_goes(open_page, artifacts):
    page = open_page(**PHONE)
    read_document(page, "letter.txt", LETTER)
    ask_and_expect(page, "Who led it?", "Marta Ellingham")
    page.locator("#chat .glyph-passage").first.click()
    expect(page.locator("#page.large .glyph-box.chosen")).to_be_in_viewport()
    page.screenshot(path=artifacts / "page-sheet-phone.png")
    page.get_by_role("button", name="Whole screen").click()
    expect(page.locator("#page.large")).to_have_count(0)
    for tab in page.get_by_role("tab").all():
        assert tab.evaluate("tab => tab.scrollWidth <= tab.clientWidth"), "its name is not cut"

    page.locator("#chat .glyph-passage").first.click()
    expect(page.locator("#page.large")).to_be_visible()
    page.evaluate("document.querySelector('#documents [data-act=remove]').click()")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("#documents li")).to_have_count(0)
    expect(page.locator("#page.large")).to_have_count(0)
