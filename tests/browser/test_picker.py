"""Choosing a model in the window: a folder, then a server, each down to an answer."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.conftest import serving
from tests.browser.person import (
    answers,
    arrive,
    ask,
    ask_about_survey,
    choose_model,
    expect_accessible,
    expect_answers,
    open_settings,
    read_document,
    use_folder,
    use_model,
)
from tests.checkpoints import make_checkpoint
from tests.engines import stub_server
from tests.engines.stub_server import chunk


@pytest.mark.slow
def test_a_folder_and_then_a_server_are_chosen_used_and_answer(new_page, tmp_path, artifacts):
    model = make_checkpoint(tmp_path / "harbour-model")
    said = [chunk(content="By the server."), chunk(reason="stop")]
    with (
        serving(tmp_path, "--engine", "pocket", "--max-new-tokens", "16") as address,
        stub_server.serving(said) as stub,
    ):
        page = arrive(new_page(), address)
        read_document(page, "survey.txt", files.text())
        ask_about_survey(page)
        open_settings(page)
        expect(page.locator("#temperature input").first).to_be_disabled()
        expect(page.locator("#choice label").nth(1)).to_contain_text(re.compile(r"Glyph · 20\.6.GB · (lacks|slow)"))

        use_folder(page, tmp_path / "nowhere")
        expect(page.locator("#outcome")).to_contain_text("There is no model")
        page.locator("#outcome").get_by_role("button", name="Close").click()
        expect(page.locator("#outcome")).to_have_text("")
        use_folder(page, model)
        expect(page.locator("#outcome")).to_contain_text("The engine is loaded")
        expect(page.locator("#picked")).to_contain_text("In use.")
        page.locator("#folder :is(textarea, input)").press("Backspace")
        expect(page.locator("#picked")).to_contain_text("Use it")
        page.locator("#folder :is(textarea, input)").fill(str(model))
        expect(page.locator("#picked")).to_contain_text("In use.")
        expect(page.locator("#title")).to_contain_text("Engine: local · harbour-model · fp32 · CPU")
        expect(page.locator("#temperature input").first).to_be_enabled()
        page.screenshot(path=artifacts / "picker-folder.png")
        ask(page, "And when?")
        expect_answers(page, 2)

        choose_model(page, "A server")
        page.locator("#preset input").click()
        page.get_by_role("option", name="Ollama").click()
        expect(page.locator("#preset")).to_contain_text("ollama pull")
        expect(page.locator("#address :is(textarea, input)")).to_have_value("http://127.0.0.1:11434/v1")
        page.locator("#address :is(textarea, input)").fill("http://127.0.0.1:9/v1")
        page.locator("#test").click()
        expect(page.locator("#outcome")).to_contain_text("No answer from http://127.0.0.1:9/v1")
        page.locator("#address :is(textarea, input)").fill(stub.url)
        page.locator("#key input").fill("sesame")
        page.locator("#test").click()
        expect(page.locator("#outcome")).to_contain_text("serves 2 models")
        expect(page.locator("#served input")).to_have_value("served")
        page.locator("#address :is(textarea, input)").press("Backspace")
        expect(page.locator("#served")).to_have_count(0)  # it is another server's
        page.locator("#address :is(textarea, input)").fill(stub.url)
        page.locator("#test").click()
        page.locator("#served input").click()
        page.get_by_role("option", name="another").click()
        page.screenshot(path=artifacts / "picker-server.png")
        expect_accessible(page)
        use_model(page)
        expect(page.locator("#title")).to_contain_text(f"Engine: remote · another · {stub.url.split('/')[2]}")
        ask(page, "Who led it?")
        expect_answers(page, 3)
        expect(answers(page).last).to_contain_text("By the server.")
        assert stub.requests[-1]["model"] == "another"
        assert stub.keys[-1] == "Bearer sesame"

        page.reload()
        expect(page.locator("#title")).to_contain_text("Engine: remote · another")
        open_settings(page)
        expect(page.locator("#address :is(textarea, input)")).to_have_value(stub.url)
        expect(page.locator("#key input")).to_have_value("")
        expect(page.locator("#served input")).to_have_value("another")
        expect(page.locator("#picked")).to_contain_text("In use.")
        choose_model(page, "pocket")
        expect(page.locator("#served")).to_have_count(0)
        choose_model(page, "A server")
        expect(page.locator("#served input")).to_have_value("another")
        expect(page.locator("#picked")).to_contain_text("In use.")
        assert "sesame" not in page.content() + str(page.context.storage_state())


@pytest.mark.slow
def test_a_folder_of_another_family_is_used_and_reads_the_document_anew_in_its_style(new_page, tmp_path):
    model = make_checkpoint(tmp_path / "harbour-qwen", kind="qwen3_vl")
    with serving(tmp_path, "--engine", "pocket", "--max-new-tokens", "16") as address:
        page = arrive(new_page(), address)
        read_document(page, "survey.txt", files.text())
        ask_about_survey(page)
        before = page.locator("#page img").first.get_attribute("src")
        open_settings(page)
        use_folder(page, model)
        expect(page.locator("#outcome")).to_contain_text("The engine is loaded")
        expect(page.locator("#title")).to_contain_text("Engine: local · harbour-qwen · fp32 · CPU")
        expect(page.locator("#page img").first).not_to_have_attribute("src", before)
        ask(page, "And when?")
        expect_answers(page, 2)
        ask(page, "Who was there?")
        expect_answers(page, 3)
