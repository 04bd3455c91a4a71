"""The tabs beside the one for reading."""

from playwright.sync_api import expect

from tests.browser import files
from tests.browser.person import expect_accessible, read_document


def test_the_machine_is_watched_while_the_page_is_open_on_laptop_and_phone(open_page, artifacts):
    page = open_page()
    page.get_by_role("tab", name="Machine").click()
    line = page.locator("#machine svg.glyph-history polyline").first
    first = line.get_attribute("points")
    expect(line).not_to_have_attribute("points", first)
    page.locator("#language label").last.click()
    expect(page.locator("#machine")).to_contain_text("处理器")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect_accessible(page)
    page.screenshot(path=artifacts / "machine-phone.png")


def test_one_question_is_asked_three_ways_side_by_side(open_page, artifacts):
    page = open_page()
    read_document(page, "survey.txt", files.MAKERS["txt"]())
    page.get_by_role("tab", name="Compare").click()
    page.click("#compare-run")
    expect(page.locator("#compare")).to_contain_text("Type a question")
    page.click("#compare .glyph-close")
    expect(page.locator("#compare .glyph-notice")).to_have_count(0)
    expect(page.locator("#compare-stop")).to_be_hidden()
    page.fill("#compare-question textarea", "Who led the survey of the harbour?")
    page.click("#compare-run")
    expect(page.locator(".glyph-gains")).to_contain_text("times as fast")
    expect(page.locator("#compare-stop")).to_be_hidden()
    for way in ("anew", "kept"):
        expect(page.locator(f".glyph-side[data-way={way}]")).to_contain_text("Marta Ellingham")
        expect(page.locator(f".glyph-side[data-way={way}] .glyph-timing")).to_be_visible()
    expect(page.locator(".glyph-side[data-way=text]")).to_contain_text("--engine local")
    expect_accessible(page)
    page.screenshot(path=artifacts / "compare.png")
    page.locator("#language label").last.click()
    expect(page.locator(".glyph-side[data-way=kept]")).to_contain_text("复用缓存")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=artifacts / "compare-phone.png", full_page=True)


def test_a_page_that_is_loaded_anew_in_the_middle_of_a_comparison_says_so(open_page):
    page = open_page()
    read_document(page, "scan.pdf", files.scan(4))
    page.get_by_role("tab", name="Compare").click()
    page.fill("#compare-question textarea", "Who led the survey of the harbour?")
    page.click("#compare-run")
    expect(page.locator("#compare-stop")).to_be_visible()
    page.reload()
    expect(page.locator("#compare")).to_contain_text("The comparison ended with the page that began it")
    expect(page.locator("#compare-stop")).to_be_hidden()


def test_measuring_shows_how_long_it_has_run_and_can_be_stopped(open_page):
    page = open_page()
    page.get_by_role("tab", name="Benchmark").click()
    page.click("#benchmark-run")
    expect(page.locator("#benchmark")).to_contain_text("so far")
    page.reload()
    expect(page.locator("#benchmark")).to_contain_text("The run ended with the page that began it")
    page.click("#benchmark .glyph-close")
    expect(page.locator("#benchmark .glyph-notice")).to_have_count(0)
    expect(page.locator("#benchmark-stop")).to_be_hidden()
    page.click("#benchmark-run")
    expect(page.locator("#benchmark")).to_contain_text("so far")
    other = open_page()
    other.get_by_role("tab", name="Benchmark").click()
    expect(other.locator("#benchmark")).to_contain_text("so far")
    other.click("#benchmark-stop")
    for each in (page, other):
        expect(each.locator("#benchmark")).not_to_contain_text("so far")
        expect(each.locator("#benchmark-stop")).to_be_hidden()
    expect_accessible(page)
