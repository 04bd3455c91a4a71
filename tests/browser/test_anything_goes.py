"""Whatever a person does in whatever order, there is a way on: Send or Stop, no error text, no spinner without end."""

import contextlib
import random
import re

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.person import QUESTION, arrive, upload

ACTS = {  # and how often each is done
    "open": 8,
    "ask": 18,
    "stop": 8,
    "edit": 3,
    "undo": 2,
    "language": 2,
    "rename": 2,
    "search": 2,
    "remove": 2,
    "reload": 3,
    "tab": 4,
    "many": 4,
    "compare": 1,
    "restart": 1,
    "engine": 2,
}
ERRORS = re.compile(r"Traceback|\b\w+(Error|Exception)\b|That did not work|操作未成功")
TABS = 5


class Anybody:
    def __init__(self, page, app, seed, model):
        """`model` is the folder of another engine's model; without one the engine stays."""
        self.page, self.app, self.random, self.done, self.model = page, app, random.Random(seed), [], model

    def act(self):
        name = self.random.choices(list(ACTS), list(ACTS.values()))[0]
        if name == "engine" and self.model is None:
            name = "ask"
        self.done.append(name)
        getattr(self, name)()

    def first(self, selector):
        """The first that can be clicked now, if any."""
        found = self.page.locator(selector).first
        with contextlib.suppress(Exception):  # it may go meanwhile
            return found if found.is_visible() and found.is_enabled(timeout=1000) else None

    def click(self, selector):
        if (button := self.first(selector)) is not None:
            with contextlib.suppress(Exception):  # it may go while it is clicked
                button.click(timeout=1000)

    def open(self):
        self.tab(0)
        seed = self.random.randrange(1000)
        kind = self.random.choice(("text", "scan", "bad"))
        data = {"text": files.text, "scan": lambda: files.scan(2, seed), "bad": lambda: b""}[kind]()
        upload(self.page, f"{kind}{seed}.{'pdf' if kind == 'scan' else 'txt'}", data)

    def ask(self):
        self.tab(0)
        if (field := self.first(QUESTION)) is not None:
            question = self.random.choice(("Who led the survey?", "How deep is it?", " ", "x" * 300))
            with contextlib.suppress(Exception):  # it goes with a document that cannot be read
                field.fill(question, timeout=5000)
                field.press("Enter", timeout=5000)

    def stop(self):
        self.click("#question .stop-button")

    def edit(self):
        self.click("#chat button[aria-label=Retry]")

    def undo(self):
        self.click("#chat button[aria-label=Undo]")

    def language(self):
        self.click("#language label:not(:has(:checked))")

    def remove(self):
        self.click("#documents [data-act=remove]")

    def rename(self):
        self.click("#documents [data-act=rename]")
        with contextlib.suppress(Exception):
            self.page.locator("#documents .glyph-rename").fill(f"Name {self.random.randrange(9)}", timeout=1000)
        if self.random.random() < 0.5:
            self.page.keyboard.press("Enter")

    def search(self):
        if self.first("#search input") is not None:
            with contextlib.suppress(Exception):  # it may go with a document
                words = self.random.choice(("survey", "name 1", "nowhere", "", ""))
                self.page.fill("#search input", words, timeout=1000)

    def engine(self):
        self.click(".sidebar .toggle-button")
        key = self.random.choice(("pocket", "folder"))
        self.click(f"#choice input[value={key}]")
        with contextlib.suppress(Exception):
            if key == "folder":
                self.page.locator("#folder :is(textarea, input)").fill(str(self.model), timeout=5000)
            self.page.locator("#picked [data-act=use]").click(timeout=5000)
        self.click(".sidebar .toggle-button")

    def reload(self):
        self.page.reload()

    def tab(self, number=None):
        place = self.random.randrange(TABS) if number is None else number
        with contextlib.suppress(Exception):
            self.page.get_by_role("tab").nth(place).click(timeout=1000)

    def many(self):
        self.tab(1)
        act = self.random.choice(("opened", "run", "stop", "remove", "clear", "place"))
        if act == "opened":
            self.click("#many-tools button >> nth=0")
        elif act == "run":
            with contextlib.suppress(Exception):
                self.page.fill("#many-question textarea", "How deep is it?", timeout=1000)
            self.click("#many-run")
        elif act == "clear":
            self.click("#many-tools button >> nth=-1")
        else:
            self.click({"stop": "#many-stop", "remove": "#many [data-act=remove]", "place": "#many .glyph-place"}[act])

    def compare(self):
        self.tab(2)
        with contextlib.suppress(Exception):
            self.page.fill("#compare-question textarea", "Who led the survey?", timeout=1000)
        self.click("#compare-run")

    def restart(self):
        self.page.evaluate("window.before = true")
        self.app.restart()
        self.page.wait_for_function("!window.before")

    def has_a_way_on(self):
        page = self.page
        page.locator("#title h1").wait_for()
        expect(page.get_by_role("tabpanel").first).to_be_visible()
        for _ in range(30):
            page.keyboard.press("Escape")  # a question whether something may go, which may come late
            self.tab(0)  # always: a click on another tab that was given up may still be under way
            if page.locator("#main").is_visible():
                break
        expect(page.locator("#main")).to_be_visible()
        buttons = "#question .submit-button:visible, #question .stop-button:visible"
        expect(page.locator(f"{buttons}, #main:not(:has(.glyph-documents)) .glyph-drop:visible")).to_have_count(1)
        expect(page.locator("#connection")).to_have_count(0)
        assert not ERRORS.search(page.locator("body").inner_text())

    def comes_to_rest(self):
        self.tab(0)
        self.click("#question .stop-button")
        expect(self.page.locator("#question .stop-button:visible")).to_have_count(0)
        expect(self.page.locator("#progress .glyph-stage")).to_have_count(0)
        upload(self.page, "last.txt", files.text())
        expect(self.page.locator(QUESTION)).to_be_editable()


class App:
    """The app in a process of its own, which can be started anew at its port."""

    def __init__(self, folder):
        self.folder, self.port, self.running = folder, 0, contextlib.ExitStack()
        self.restart()

    def restart(self):
        self.running.close()
        flags = ("--engine", "pocket", "--max-new-tokens", "64")
        self.address = self.running.enter_context(serving(self.folder, *flags, port=self.port))
        self.port = int(self.address.rpartition(":")[2])


def go(new_page, folder, seed, actions, model=None):
    app = App(folder)
    try:
        page = new_page()
        someone = Anybody(arrive(page, app.address), app, seed, model)
        thrown = []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        try:
            for _ in range(actions):
                someone.act()
                someone.has_a_way_on()
            someone.comes_to_rest()
            assert thrown == []
        except BaseException:
            print(f"seed {seed}, action {len(someone.done)}:", *someone.done, *thrown)
            raise
    finally:
        app.running.close()


@pytest.mark.parametrize("seed", range(3))
def test_there_is_a_way_on_after_a_few_random_actions(new_page, tmp_path, seed):
    go(new_page, tmp_path, seed, 15)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(30))
def test_there_is_a_way_on_after_500_random_actions(new_page, tmp_path, checkpoint_of, seed):
    go(new_page, tmp_path, 100 + seed, 500, checkpoint_of())
