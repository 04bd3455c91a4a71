"""What of an answer the document has, as HTML: links to the places, marks on what is nowhere, and the count."""

from __future__ import annotations

import html
from collections.abc import Sequence

from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.errors import Language, Message
from glyph_demo.ui.markup import place_of

_ABSENT = Message("not found in the document", "文档中没有")


def marked(
    answer: str, claims: Sequence[Claim], shows: str, language: Language, part: tuple[int, int] | None = None
) -> str:
    """HTML of an answer, or of the `part` (start, end) of it, whose text is that of the answer. A claim that was found
    is a link; its event has what the attributes `shows` say, and the index of the claim in `claims`. One that was not
    is marked by its class, and told to screen readers by its title. A claim that `part` holds only half of is text."""
    at, end = part or (0, len(answer))
    pieces = []
    for number, claim in enumerate(claims):
        if at <= claim.start < claim.end <= end:
            pieces += [html.escape(answer[at : claim.start]), _claim(answer, claim, number, shows, language)]
            at = claim.end
    return "".join([*pieces, html.escape(answer[at:end])])


def _claim(answer: str, claim: Claim, number: int, shows: str, language: Language) -> str:
    text = html.escape(answer[claim.start : claim.end])
    if claim.place is None:
        title = html.escape(_ABSENT.text(language), quote=True)
        return f"<span class='glyph-absent' role='mark' title='{title}'>{text}</span>"
    title = place_of(claim.place, language)
    # No button: its words would not flow with the others. page.js takes the click.
    return f"<a href='#page' class='glyph-claim' {shows} data-claim='{number}' title='{title}'>{text}</a>"


def tally(claims: Sequence[Claim], language: Language) -> str:
    """How many of the claims were found, for people, and which were not; "" if there are none. Numbers and dates are
    figures."""
    found, total = sum(claim.place is not None for claim in claims), len(claims)
    if not total:
        return ""
    figures = all(claim.kind in ("number", "date") for claim in claims)
    en = "figure" if figures else "figures, names and quotations"
    en += "s" if figures and total > 1 else ""
    # A title is for a pointer: neither a finger nor the keyboard brings it up.
    mark, mark_zh = ("; underlined: not found", "；下划线处文档中没有") if found < total else ("", "")
    said = Message(f"{found} of {total} {en} found{mark}", f"{total} 处数据中有 {found} 处在文档中{mark_zh}")
    return said.text(language)
