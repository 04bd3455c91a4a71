"""Texts to measure with, generated from a seed, so that every run measures the same without any file."""

from __future__ import annotations

import random

_SUBJECTS = ("the keeper", "a young engineer", "her sister", "the harbour master", "an old printer", "Mr. Alder")
_VERBS = ("remembered", "repaired", "wrote down", "could not find", "carried home", "measured again", "counted")
_OBJECTS = ("the lamp", "a ledger of 1,204 entries", "three letters", "the missing page", "her brass key")
_ENDS = ("before the winter", "in a low voice", "for the second time", "at half past nine", "by the river")
_CHINESE = "我们一个系统模型文档页面图像阅读压缩问题时间内存推理结果方法数据技术可以城市历史研究"
_PHRASES = [_CHINESE[i : i + 2] for i in range(0, len(_CHINESE), 2)]
_LATIN = (" GPU ", " KV ", "2024", " 3.14 ", "1,000", " Glyph ")


def story(rng: random.Random, length: int) -> str:
    """English prose in paragraphs of one to eight sentences."""
    paragraphs: list[str] = []
    size = 0
    while size < length:
        paragraphs.append(" ".join(_sentence(rng) for _ in range(rng.randint(1, 8))))
        size += len(paragraphs[-1]) + 1
    return "\n".join(paragraphs)[:length]


def _sentence(rng: random.Random) -> str:
    parts = [rng.choice(_SUBJECTS), rng.choice(_VERBS), rng.choice(_OBJECTS), rng.choice(_ENDS)]
    if rng.random() < 0.4:
        parts += ["and", rng.choice(_VERBS), rng.choice(_OBJECTS)]
    text = " ".join(parts)
    return text[0].upper() + text[1:] + rng.choice(".....!?")


def question_answering(rng: random.Random, length: int) -> str:
    """Many short documents on one line, as in multi-document question answering."""
    parts: list[str] = []
    size = 0
    while size < length:
        body = " ".join(_sentence(rng) for _ in range(rng.randint(3, 6)))
        parts.append(f"Document {len(parts) + 1}: {body}")
        size += len(parts[-1]) + 1
    return " ".join(parts)[:length]


def needle(rng: random.Random, length: int) -> str:
    """One line of filler with key and value pairs in it."""
    filler = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again. "
    pair = "One of the special magic numbers for key-{} is: {}. "
    parts = []
    for _ in range(length // 80):
        found = rng.random() < 0.1
        parts.append(pair.format(rng.randrange(999), rng.randrange(10**7)) if found else filler)
    return "".join(parts)[:length]


def chinese(rng: random.Random, length: int, paragraph: int) -> str:
    """Chinese sentences made of common phrases and the 3,755 common characters of GB 2312, with some Latin. A line has
    up to `paragraph` sentences."""
    rows = range(0xB0, 0xD8)  # level 1 of GB 2312; its last row ends at 0xF9
    codes = [bytes((row, cell)) for row in rows for cell in range(0xA1, 0xFF) if row < 0xD7 or cell <= 0xF9]
    common = [code.decode("gb2312") for code in codes]
    usual = rng.sample(common, 1800)
    lines: list[str] = []
    size = 0
    while size < length:
        lines.append("".join(_chinese_sentence(rng, usual) for _ in range(rng.randint(1, paragraph))))
        size += len(lines[-1]) + 1
    return "\n".join(lines)[:length]


def _chinese_sentence(rng: random.Random, usual: list[str]) -> str:
    parts = []
    for _ in range(rng.randint(4, 14)):
        parts.append(rng.choice(_PHRASES) if rng.random() < 0.6 else rng.choice(usual) + rng.choice(usual))
        if rng.random() < 0.06:
            parts.append(rng.choice(_LATIN))
        if rng.random() < 0.12:
            parts.append("，")
    return "".join(parts) + rng.choice("。。。！？")


def mixed(rng: random.Random, length: int) -> str:
    """Paragraphs of English and of Chinese in turn."""
    parts = []
    for _ in range(length // 600 + 1):
        parts += [story(rng, 300), chinese(rng, 300, 3)]
    return "\n".join(parts)[:length]


def texts() -> dict[str, str]:
    rng = random.Random(2024)
    return {
        "short story": story(random.Random(1), 9_000),  # two pages
        "english story": story(rng, 40_000),
        "multi-document QA": question_answering(rng, 80_000),
        "needle, one line": needle(rng, 120_000),
        "chinese prose": chinese(rng, 50_000, 3),
        "chinese dense": chinese(rng, 50_000, 400),
        "mixed": mixed(rng, 40_000),
    }
