"""A sentence of the document → the few words of it that answer a question: a date, an amount, a number with its unit,
a name. They are given where they have no rival in the sentence and the sentence speaks of all that is asked."""

from __future__ import annotations

import re

from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.matching import clauses, has_term, is_wide, share_in, subject_terms
from glyph_demo.engines.pocket.terms import stem, terms, words

MIN_OWN = 0.5  # share of the question's weight in the sentence itself
MIN_ALL = {False: 0.8, True: 0.65}  # with what it depends on; lower for Chinese, whose bigrams span words
MIN_CLAUSE = 0.7  # share of what the sentence has that stands in the clause of the answer

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)"
)
_YEAR = r"(?:1[0-9]|20)\d\d"
_ZH_DIGITS = "[〇零一二三四五六七八九]"
_ZH_NUMBER = r"[〇零一二三四五六七八九十百千万亿两]+"
_DATE = re.compile(
    r"(?:\b(?:until|before|after|since|by|about|around|early|late|mid|in) )*"
    rf"(?:\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? {_YEAR}\b)?"
    rf"|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?!\d)(?:,? {_YEAR}\b)?"
    rf"|\b{_MONTH} {_YEAR}\b|\b\d{{4}}-\d\d-\d\d\b"
    rf"|(?<!-)(?<!–)(?<![\d.,]){_YEAR}(?![\d–-]|[.,]\d|\s*[%°年]))"
    rf"|(?:公元前?)?(?:{_YEAR}|{_ZH_DIGITS}{{4}})\s*年(?:\s*(?:\d{{1,2}}|{_ZH_NUMBER})\s*月)?"
    rf"(?:\s*(?:\d{{1,2}}|{_ZH_NUMBER})\s*日)?"
    rf"|(?:\d{{1,2}}|{_ZH_NUMBER})\s*月\s*(?:\d{{1,2}}|{_ZH_NUMBER})\s*日"
)
_WORD_NUMBER = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    r"|eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-\w+)?|hundred|thousand|million"
    r"|billion|dozen)"
)
_BOUND = (
    r"(?:\b(?:about|around|some|nearly|almost|over|under|up to|at (?:least|most)|(?:more|less|fewer) than|only|roughly"
    r"|approximately|between|as many as|an? (?:estimated|average of)) |不(?:得)?(?:超过|少于|低于)"
    r"|最[多少高低]|至[多少]|超过|大?约|近)?"
)
_NUMBER = (
    rf"(?:(?<![\w.,/-])\d+(?:,\d{{3}})*(?:\.\d+)?(?: (?:hundred|thousand|million|billion))*"
    rf"|{_ZH_NUMBER}(?:点{_ZH_NUMBER})?"
    rf"|\b{_WORD_NUMBER}\b(?: (?:and )?{_WORD_NUMBER}\b)*)"
)
_UNIT = {
    "time": r"(?:second|minute|hour|day|night|week|month|year|decade|centur(?:y|ie))s?\b|个?(?:秒钟?|分钟"
    r"|小时|星期|月)|[天日周年]",
    "length": r"(?:mile|kilomet(?:re|er)|met(?:re|er)|feet|foot|inch(?:es)?|yard|km|cm|mm|m|ft)s?\b|公里|千米"
    r"|厘米|毫米|[米尺里]",
    "percent": r"%|per ?cent\b",
}
_MONEY = re.compile(
    rf"{_BOUND}(?:(?:US|A|C|HK)?[$€£¥]\s?\d[\d,]*(?:\.\d+)?(?:\s?(?:million|billion|thousand|trillion|[mkbn]\b))*"
    r"|(?<![\w.,])\d[\d,]*(?:\.\d+)?(?: (?:million|billion|thousand))? (?:crown|mark|dollar|euro|pound|pence"
    r"|penny|shilling"
    r"|franc|cent|yen|yuan|[A-Z]{3}\b)s?\b(?: m\b)?"
    rf"|(?<![\d.,])(?:\d[\d,]*(?:\.\d+)?|{_ZH_NUMBER})\s*[万亿千百]*\s*(?:美元|欧元|日元|英镑|港元|元))"
)
_PERCENT = re.compile(rf"{_BOUND}{_NUMBER}\s?(?:{_UNIT['percent']})|百分之{_ZH_NUMBER}")
_SPAN = re.compile(rf"{_BOUND}{_NUMBER}[ -]?(?:{_UNIT['time']})")
_REACH = re.compile(rf"{_BOUND}{_NUMBER}[ -]?(?:{_UNIT['length']})")
_KINDS = (
    (
        re.compile(
            r"^when\b|\b(?:in|on|since|by) (?:what|which) (?:date|year|month|day)\b"
            r"|^(?:what|which) (?:date|year|month|day)\b|\bdate of\b|何时|哪一?[年天]|什么时候|什么时间"
            r"|日期",
            re.I,
        ),
        _DATE,
    ),
    (re.compile(r"\b(?:what|which) percent|\bpercentage\b|百分之多少|百分之几|百分比|比例", re.I), _PERCENT),
    (
        re.compile(
            r"\bhow much (?:money|did|was|were|does|is)\b|\bprice\b|\bcosts?\b|多少钱|多少(?:万"
            r"|亿)?元",
            re.I,
        ),
        _MONEY,
    ),
    (
        re.compile(
            r"\bhow long\b|\bhow (?:many|much) (?:time|minutes|hours|days|weeks|months|years)\b"
            r"|多久|多长时间|几个?(?:月|年|天|小时|分钟)",
            re.I,
        ),
        _SPAN,
    ),
    (re.compile(r"\bhow (?:far|high|tall|deep|wide)\b|多[高远深宽]", re.I), _REACH),
)
_WHY = re.compile(r"\bwhy\b|\bhow (?:did|do|does|can|was|were|is|are) |为什么|为何|怎么|如何", re.I)
_COUNTED = re.compile(
    r"\bhow many ((?:[\w-]+ ){1,3}?)(?=(?:did|do|does|was|were|are|is|has|have|had|can|could|of)\b)"
    r"|\bhow many ([\w-]+)",
    re.I,
)
_COUNTED_ZH = re.compile("(?:多少|几)\\s*([个名位件条座台艘次册卷本所家户处种项辆只头张间度吨人岁页层辈章分]\\w?)")
_NOT = re.compile(
    r"\b(?:not|never|no|nor|neither|without|unless|if|would|planned|proposed|expected"
    r"|supposed)\b|n['’]t\b"
    r"|[没未非无否]|不(?!得?(?:超过|少于|低于))|如果|若|计划|拟|预计",
    re.I,
)
# A question for a limit is answered by a clause that speaks of one.
_LIMIT = re.compile(
    r"最[长短多少高低大小]|至[多少]|上限|下限|\b(?:at (?:most|least)|max(?:imum)?|min(?:imum)?|limit)\b", re.I
)
_LIMITS = re.compile(
    r"不得?(?:超过|少于|低于)|最|至[多少]|限|\b(?:most|least|max|min|limit|exceed|up to|more than)", re.I
)
_RANGE = re.compile(r"\d\S* ?(?:to|and|or|[–~-]|至|到|和|或) ?$")  # before a number: it is one of two
_NAME = r"(?:[A-Z][\w’'.-]*(?: (?:de|van|von|of|the|and|der|di|da|la|le))? )*[A-Z][\w’'-]+"
_LABEL = re.compile(
    r"(?P<label>[^:：\d|]{2,60}?)\s*(?:[:：]\s*(?P<value>\S.{0,80})|(?P<figure>\d[\d.,/-]*(?: [\w.,/-]{1,12}){0,3}))"
)
# Words that a label without a colon may have beside those that say what it is of.
_OF_LABEL = frozenset({"of", "no", "number", "date", "day", "month", "year", "time", "id", "code"})


