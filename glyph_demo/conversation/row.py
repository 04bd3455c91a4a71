"""An answer of one of many documents, with the lines that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.engines.events import FilePage, Region, as_json


@dataclass(frozen=True, slots=True)
class QuotedLine:
    page: int
    line: int
    text: str
    file_page: FilePage | None = None

    @property
    def page_number(self) -> int:
        """Of the file, if that has pages, else of those that the model saw."""
        return self.page if self.file_page is None else self.file_page.number

    @classmethod
    def of(cls, region: Region) -> QuotedLine:
        return cls(region.page, region.line, region.text, region.file_page)

    @classmethod
    def kept(cls, saved: Mapping[str, Any]) -> QuotedLine:
        """From its JSON."""
        where = saved.get("file_page")
        return cls(**{**saved, "file_page": FilePage(**where) if where else None})


@dataclass(frozen=True, slots=True)
class Row:
    """One question to one document. `digest` is the SHA-256 of the file; with `engine`, `question` and `settings`,
    those that decide what is read of the file, it identifies an answer. `seconds` is how long the answer took. `error`
    is empty if nothing went wrong. `notices` say what of the file was not read, and what else to know of the answer.
    `claims` are held against the document; the JSON has them where it is no export."""

    file: str
    digest: str
    engine: str
    question: str
    answer: str = ""
    quotes: tuple[QuotedLine, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    error: str = ""
    notices: tuple[str, ...] = ()
    settings: str = ""
    claims: tuple[Claim, ...] = field(default=(), compare=False)

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.digest, self.engine, self.question, self.settings

    @property
    def by(self) -> tuple[str, str]:
        """What an answer may change with, besides file and question."""
        return self.engine, self.settings

    @classmethod
    def kept(cls, saved: Mapping[str, Any]) -> Row:
        """From its JSON."""
        quotes = tuple(map(QuotedLine.kept, saved["quotes"]))
        claims = tuple(map(Claim.kept, saved.get("claims", ())))
        return cls(**{**saved, "quotes": quotes, "notices": tuple(saved.get("notices", ())), "claims": claims})

    def as_json(self, claims: bool = False) -> dict[str, Any]:
        quotes = [{**asdict(quote), "file_page": as_json(quote.file_page)} for quote in self.quotes]
        kept = {**asdict(self), "quotes": quotes}
        if not claims:
            del kept["claims"]
        return kept
