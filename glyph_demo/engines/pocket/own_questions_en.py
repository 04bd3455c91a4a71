"""English sentences, rows and headings → questions that they answer. Only grammar that is safe makes a question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from glyph_demo.engines.pocket.own_question import Candidate, cells_asked
from glyph_demo.engines.pocket.sentences_en import DETERMINER, PERSON, ROLE, RULES, common, is_plural
from glyph_demo.engines.pocket.tables import Table, is_year, number

_NO_SUBJECT = re.compile(
    r"\b(?:that|which|who|whose|where|when|if|because|is|are|was|were|has|had|have|been|not|but|then|there|here|it|its"
    r"|he|his|she|her|they|their|them|we|our|you|your|i|my|these|those|such|another|other|same|former|latter|each|one"
    r"|both|many|most|some|several|all|to|than|so|also|only|still|later|earlier|first|second|third|last|next year"
    r"|today|however|this$|this (?!(?:agreement|contract|lease|report|policy|paper|thesis|document|study|act|law)\b)"
    r"\w+)\b",
    re.I,
)
_VAGUE = re.compile(
    r"^(?:the |an? )?(?:result|problem|reason|question|answer|difference|exception|point|idea|rest|case|fact|thing|way"
    r"|latter|former|part|kind|error|list|set|file|value|example|step|man|woman|work|time|this|that|what|today|statement|following|above|effect"
    r"|method|process|event|other|place|behaviou?r|measurement|area|region|key)s?$",
    re.I,
)
_OF_A_PLACE = re.compile(r"(?:[ei]an|man|ish|ese|ch|’s|'s)$")  # "Norwegian", "French": written as a name anywhere
_PARTS = {
    "risks": "What are the risks?",
    "conclusions": "What are the conclusions?",
    "conclusion": "What is the conclusion?",
    "recommendations": "What are the recommendations?",
    "findings": "What are the findings?",
    "limitations": "What are the limitations?",
    "next steps": "What are the next steps?",
    "objectives": "What are the objectives?",
    "goals": "What are the goals?",
    "requirements": "What are the requirements?",
    "assumptions": "What are the assumptions?",
    "advantages": "What are the advantages?",
    "disadvantages": "What are the disadvantages?",
    "scope": "What is the scope?",
}
_LABEL = re.compile(r"(?P<label>[A-Z][A-Za-z]*(?: [A-Za-z]+){0,3}(?: ?#| No\.)?): (?P<a>\S.{0,60})")
_LABEL_ROLE = re.compile(
    r"(?i:(?:\w+ )?(?:chair(?:man|woman|person)?|secretary|supervisor|manager|director|tenant|landlord|employer"
    r"|employee|buyer|seller|author|editor|client|contractor|supplier|customer|treasurer|lead|leader|owner|organi[sz]er))"
)
_LABEL_THING = re.compile(
    r"(?i:(?:\w+ ){0,2}(?:number|date|deadline|price|rent|fee|deposit|total|amount|term|duration|status|budget|subject"
    r"|address|place|venue|location|make|model|version|currency))"
)
# What columns may be called that are asked for, by their last word or the one before "of".
_COLUMN = re.compile(
    r"(?i)(?:\w+ ){0,2}(?:depth|height|length|width|weight|area|size|capacity|price|cost|rate|fee|fare|amount|budget"
    r"|quantity|population|capital|currency|status|deadline|tax|temperature|speed|concentration|voltage|power|age"
    r"|score|grade|salary|colou?r|language|address|position|manufacturer|supplier|model|version|duration|distance"
    r"|volume|yield|revenue|turnover|profit|income|subtotal|balance|premium|density|frequency|accuracy|voltage|weight|pressure|range|lifetime"
    r"|term|location|price|rent)(?: of [a-z]+)?"
)
# And those that are asked for by the year.
_OF_YEAR = re.compile(
    r"(?i)(?:\w+ ){0,2}(?:revenues?|income|profits?|turnover|costs|sales|expenses|earnings|expenditure|budget|price"
    r"|population|production|consumption|output|investment|debt|tax|salary|GDP|loss|losses|rate|assets|liabilities"
    r"|capacity|temperature|rainfall|demand|passengers|visitors|employees|students|members|volunteers|customers"
    r"|patients|inhabitants|users|accidents|visits|births|deaths|residents|pupils|tourists|participants|guests)"
)
_PLURAL_SUMS = re.compile(r"(?i)\b(?:costs|sales|earnings|expenses|profits|revenues|assets|liabilities|losses)$")
_COUNTED = re.compile(
    r"(?i)(?:employees|inhabitants|volumes|berths|students|members|rooms|beds|seats|visitors|pages|staff members|pupils"
    r"|teachers|stations|floors|branches|books)"
)
_VALUE = re.compile(r"(?i)values?|data|specification|details?")  # of what a row is named after
_AREA = re.compile(r"(?i)country|county|city|region|district|state|province")
_FOR = re.compile(r"(?i)\b(?:rate|amount|fee|budget|quantity|subtotal|deadline|tax)$")


class EnglishRules:
    """Makes questions. `text` is the whole document, which shows the words that it writes small."""

    def __init__(self, text: str) -> None:
        self._small = Counter(re.findall(r"\b[a-z][a-z-]+\b", text))
        self._names = Counter(word.lower() for word in re.findall(r"(?<=[a-z,] )[A-Z][a-z-]+\b", text))

    def of_sentence(self, text: str, i: int) -> Iterator[Candidate]:
        """Questions that sentence `i` answers."""
        if not text[:1].isupper() and text[:1] not in '“"':
            return
        for kind, pattern, ask in RULES:
            match = pattern.match(text)
            if match is None or (subject := self._subject(match)) is None:
                continue
            question = ask(match, subject)
            if question:
                answer = match.groupdict().get("a") or ""
                yield Candidate(kind, question[0].upper() + question[1:] + self._suffix(match) + "?", i, answer)

    def of_label(self, text: str, i: int) -> Iterator[Candidate]:
        """The question that a label with its value answers."""
        match = _LABEL.fullmatch(text)
        if match is None:
            return
        label = common(re.sub(r" ?(?:#|No\.?)$", " number", match["label"]))
        if _LABEL_ROLE.fullmatch(label) and re.fullmatch(PERSON, match["a"]):
            yield Candidate("who", f"Who is the {label}?", i, match["a"])
        elif _LABEL_THING.fullmatch(label):
            yield Candidate("label", f"What is the {label}?", i, match["a"])

    def of_heading(self, heading: str, i: int) -> Iterator[Candidate]:
        """The question for the part below a heading, whose first sentence is `i`."""
        name = re.sub(r"^[\d.\s]+|[:.]$", "", heading).lower()
        name = re.sub(r"^(?:the|main|key|major)\s+", "", name)
        question = _PARTS.get(re.split(r" and |, ", name)[0])
        if question:
            yield Candidate("part", question, i)

    def of_table(self, table: Table) -> Iterator[Candidate]:
        """Questions for cells."""
        for row, c in cells_asked(table):
            cell = row.cells[c].strip()
            if question := self._of_cell(_bare(row.name), _bare(table.header[c]), cell):
                yield Candidate("cell", question, row.sentence, cell)

    def _of_cell(self, label: str, column: str, cell: str) -> str:
        if is_year(label) != is_year(column):
            year, name = (label, column) if is_year(label) else (column, label)
            return self._of_year(year, name) if number(cell) is not None and _OF_YEAR.fullmatch(name) else ""
        if is_year(label) or not _is_name(label) or not _is_name(column):
            return ""
        if _VALUE.fullmatch(column):
            return f"What is the {common(label)}?" if _COLUMN.fullmatch(label) else ""
        is_common = " " in label and label.split(" ", 1)[1].islower() and not self._names[label.split()[0].lower()]
        row = f"the {common(label)}" if is_common else label
        if is_plural(column):
            do = "do" if is_plural(label) else "does"
            return f"How many {common(column)} {do} {row} have?" if _COUNTED.fullmatch(column) else ""
        if re.fullmatch(rf"(?i)(?:\w+ )?{ROLE}|owner|curator|contact|author", column):
            return f"Who is the {common(column)} of {row}?"
        if _AREA.fullmatch(column):
            return f"Which {common(column)} is {row} in?"
        if not _COLUMN.fullmatch(column):
            return ""
        return f"What is the {common(column)} {'for' if _FOR.search(column) else 'of'} {row}?"

    @staticmethod
    def _of_year(year: str, name: str) -> str:
        if is_plural(name) and not _PLURAL_SUMS.search(name):
            return f"How many {common(name)} were there in {year}?"
        return f"What {'were' if is_plural(name) else 'was'} the {common(name)} in {year}?"

    def _as_written(self, phrase: str) -> str:
        """`phrase` as it stands within a sentence: its first word small, unless it is a name."""
        if DETERMINER.match(phrase):
            return phrase[:1].lower() + phrase[1:]
        first, *rest = phrase.split(" ")
        word = first.lower()
        small = max(self._small[word], self._small[word.removesuffix("s")])
        described = bool(rest) and rest[-1].islower() and not _OF_A_PLACE.search(first)
        is_word = small > self._names[word] or (described and not self._names[word])
        return phrase[:1].lower() + phrase[1:] if is_word and first[1:].islower() else phrase

    def _subject(self, match: re.Match[str]) -> str | None:
        """What a sentence is about, as it stands within a question; None if that cannot be understood alone."""
        subject = match["x"].strip()
        if _NO_SUBJECT.search(subject) or _VAGUE.search(subject) or not _is_closed(subject):
            return None
        return self._as_written(subject)

    def _suffix(self, match: re.Match[str]) -> str:
        """The time that a sentence begins with, where it is not what is asked for."""
        when = match.groupdict().get("when")
        return f" {self._as_written(when)}" if when else ""


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z’' -]{2,30}", text) is not None


def _bare(text: str) -> str:
    """A label without its unit."""
    return re.sub(r"\s*\([^)]*\)", "", text).strip()


def _is_closed(text: str) -> bool:
    return text.count("“") == text.count("”") and text.count('"') % 2 == 0
