"""What the document in front is: its title, outline and first words, and questions that it answers."""

from __future__ import annotations

import html

from glyph_demo.engines.base import Heading, Overview
from glyph_demo.errors import Language
from glyph_demo.ui.markup import page_name
from glyph_demo.ui.texts import say

# JavaScript: a question that is clicked becomes an event with its text. page.js turns to the pages of the outline.
ASK = """element.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-question]");
  if (chosen) trigger("click", { question: chosen.dataset.question });
});"""


def about_view(overview: Overview | None, language: Language, questions: bool) -> str:
    """HTML of an overview, with its questions if they are wanted; empty without one."""
    if overview is None:
        return ""
    parts = [f"<h2>{html.escape(overview.title)}</h2>"] if overview.title else []
    if overview.lead:
        parts.append(f"<p>{html.escape(overview.lead)}</p>")
    if overview.headings:
        items = "".join(_heading(heading, language) for heading in overview.headings)
        parts.append(f"<details><summary>{say('about.outline', language)}</summary><ul>{items}</ul></details>")
    if questions and overview.questions:
        asked = "".join(_question(question) for question in overview.questions)
        parts.append(f"<div class='glyph-asked'>{asked}</div>")
    return f"<div class='glyph-about'>{''.join(parts)}</div>" if parts else ""


def _heading(heading: Heading, language: Language) -> str:
    place = say("page", language, number=heading.page)
    if heading.file_page is not None:
        place = page_name(heading.file_page, language)
    return (
        f"<li><button type='button' data-act='outline' data-page='{heading.page}'>{html.escape(heading.text)} "
        f"<span class='glyph-where'>{place}</span></button></li>"
    )


def _question(question: str) -> str:
    text = html.escape(question, quote=True)
    return f"<button type='button' data-question='{text}'>{text}</button>"
