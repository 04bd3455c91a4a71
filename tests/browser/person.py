"""What a person does at the window, and waits to see."""

import re

from playwright.sync_api import expect

QUESTION = "#question textarea"
SURVEY = "Who led the survey of the harbour?"


def arrive(page, address):
    """Open the window, and wait until it can be used."""
    page.goto(address)
    page.locator("#title h1").wait_for()
    page.locator("#upload .glyph-drop").wait_for()
    return page


def upload(page, name, data):
    page.set_input_files("#upload input[type=file]", {"name": name, "mimeType": "", "buffer": data})


def wait_until_read(page):
    expect(page.locator("#progress")).to_contain_text(re.compile("extract .* s · |提取 .* 秒 · "))


def read_document(page, name, data):
    upload(page, name, data)
    row = page.locator("#documents li").filter(has_text=name).last
    expect(row).to_contain_text(" · ")  # its pages and where they are kept: it is ready
    wait_until_read(page)


def ask(page, question):
    page.fill(QUESTION, question)
    page.press(QUESTION, "Enter")


def answers(page):
    return page.locator("#chat .bot-row")


def expect_accessible(page):
    """axe-core finds nothing serious or critical, with the sidebar as it is."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    faults = [
        (fault["id"], [node["target"] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
    assert faults == [], faults


def open_settings(page):
    page.locator(".sidebar .toggle-button").first.click()
    expect(page.locator("#choice")).to_be_visible()
    page.wait_for_timeout(500)  # it slides in, and colours are judged where it stands


def choose_model(page, name):
    """Choose one in the open settings."""
    page.locator("#choice label").filter(has_text=re.compile(f"^\\s*{re.escape(name)}")).click()


def use_model(page):
    page.locator("#picked").get_by_role("button", name="Use it", exact=True).click()


def use_folder(page, folder):
    """Use the model of a folder; the settings are open."""
    choose_model(page, "Another model")
    page.locator("#folder :is(textarea, input)").fill(str(folder))
    use_model(page)


def expect_answers(page, count):
    """`count` answers, the last of them complete with its figures."""
    expect(answers(page)).to_have_count(count)
    expect(answers(page).last.locator(".glyph-foot")).to_be_visible()


def ask_and_expect(page, question, words="", number=1):
    """Ask, and wait for the answer number `number` to be complete with these words in it."""
    ask(page, question)
    expect_answers(page, number)
    expect(answers(page).last).to_contain_text(words)


def ask_about_survey(page):
    ask_and_expect(page, SURVEY, "Marta Ellingham")
