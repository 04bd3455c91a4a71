"""Words that retrieval counts: stemmed English words, Chinese character bigrams, numbers in one spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_PIECES = re.compile(
    r"(?P<cjk>[\u3400-\u9fff]+)"
    r"|(?P<number>\d+(?:[,，]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"|(?P<word>(?:(?![\u3400-\u9fff])[^\W\d_])+(?:['’][^\W\d_]+)*)"
)
_HYPHENATED = re.compile(r"(?<=[^\W_])[-‐‑–](?=[^\W_])")
_SINGLE = 0.3  # weight of a lone Chinese character beside that of a bigram

# Function words and the words that questions are made of.
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an the and or but nor of in on at to for from by with without into onto as is are was were be been being am
        do does did done has have had having it its this that these those there here he she they them his her their him
        i you your we our us me my what which who whom whose when where why how many much long often far can could
        may might must shall should will would not no than then so such if any some each every all about after before
        during over under between out up down off only also too very more most per please tell say says according
        document text page one get got give given name""",
    )
)
STOP_PHRASES = re.findall(
    r"\w+",
    """为什么 是什么 什么 多少 多久 多大 多高 多长 几个 哪些 哪个 哪位 哪里 哪儿 哪一年 哪年 哪一 哪天 谁 怎么样 怎么
    怎样 如何 何时 何地 是否 请问 文档 文中 有没有 吗 呢 吧 啊 的 了 着 是 在 和 与 及 或 被 把 将 对 从 由 于 以 而 之
    其 这 那 要 就 都 也 还 能 可以 会 有 个 位 过 到 给 每 几 哪""",
)
_STOP_CJK = re.compile("|".join(sorted(STOP_PHRASES, key=len, reverse=True)))


def terms(text: str) -> Iterator[tuple[str, float]]:
    """(term, weight) of every word that counts. A hyphenated word gives its parts and the whole: recognition drops a
    hyphen now and then."""
    text = unicodedata.normalize("NFKC", text)
    for joined in re.findall(r"[^\W\d_]+(?:[-‐‑–][^\W_]+)+", text):
        yield _HYPHENATED.sub("", joined).lower(), 1.0
    for match in _PIECES.finditer(text):
        if match["cjk"]:
            yield from _cjk(match["cjk"])
        elif match["number"]:
            yield re.sub("[,，]", "", match["number"]), 1.0
        else:
            word = match["word"].lower().replace("’", "'").removesuffix("'s")
            if word not in STOP_WORDS:
                yield stem(word), 1.0


def question_terms(question: str) -> dict[str, float]:
    """Terms of a question with their weights: question words go; numbers, names and quoted words count more."""
    stripped = _STOP_CJK.sub(" ", question)
    weights: dict[str, float] = {}
    for term, weight in terms(stripped):
        weights[term] = max(weights.get(term, 0.0), weight * (1.5 if term[0].isdigit() else 1.0))
    marked = re.findall(r"[\"“「『《]([^\"”」』》]+)", question) + re.findall(r"(?<=\s)[A-Z][\w’'-]+", question)
    for part in marked:
        for term, weight in terms(part):
            weights[term] = 1.5 * weight
    return weights


def names(question: str) -> list[list[str]]:
    """Names of several words ("Harrow Ness") as lists of terms: their words should stand together."""
    found = re.findall(r"(?<=\s)[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)+", question)
    return [words for name in found if len(words := [term for term, _ in terms(name)]) > 1]


def stem(word: str) -> str:
    """A light stem: plural, -ed, -ing, -ly and a final e go. No dictionary; it need only be the same on both sides."""
    if not word.isascii() or len(word) < 4:
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            if word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _cjk(run: str) -> Iterator[tuple[str, float]]:
    for character in run:
        yield character, _SINGLE
    for i in range(len(run) - 1):
        yield run[i : i + 2], 1.0
