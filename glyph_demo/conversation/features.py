"""The features of one document's pages: from the store, else encoded by the engine and put there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from glyph_demo.conversation.drawing import picture
from glyph_demo.engines.base import Engine
from glyph_demo.errors import ran_out_of_memory
from glyph_demo.rendering import Page, decode_png
from glyph_demo.store import TIERS, FeatureStore, OnDevice, PageFeatures, Tier, feature_key


@dataclass(frozen=True, slots=True)
class FetchedFeatures:
    """`key` is the store's key to put them under; None if the store has them already or is not to keep them. `known` is
    a page that the engine takes without features."""

    features: PageFeatures
    key: str | None = None
    from_store: bool = False
    known: Page | None = None


class DocumentFeatures:
    """See `engines.base.FeatureSource`. `folder` holds the pages' pictures by digest."""

    def __init__(self, engine: Engine, store: FeatureStore, folder: Path) -> None:
        self._engine = engine
        self._store = store
        self._folder = folder
        self._digests: list[str] = []  # of the pages, in the order of `_fetch`
        self._without: dict[str, Tier] = {}  # pages that the engine took without features, by digest

    def begin_fetch(self, page: Page, reuse: bool, known: bool = False) -> Callable[[], FetchedFeatures]:
        """Look the page up in the store, which starts reading it from disk, or have the engine begin to encode it.
        Without `reuse` the engine encodes it in any case, and the store does not get it. Nothing is done for a page
        that the engine says is `known`. Returns a function that waits for the features; call it when it is the page's
        turn."""
        if known:
            return partial(self._pass_by, page)
        stored = reuse and self._store.get(self._key(page.digest))
        encode = partial(self._engine.encode, page) if stored else self._engine.begin_encode(page)
        return partial(self._fetch, page.digest, encode, reuse)

    def keep(self, fetched: FetchedFeatures) -> None:
        """Put features into the store unless they came from it. Waits until they have been copied from the device."""
        if fetched.key is None:
            return
        try:
            self._store.put(fetched.key, fetched.features)
        except Exception as error:
            if not ran_out_of_memory(error):  # a page that cannot be kept is read all the same
                raise

    def digest(self, page: int) -> str:
        return self._digests[page]

    def reload(self, page: int) -> PageFeatures:
        digest = self._digests[page]
        features = self._store.get(self._key(digest))
        if features is None:
            features = self._engine.encode(Page(0, decode_png(picture(self._folder, digest).read_bytes())))
            self.keep(FetchedFeatures(features, self._key(digest)))
        return features

    def cache_on_device(self, page: int, features: OnDevice) -> None:
        self._store.keep_on_device(self._key(self._digests[page]), features)

    def update(self, page: int, features: PageFeatures) -> None:
        self.keep(FetchedFeatures(features, self._key(self._digests[page])))

    def slowest_tier(self, digests: list[str]) -> Tier | Literal["nowhere"]:
        """The slowest tier that reloading all these pages would need; `nowhere` if one is in no tier, or for no
        pages."""
        tiers = [self._store.where(self._key(digest)) or self._without.get(digest) for digest in digests]
        return max((tier or "nowhere" for tier in tiers), key=[*TIERS, "nowhere"].index, default="nowhere")

    def _pass_by(self, page: Page) -> FetchedFeatures:
        self._digests.append(page.digest)
        self._without[page.digest] = "disk"
        return FetchedFeatures(PageFeatures({}), from_store=True, known=page)

    def _fetch(self, digest: str, encode: Callable[[], PageFeatures], reuse: bool) -> FetchedFeatures:
        self._digests.append(digest)
        stored = self._store.get(self._key(digest)) if reuse else None
        if stored is not None:
            return FetchedFeatures(stored, from_store=True)
        features = encode()
        key = self._key(digest) if reuse else None  # after `encode`, which may change the precision
        return FetchedFeatures(features, key)

    def _key(self, digest: str) -> str:
        return feature_key(digest, self._engine.identity)
