"""A machine with room for the full model and without its weights, and a hub on this machine that has them."""

import os
import sys

from playwright.sync_api import expect

from tests.browser.person import arrive
from tests.checkpoints import make_checkpoint
from tests.command import started
from tests.models.hubs import serving

WITH_A_CARD = """
from glyph_demo import gpu
gpu.gpus = lambda: [gpu.Gpu("A card", 150 << 30, 140 << 30, "580.1", "13.0")]
from glyph_demo import engines
engines.without_cuda = lambda card: None  # which torch would say of a card that is not there
from glyph_demo.cli import main
main(["serve", "--port", "0"])
"""


def test_the_model_is_offered_downloaded_cancelled_gone_on_with_and_used(new_page, tmp_path, artifacts):
    folder = make_checkpoint(tmp_path / "model", shard="200KB")
    with serving(folder) as hub:
        hub.pace = 5.0
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
            offer.get_by_role("button", name="Download Glyph (20.6 GB, from 127.0.0.1").click()
            expect(offer.get_by_role("progressbar")).to_be_visible()
            page.screenshot(path=artifacts / "model-download.png")
            offer.get_by_role("button", name="Cancel").click()
            button = offer.get_by_role("button", name="Download")
            expect(button).to_be_visible()
            hub.pace = 0.0
            button.click()
            expect(page.locator("#title")).to_contain_text("Engine: local")
            expect(page.locator("#status")).to_contain_text("The engine is loaded")
            expect(offer).not_to_be_visible()
