"""Names in an answer: codes, capitalised words in a row, and the Chinese names that a mark, an ending or a title gives
away. What is not sure to be a name is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from glyph_demo.conversation.checked.dates import MONTHS
from glyph_demo.conversation.checked.source import Span
from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.words import STOP_WORDS

_WIDE = "\u2e80-\u9fff\uac00-\ud7af"
_LETTER = rf"(?:(?![{_WIDE}])[^\W\d_])"
_WORD = re.compile(
    rf"(?<!\w){_LETTER}+(?:['’.&-]{_LETTER}+)*(?:(?<=\b{_LETTER})\.|(?<=\b[DMJS]r)\.|(?<=\bMrs)\.|(?<=\bSt)\.)?"
)
_CODE = re.compile(
    r"(?<![A-Za-z0-9_/.-])(?=[a-z0-9/_-]*[A-Z])(?=[A-Za-z/_-]*\d)"
    r"[A-Za-z][A-Za-z0-9]*(?:[-_/.][A-Za-z0-9]+)*(?![A-Za-z0-9-])"
)
_JOINING = "of the de del della der den di da du la le van von zu el"
_TITLED = (
    "mr mrs ms miss dr prof professor sir lady lord judge justice president chair chairman chairwoman director manager "
    "secretary minister captain general colonel mayor governor senator ambassador king queen prince princess ceo cfo"
)
_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_OTHERS = "yes note answer line yesterday today however"
_JOINS, _TITLES = frozenset(_JOINING.split()), frozenset(_TITLED.split())
_CALENDAR = {*MONTHS, *_DAYS.split()}
_NO_NAMES = {*_CALENDAR, *STOP_WORDS.split(), *_OTHERS.split()}  # at the beginning of a sentence
# Before a word that is written with a capital because a sentence, an item or a heading begins.
_BEGINS = re.compile(r"(?:^|[\n.!?:;。！？：；|•*#>“\"「『(（\[])[\s*_#>“\"「『(（\[•|-]*$")
# The answer's own words: its headings, and what leads in in bold, as a whole line or before a colon.
_HEADING = re.compile(
    r"^[ \t>]*(?:#{1,6}[ \t].*"
    r"|(?:(?:[-*•+]|\d{1,3}[.)、])[ \t]+)?(\*\*|__)[^*\n]+?(?:\1[ \t]*(?:[:：]|$)|[:：][ \t]*\1))",
    re.M,
)
_LABEL = re.compile(r"[*_]{0,2}\s?[:：]|[*_]{2}")  # after the words of a label
_GAP = re.compile(r"[ \u00a0]{1,2}|\s?&\s?")

_SURNAMES = (
    "陶温柴凌霍虞柯莫房裴翁祁戚单包路詹欧阳司马上官诸葛关聂喻鲍蓝尤靳舒时符骆"
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏"
    "钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段钱汤尹黎易常武乔贺赖龚文"
)
_ROLES = (
    "先生|女士|小姐|教授|博士|经理|主任|院长|校长|局长|部长|处长|科长|所长|总裁|董事长|医生|医师|律师|工程师|书记|市长"
    "|省长|县长|老师|主席|总统|总理|法官|检察官|研究员|馆长|会长|秘书长"
)
_PERSON = re.compile(rf"(?P<name>[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}?)(?:{_ROLES})")
_ENDINGS = (
    "有限责任公司|股份有限公司|有限公司|集团公司|公司|集团|大学|银行|医院|法院|研究院|研究所|学院|出版社|委员会|协会|基金会"
    "|管理局|公安局|税务局|气象局|统计局"
)
_BODY = re.compile(rf"(?P<own>[\u4e00-\u9fffA-Za-z0-9]{{2,16}}?)(?P<ending>{_ENDINGS})")
_BOOK = re.compile("《(?P<name>[^《》\n]{1,60})》")
_FOREIGN = re.compile("(?P<given>[\u4e00-\u9fff]{1,4})[·•・‧](?P<family>[\u4e00-\u9fff]{2,5})")
# Characters that stand before a name, or after it, more often than within.
_BEFORE = "由在是的和与及为对向从被把给于至到以有了将并或按经则若该本此其这那各每某一两几家所个间全任即"
_AFTER = "说是在的和于担任为与及指出认将从对被了称表提曾也就都"
_NOT_GIVEN = frozenset("是在的了将或该此其这那说也就都任上被把给")
_GENERIC = re.compile(
    "(?:分|子|母|总|任何|科技|保险|物业|上市|外国|国有|私人|商业|中央|人民|重点|综合|附属|著名|地方|专门|常务|行业|相关"
    "|有关|所有|多家|其他|另外|股份|投资)$"
)


class Name(NamedTuple):
    """A name in an answer: `forms` are spans of the answer, longest first, since Chinese has no spaces to tell where a
    name begins and ends. It is found where the document has one. `sure` says that it is worth telling if there is
    none. A `code` is the same in every language."""

    forms: tuple[Span, ...]
    sure: bool = True
    code: bool = False


def names(answer: str) -> Iterator[Name]:
    for match in _CODE.finditer(answer):  # such as NC-2025-0418 and H200: letters with digits, a capital among them
        yield Name((match.span(),), code=True)
    heads = bytearray(len(answer))
    for match in _HEADING.finditer(answer):
        heads[match.start() : match.end()] = b"\1" * len(match[0])
    for name in _worded(answer):
        yield name._replace(sure=name.sure and not heads[name.forms[0][0]])


def _worded(answer: str) -> Iterator[Name]:
    yield from _chinese(simplified(answer))
    row: list[re.Match[str]] = []
    for word in _WORD.finditer(answer):
        capital = word[0][0].isupper()
        if row and _GAP.fullmatch(answer, row[-1].end(), word.start()) and (capital or word[0] in _JOINS):
            row.append(word)
            continue
        yield from _capitalised(answer, row)
        row = [word] if capital else []
    yield from _capitalised(answer, row)


def _capitalised(answer: str, row: Sequence[re.Match[str]]) -> Iterator[Name]:
    """The name in capitalised words in a row, of which the first may begin a sentence."""
    begins = bool(row) and _BEGINS.search(answer, max(0, row[0].start() - 12), row[0].start()) is not None
    while row and (row[-1][0] in _JOINS or _plain(row[-1]) in _CALENDAR):
        row = row[:-1]
    while row and (row[0][0] in _JOINS or _plain(row[0]) in (_NO_NAMES if begins or len(row) == 1 else _CALENDAR)):
        row, begins = row[1:], False
    untitled = [word for word in row if _plain(word) not in _TITLES]
    if not untitled:
        return
    if len(row) == 1 and (begins or len(row[0][0]) < 3 or _is_unit(answer, row[0])):
        return
    end = row[-1].end() - (2 if row[-1][0].lower().endswith(("'s", "’s")) else 0)
    forms = [(row[0].start(), end), (untitled[0].start(), end)]
    if len(row) == 1 and row[0][0].endswith("s"):
        forms.append((row[0].start(), row[0].end() - 1))
    yield Name(tuple(dict.fromkeys(forms)), not _LABEL.match(answer, end))


def _plain(word: re.Match[str]) -> str:
    return word[0].lower().rstrip(".")


def _is_unit(answer: str, word: re.Match[str]) -> bool:
    """Whether a word is the unit or the currency of a number beside it."""
    beside = answer[max(0, word.start() - 2) : word.start()] + answer[word.end() : word.end() + 2]
    return len(word[0]) < 4 and any(map(str.isdigit, beside))


def _chinese(answer: str) -> Iterator[Name]:
    for match in _BOOK.finditer(answer):
        yield Name((match.span("name"),))
    for match in _FOREIGN.finditer(answer):
        given, family, middle = match["given"], match["family"], match.start("family")
        first = match.end("given") - len(_last(given))
        last = middle + next((i for i in range(2, len(family)) if family[i] in _AFTER), len(family))
        ends = range(last, middle + 1, -1)
        yield Name(tuple((start, end) for start in range(first, match.end("given")) for end in ends))
    for match in _PERSON.finditer(answer):
        yield Name((match.span("name"),), not set(match["name"][1:]) & _NOT_GIVEN)
    for match in _BODY.finditer(answer):
        own, start, end = match["own"], match.start("own"), match.end()
        kept = _last(own)
        if len(kept) < 2 or kept[-1] in _BEFORE or _GENERIC.search(kept):
            yield Name(tuple((start + i, end) for i in range(len(own) - 1)), False)
        elif len(kept) < len(own):
            yield Name(((end - len(match["ending"]) - len(kept), end),))
        else:  # a verb may be before the name
            yield Name(tuple((start + i, end) for i in range(len(own) - 1)))


def is_edge(text: str, at: int, cut: Literal["start", "end"]) -> bool:
    """Whether a Chinese name can begin at an offset of folded text, or end there, as far as the character beside it
    tells. Names of other scripts stand between spaces."""
    beside = text[at - 1 : at] if cut == "start" else text[at : at + 1]
    return not "\u3400" <= beside <= "\u9fff" or beside in (_BEFORE if cut == "start" else _AFTER)


def _last(text: str) -> str:
    """What follows the last character that stands before names."""
    return next((text[i + 1 :] for i in range(len(text) - 2, -1, -1) if text[i] in _BEFORE), text)
