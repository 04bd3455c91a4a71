"""Machines made up: what a model may use of them."""

from pathlib import Path

from glyph_demo.engines.model_choices import Resources
from glyph_demo.gpu import Gpu

GB = 10**9


def machine(card=None, memory=16, disk=100, trouble=None):
    """A machine with a card of so many GiB, and GB of free memory and disk."""
    found = card and Gpu("NVIDIA GeForce RTX 4090", card << 30, int((card - 0.3) * 2**30), "580.1", "13.0")
    return Resources(found, trouble, 2 * memory * GB, memory * GB, Path("/data"), disk * GB)
