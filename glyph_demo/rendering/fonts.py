"""Which font draws a character and how far it advances. Reads the `cmap` and `hmtx` tables itself, because the
layout needs every advance as an exact fraction of the em and Pillow gives rounded pixels."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from glyph_demo.errors import SettingsError
from glyph_demo.rendering.characters import CODEPOINTS
from glyph_demo.rendering.style import FontFile

UNITS = 256_000  # advances are in 1/256000 em: whole numbers for fonts of 1000 and of 2048 units, so sums are exact
MISSING = 0  # in FontChain.face: no font has the character
_BOX_NARROW, _BOX_WIDE = UNITS * 3 // 5, UNITS  # advance of the box drawn for a missing character
_FIRST_WIDE = 0x2E80  # CJK radicals and on: mostly full width


@dataclass(frozen=True)
class FontChain:
    """Fonts in order of preference. `face` (0x110000,) uint8 is the number of the font that draws a character,
    counted from 1, MISSING where none does; `advance` and `shift` (0x110000,) int32 are in 1/UNITS em: how far the pen
    moves, and how far right of the pen the glyph is drawn."""

    fonts: tuple[FontFile, ...]
    face: NDArray[np.uint8]
    advance: NDArray[np.int32]
    shift: NDArray[np.int32]


@lru_cache(maxsize=8)
def load_chain(fonts: tuple[FontFile, ...]) -> FontChain:
    """Raises SettingsError for a file that is no readable TrueType or OpenType font."""
    face = np.zeros(CODEPOINTS, np.uint8)
    advance = np.full(CODEPOINTS, _BOX_NARROW, np.int32)
    advance[_FIRST_WIDE:] = _BOX_WIDE
    shift = np.zeros(CODEPOINTS, np.int32)
    for number, font in reversed(list(enumerate(fonts, 1))):
        codepoints, advances = _read_font(font.path)
        shift[codepoints[face[codepoints] != MISSING]] = 0
        face[codepoints] = number
        advance[codepoints] = advances
        if font.advances:
            listed, wanted = _read_advances(font.advances)
            own = face[listed] == number
            listed, wanted = listed[own], wanted[own]
            shift[listed] = (wanted - advance[listed]) // 2  # a glyph is centred in an advance that is not its own
            advance[listed] = wanted
    advance[ord("\n")] = 0
    return FontChain(fonts, face, advance, shift)


def _read_advances(path: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code points and advances in 1/UNITS em of a table of advances (see FontFile)."""
    import json

    with open(path, encoding="utf-8") as file:
        table = json.load(file)
    listed = np.array([int(code, 16) for code in table["advance"]])
    return listed, np.array(list(table["advance"].values())) * UNITS // table["units_per_em"]


def check_font(path: str) -> None:
    """Raises SettingsError when `path` is not a font that can be drawn with."""
    from PIL import ImageFont

    _read_font(path)
    try:
        ImageFont.truetype(path, 16)
    except (OSError, ValueError):
        raise _unreadable(path) from None


def _unreadable(path: str) -> SettingsError:
    return SettingsError(
        "font_unreadable",
        f"The font {path} cannot be read. Give the path of a TrueType or OpenType font (.ttf, .otf).",
        f"无法读取字体 {path}。请给出 TrueType 或 OpenType 字体（.ttf、.otf）的路径。",
    )


def _read_font(path: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code points a font has and their advances in 1/UNITS em."""
    try:
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        tables = _tables(data)
        codepoints, glyphs = _character_map(data, tables["cmap"])
        per_em = int.from_bytes(data[tables["head"] + 18 : tables["head"] + 20], "big")
        metrics = int.from_bytes(data[tables["hhea"] + 34 : tables["hhea"] + 36], "big")
        advances = np.frombuffer(data, ">u2", 2 * metrics, tables["hmtx"])[::2].astype(np.int64)
        return codepoints, advances[np.minimum(glyphs, metrics - 1)] * UNITS // per_em
    except (OSError, KeyError, ValueError, IndexError, ZeroDivisionError, OverflowError):
        raise _unreadable(path) from None


def _tables(data: mmap.mmap) -> dict[str, int]:
    """Offsets of the tables of an sfnt file; of the first font in a collection."""
    start = int.from_bytes(data[12:16], "big") if data[:4] == b"ttcf" else 0
    count = int.from_bytes(data[start + 4 : start + 6], "big")
    records = np.frombuffer(
        data, np.dtype([("tag", "S4"), ("sum", ">u4"), ("at", ">u4"), ("size", ">u4")]), count, start + 12
    )
    return {record["tag"].decode("latin-1"): int(record["at"]) for record in records}


def _character_map(data: mmap.mmap, cmap: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code points and glyph indices of the font's widest Unicode character map (formats 12 and 4 of the OpenType
    specification, table cmap)."""
    count = int.from_bytes(data[cmap + 2 : cmap + 4], "big")
    records = np.frombuffer(data, np.dtype([("platform", ">u2"), ("encoding", ">u2"), ("at", ">u4")]), count, cmap + 4)
    found = {}
    for record in records:
        if int(record["platform"]) == 0 or (int(record["platform"]) == 3 and int(record["encoding"]) in (1, 10)):
            at = cmap + int(record["at"])
            found[int.from_bytes(data[at : at + 2], "big")] = at
    codepoints, glyphs = _format_12(data, found[12]) if 12 in found else _format_4(data, found[4])
    drawn = glyphs != 0
    return codepoints[drawn], glyphs[drawn]


def _format_12(data: mmap.mmap, at: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    count = int.from_bytes(data[at + 12 : at + 16], "big")
    groups = np.frombuffer(data, ">u4", 3 * count, at + 16).reshape(count, 3).astype(np.int64)
    first, last, glyph = groups[groups[:, 1] < CODEPOINTS].T
    sizes = np.maximum(last - first + 1, 0)
    if sizes.sum() > CODEPOINTS:  # groups must not overlap
        raise ValueError
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(first, sizes) + within, np.repeat(glyph, sizes) + within


def _format_4(data: mmap.mmap, at: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    size = int.from_bytes(data[at + 2 : at + 4], "big")
    words = np.frombuffer(data, ">u2", size // 2, at).astype(np.int64)
    count = int(words[3]) // 2
    ends, starts = words[7 : 7 + count], words[8 + count : 8 + 2 * count]
    deltas, offsets = words[8 + 2 * count : 8 + 3 * count], words[8 + 3 * count : 8 + 4 * count]
    table = np.zeros(0x10000, np.int64)
    for i in range(count):
        codes = np.arange(starts[i], min(ends[i], 0xFFFE) + 1)
        if offsets[i]:
            raw = words[8 + 3 * count + i + offsets[i] // 2 + codes - starts[i]]
            table[codes] = np.where(raw, (raw + deltas[i]) & 0xFFFF, 0)
        else:
            table[codes] = (codes + deltas[i]) & 0xFFFF
    return np.arange(len(table)), table
