"""A local engine that reads small pages of noise and says what a test has it say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.local.document import LocalDocument
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.rendering.page import Page
from glyph_demo.store import FeatureStore, PageFeatures, feature_key
from tests.answers import joined

SHORT = AskOptions(max_new_tokens=8)


@dataclass
class Shadow:
    """What a document and its turns ought to be."""

    pages: list[Page]
    turns: list[Turn] = field(default_factory=list)
    ids: list[list[int]] = field(default_factory=list)


def page(seed: int, height: int = 112, width: int = 112) -> Page:
    return Page(0, np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8))


def read(engine: LocalEngine, store: FeatureStore, page: Page) -> PageFeatures:
    """A page's features as the application gets them: from the store where it has them."""
    key = feature_key(page.digest, engine.identity)
    features = store.get(key)
    if features is None:
        features = engine.encode(page)
        store.put(key, features)
    return features


def opened(engine: LocalEngine, pages: int | Iterable[Page] = 1) -> LocalDocument:
    """A document of these pages, or of this number of them."""
    shown = map(page, range(pages)) if isinstance(pages, int) else pages
    return engine.open_document([engine.encode(each) for each in shown])


def ask(document: LocalDocument, question: str, history: Sequence[Turn] = (), options: AskOptions = SHORT) -> str:
    return joined(document.answer(question, history, options))


def script(engine: LocalEngine, *words: str) -> None:
    """Have the model say these tokens, and the last one for ever."""
    ids = [i for word in words for i in engine.model.tokenizer.encode(word)]

    def logits(hidden: torch.Tensor) -> torch.Tensor:
        rows = torch.zeros(len(hidden), engine.model.model.config.text_config.vocab_size)
        rows[:, ids.pop(0) if len(ids) > 1 else ids[0]] = 1000.0
        return rows

    engine.decoder.logits = logits