def short_answer(question: str, sentence: str, around: str) -> str:
    """The words of `sentence` that answer the question; empty if they are not certain. `around` is what the sentence
    depends on: the heading above it and the sentences before it."""
    asked = subject_terms(question)
    if (
        not asked
        or share_in(asked, sentence) < MIN_OWN
        or share_in(asked, f"{around} {sentence}") < MIN_ALL[is_wide(sentence)]
    ):
        return ""
    figures = {term for term in asked if any(map(str.isdigit, term))}
    if figures - {term for term, _ in terms(f"{around} {sentence}")}:
        return ""  # such as station 3-0 where 3-3 is asked for
    found = _of_label(question, sentence)
    if found:
        return found
    pattern = answer_pattern(question)
    if pattern is not None:
        return _without_rival(question, asked, sentence, pattern)
    return _who(question, sentence)


def answer_pattern(question: str) -> re.Pattern[str] | None:
    """What an answer looks like: a date, an amount, a number of what is counted; None if that is not known."""
    plain = simplified(question)
    if _WHY.search(plain):
        return None
    return next((finds for asks, finds in _KINDS if asks.search(plain)), None) or _counted(question)


def _without_rival(question: str, asked: dict[str, float], sentence: str, pattern: re.Pattern[str]) -> str:
    """The only match of `pattern` in the clause that holds most of what is asked."""
    plain = simplified(sentence)  # as long as the sentence
    known = {term for term, _ in terms(question)}
    whole = share_in(asked, plain)
    certain = []
    for start, end in clauses(plain):
        found = [m for m in pattern.finditer(plain, start, end) if not (_figures(m[0]) & known)]
        if share_in(asked, plain[start:end]) >= MIN_CLAUSE * whole and found:
            alone = len(found) == 1 and not _RANGE.search(plain[start : found[0].start()])
            denied = _NOT.search(plain[start:end]) and not _NOT.search(question)
            limited = not _LIMIT.search(question) or _LIMITS.search(plain[start:end])
            if not alone or denied or not limited:
                return ""
            certain.append(found[0])
    if len(certain) != 1:
        return ""
    start, end = certain[0].span()
    return re.sub("^in (?=\\d)", "", sentence[start:end].strip())


