"""The tabs beside the one for reading."""

from playwright.sync_api import expect


def test_the_machine_is_watched_while_the_page_is_open_on_laptop_and_phone(open_page, artifacts):
    page = open_page()
    page.get_by_role("tab", name="Machine").click()
    line = page.locator("#machine svg.glyph-history polyline").first
    first = line.get_attribute("points")
    expect(line).not_to_have_attribute("points", first, timeout=10_000)
    page.locator("#language label").last.click()
    expect(page.locator("#machine")).to_contain_text("处理器")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=artifacts / "machine-phone.png")
