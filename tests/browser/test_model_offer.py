"""A machine with room for the full model and without its weights, and a hub on this machine that has them."""

import os
import sys

from playwright.sync_api import expect

from tests.browser.person import arrive, open_settings
from tests.checkpoints import make_checkpoint
from tests.command import started
from tests.models.hubs import serving

WITH_A_CARD = """
from glyph_demo import gpu
gpu.gpus = lambda: [gpu.Gpu("A card", 150 << 30, 140 << 30, "580.1", "13.0")]
from glyph_demo import engines
from glyph_demo.engines import model_choices
model_choices.free_disk = lambda folder: 100 * 10**9
engines.without_cuda = lambda card: None  # which torch would say of a card that is not there
from glyph_demo.cli import main
main(["serve", "--port", "0"])
"""


def test_the_model_is_offered_chosen_confirmed_cancelled_gone_on_with_and_used(new_page, tmp_path, artifacts):
    folder = make_checkpoint(tmp_path / "model", shard="200KB")
    with serving(folder) as hub:
        hub.pace = 3.0
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GLYPH_DEMO_")}
        environment |= {"GLYPH_DEMO_CACHE_DIR": str(tmp_path / "cache"), "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
        environment |= {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.address, "GLYPH_DEMO_MODEL_SOURCE": "hub"}
        command = [sys.executable, "-c", WITH_A_CARD]
        with started(command, tmp_path / "log", env=environment) as (_, address):
            page = arrive(new_page(), address)
            offer = page.locator("#offer")
            expect(page.locator("#title")).to_contain_text("Engine: pocket")
            expect(offer).to_contain_text("room for Glyph")
            assert not hub.asked
            page.screenshot(path=artifacts / "model-offer.png")
            offer.get_by_role("button", name="Close").click()
            expect(offer).not_to_be_visible()
            page.reload()
            offer.get_by_role("button", name="Download Glyph (20.6 GB, from 127.0.0.1").click()
            expect(offer.get_by_role("progressbar")).to_be_visible()
            page.screenshot(path=artifacts / "model-download.png")
            offer.get_by_role("button", name="Cancel").click()
            expect(offer.get_by_role("button", name="Download")).to_be_visible()

            open_settings(page)
            page.locator("#choice label").filter(has_text="Glyph").click()
            picked, outcome = page.locator("#picked"), page.locator("#outcome")
            expect(picked).to_contain_text("Fits A card")
            for last in (False, True):
                picked.get_by_role("button", name="Download 20.6 GB and use it").click()
                expect(picked).to_contain_text("from 127.0.0.1")
                page.screenshot(path=artifacts / "picker-confirm.png")
                hub.pace = 0.0 if last else 3.0
                picked.get_by_role("button", name="Download").click()
                if not last:
                    expect(outcome.get_by_role("progressbar")).to_be_visible()
                    page.screenshot(path=artifacts / "picker-download.png")
                    outcome.get_by_role("button", name="Cancel").click()
                    expect(outcome).to_contain_text("Cancelled")
            expect(outcome).to_contain_text("The engine is loaded")
            expect(page.locator("#title")).to_contain_text("Engine: local · zai-org/Glyph")
            expect(picked).to_contain_text("In use")
            expect(offer).not_to_be_visible()