def _figures(text: str) -> set[str]:
    return {term for term, _ in terms(text) if term[0].isdigit()}


def _counted(question: str) -> re.Pattern[str] | None:
    """What a number of the things that are counted looks like; None if the question does not ask how many."""
    wide = _COUNTED_ZH.search(simplified(question))
    if wide:
        return re.compile(f"{_BOUND}(?:\\d[\\d,.]*\\s*[万亿]?|{_ZH_NUMBER})\\s*{wide[1][0]}")
    match = _COUNTED.search(question)
    if match is None:
        return None
    noun = (match[1] or match[2]).split()[-1]
    root = stem(noun.lower())
    if len(root) < 3:
        return None
    return re.compile(rf"{_BOUND}{_NUMBER} (?:[\w-]+ )?{re.escape(root)}\w*", re.I)


def _who(question: str, sentence: str) -> str:
    """The name that does what the question's verb says: "patented by NAME", "NAME patented"."""
    match = re.match(
        r"who (?:\w+ly )?(?!is\b|was\b|are\b|were\b|did\b|does\b|do\b|has\b|had\b|will\b)([a-z]+)\b", question, re.I
    )
    passive = re.match(r"(?:by whom|who) (?:was|were|is|are|has|had) (.+?) ([a-z]+(?:ed|en|t|n)) by\b", question, re.I)
    verb = passive[2] if passive else match[1] if match else ""
    if not verb or is_wide(sentence):
        return ""
    root = stem(verb.lower())
    asked = {word for word, _ in words(question)}
    found = []
    for name in re.finditer(_NAME, sentence):
        if {word for word, _ in words(name[0])} & asked:
            continue
        before, after = sentence[: name.start()].split(), sentence[name.end() :].split()
        by = before[-1:] == ["by"] and any(stem(word.lower().strip(",.;")) == root for word in before[-5:-1])
        does = bool(after) and stem(after[0].lower().strip(",.;")) == root
        if by or does:
            found.append(name[0])
    return found[0] if len(set(found)) == 1 and not _NOT.search(sentence) else ""


def _of_label(question: str, sentence: str) -> str:
    """The value of a line that is a label with its value, if the question asks for that label."""
    match = _LABEL.fullmatch(sentence.strip().rstrip(".。"))
    if match is None or re.search("[;；].*[:：]", sentence):  # a row of a table
        return ""
    said = [word.strip(".#") for word in match["label"].lower().split()]
    if match["figure"] and not all(word in _OF_LABEL or any(True for _ in terms(word)) for word in said):
        return ""  # a sentence
    label = {term for term, _ in terms(match["label"])}
    asked = {term for term, _ in terms(question)}
    if not label or not all(has_term(term, asked) for term in label):
        return ""
    return (match["value"] or match["figure"]).strip()
