"""Numbers of a workbook as its cells show them (ECMA-376 part 1, 18.8.30 and 18.8.31)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

# The built-in formats that show more than the number itself; the others of 0 to 49 are General, text and fractions.
BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    37: "#,##0",
    38: "#,##0",
    39: "#,##0.00",
    40: "#,##0.00",
    **dict.fromkeys((14, 15), "yyyy-mm-dd"),
    16: "d-mmm",
    17: "mmm-yy",
    **dict.fromkeys((18, 20), "h:mm"),
    **dict.fromkeys((19, 21), "h:mm:ss"),
    22: "yyyy-mm-dd h:mm",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
}
_DAYS_1904 = 1462  # between the two days that a workbook may count from
_CURRENCY = re.compile(r"\[\$([^\]-]*)[^\]]*\]")
_NOT_SHOWN = re.compile(r"\[[^\]]*\]|[_*].")
_QUOTED = re.compile(r'"([^"]*)"|\\(.)')
_DIGITS = re.compile(r"[#0?](?:[#0?,]*[#0?])?,*(?:\.[#0?]*)?")


def shown(value: float, code: str, is_1904: bool = False) -> str:
    """`value` in the format `code`. Dates are ISO 8601; of fractions and powers of ten, and of a format that is
    unknown, the number itself is given."""
    section, number = _section(value, code)
    if not section and ";" in code:
        return ""  # a format that hides
    literals = _QUOTED.sub("", _NOT_SHOWN.sub("", section))
    if re.search(r"\[(?:h+|m+|s+)\]", section, re.IGNORECASE):
        seconds = round(value * 86_400)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}" + (f":{seconds % 60:02}" if "s" in literals.lower() else "")
    if re.search("[ymdhs]", literals, re.IGNORECASE) and "general" not in literals.lower():
        try:
            return _date(value, literals.lower(), is_1904)
        except OverflowError:
            return "#####"  # as a cell shows what is no date
    if not section or "general" in section.lower() or "@" in section or re.search("E[+-]|[#0?]/", literals):
        return f"{value:.15g}" if abs(value) < 1e15 else f"{value:.0f}"
    return _number(number, section)


def _section(value: float, code: str) -> tuple[str, float]:
    """The part of the format that is for this value: positive; negative; zero. A part of its own for negative values
    has the sign in it."""
    sections = re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', code)
    if value < 0 and len(sections) > 1:
        return sections[1], -value
    return (sections[2] if value == 0 and len(sections) > 2 else sections[0]), value


def _number(value: float, section: str) -> str:
    text = _NOT_SHOWN.sub("", _CURRENCY.sub(lambda match: f'"{match[1]}"', section))
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(match[1] or match[2] or "")
        return f"\0{len(literals) - 1}\1"

    text = _QUOTED.sub(keep, text)
    digits = _DIGITS.search(re.sub("\0\\d+\1", lambda match: "\0" * len(match[0]), text))
    if digits:
        whole, _, decimals = digits[0].partition(".")
        scaled = value * 100 ** text.count("%") / 1000 ** (len(whole) - len(whole.rstrip(",")))
        shown_digits = f"{scaled:{',' if ',' in whole.rstrip(',') else ''}.{min(len(decimals), 15)}f}"
        if "0" not in decimals and "." in shown_digits:
            shown_digits = shown_digits.rstrip("0").rstrip(".")
        text = text[: digits.start()] + shown_digits + text[digits.end() :]
    return re.sub("\0(\\d+)\1", lambda match: literals[int(match[1])], text).strip()


def _date(value: float, code: str, is_1904: bool) -> str:
    days = value + (_DAYS_1904 if is_1904 else 0)
    if 0 < days < 60:
        days += 1  # Excel has a 29 February 1900
    moment = datetime(1899, 12, 30) + timedelta(seconds=round(days * 86_400))
    has_clock = re.search("[hs]", code) is not None
    clock = ("%H:%M:%S" if "s" in code else "%H:%M") if has_clock else ""
    if "y" not in code and "d" not in code:
        return moment.strftime(clock or "%B")
    day = "%Y-%m-%d" if "d" in code else "%Y-%m" if "m" in code else "%Y"
    return moment.strftime(f"{day} {clock}".strip())
