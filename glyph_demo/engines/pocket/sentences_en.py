"""Patterns of English sentences, and the questions that such sentences answer."""

from __future__ import annotations

import re
from collections.abc import Callable

# Verbs by their past: base and participle.
_REGULAR = (
    "chair found establish invent discover design construct launch propose sign paint compose edit direct manage "
    "develop own head supervise coordinate introduce create present coin patent explain organise organize commission "
    "approve form record describe prove"
)
_FORMS = {f"{verb.removesuffix('e')}ed": (verb, f"{verb.removesuffix('e')}ed") for verb in _REGULAR.split()} | {
    "led": ("lead", "led"),
    "wrote": ("write", "written"),
    "built": ("build", "built"),
    "drew": ("draw", "drawn"),
    "planned": ("plan", "planned"),
    "won": ("win", "won"),
    "ran": ("run", "run"),
}
_PASTS = {participle: past for past, (_, participle) in _FORMS.items()}
_THIRDS = tuple(f"{base}s" for base, _ in _FORMS.values())
_DONE = (
    "founded established built opened closed completed finished introduced launched published signed adopted created "
    "invented discovered designed constructed installed released written formed registered incorporated approved held "
    "born elected acquired bought sold demolished destroyed rebuilt restored renovated abolished repealed amended "
    "delivered started ended dissolved replaced repaired tested recorded coined ratified enacted inaugurated "
    "commissioned decommissioned dismissed executed killed adjourned arrested buried re-established mapped "
    "patented equipped"
)
_HAPPENED = {
    "opened": "open",
    "closed": "close",
    "began": "begin",
    "started": "start",
    "ended": "end",
    "died": "die",
    "expired": "expire",
    "failed": "fail",
    "arrived": "arrive",
    "retired": "retire",
    "resigned": "resign",
    "sank": "sink",
    "collapsed": "collapse",
    "burned down": "burn down",
}
_HAPPENS = {
    "begins": "begin",
    "starts": "start",
    "ends": "end",
    "expires": "expire",
    "commences": "commence",
    "terminates": "terminate",
    "opens": "open",
    "closes": "close",
    "takes effect": "take effect",
    "takes place": "take place",
    "comes into force": "come into force",
    "enters into force": "enter into force",
}
_HAS = {
    "had": ("did", "have"),
    "has": ("does", "have"),
    "employed": ("did", "employ"),
    "employs": ("does", "employ"),
    "held": ("did", "hold"),
    "holds": ("does", "hold"),
    "contained": ("did", "contain"),
    "contains": ("does", "contain"),
    "received": ("did", "receive"),
    "receives": ("does", "receive"),
    "supplies": ("does", "supply"),
    "supplied": ("did", "supply"),
    "serves": ("does", "serve"),
    "served": ("did", "serve"),
}
_ACTS = {
    "announced": "announce",
    "launched": "launch",
    "introduced": "introduce",
    "published": "publish",
    "adopted": "adopt",
    "released": "release",
    "bought": "buy",
    "acquired": "acquire",
    "developed": "develop",
    "established": "establish",
    "passed": "pass",
    "proposed": "propose",
    "won": "win",
    "built": "build",
    "opened": "open",
}
_STATES = {
    "consists of": "consist of",
    "depends on": "depend on",
    "focuses on": "focus on",
    "relies on": "rely on",
    "requires": "require",
    "provides": "provide",
    "includes": "include",
}
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_YEAR = r"(?:1[0-9]|20)\d\d"
_DATE = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? {_YEAR})?|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:, {_YEAR})?"
    rf"|{_MONTH} {_YEAR}|\d{{4}}-\d\d-\d\d|{_YEAR})(?![\d–-]|s\b)"
)
_TIME = r"\d{1,2}:\d\d(?: ?[ap]\.?m\b)?"
_MONEY = (
    r"(?:(?:about|around|nearly|over|up to) )?(?:(?:US|A|C|HK)?[$€£¥] ?\d[\d,]*(?:\.\d+)?(?: (?:million|billion))?"
    r"|\d[\d,]*(?:\.\d+)? (?:(?:million|billion|thousand) )?"
    r"(?:crowns|marks|dollars|euros|pounds|francs|yen|yuan|EUR|USD|GBP))"
)
_COUNT = (
    r"(?:(?:about|around|nearly|over|some|only|more than) )?(?:\d[\d,]*(?:\.\d+)?(?: (?:million|billion|thousand))?"
    r"|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|a hundred|ninety)"
)
_COUNTED = r"(?P<n>(?!(?:more|other|fewer|main|hours|days|times)\b)(?:[a-z-]+ )?[a-z-]+s)"
_SPAN = rf"{_COUNT} (?:seconds|minutes|hours|days|weeks|months|years)"
_X = r"(?P<x>[A-Za-z“\"][^,;:()]{1,60}?)"
_WHEN = rf"(?:(?P<when>(?:In|By|On|Since) {_DATE}),? )?"
_STOPS = r"(?=[.,;]| (?:by|with|as|to|for|at|in|and|from|after|when|until|before)\b)"
_BRIEF = r"(?=[.,;]|$)"
_CAPITAL = r"[A-Z][\w’'-]*[a-z][\w’'-]*"
_NAME = rf"(?:Dr\.? |Mrs?\.? |Ms\.? |Professor )?{_CAPITAL}(?: (?:[A-Z]\.|van|von|de|der|{_CAPITAL})){{0,2}} {_CAPITAL}"
PERSON = rf"(?P<a>{_NAME})"
ROLE = (
    r"(?:writer|author|poet|painter|composer|engineer|physicist|chemist|mathematician|scientist|biologist|historian"
    r"|philosopher|inventor|architect|politician|teacher|lawyer|doctor|journalist|actor|actress|singer|player|king"
    r"|queen|president|minister|director|manager|secretary|chair(?:man|woman)?|founder|bishop|saint|general|explorer"
    r"|businessman|entrepreneur|professor|leader|captain|keeper|quarterback|monk|theologian|librarian)"
)
_SIZE = re.compile(r"(?:The )?(?:price|cost|number|amount|size|age|share|rate)\b", re.I)
# What is told by its name of what: "The capital of Norway is Oslo", "The monthly rent is 1,250 euros".
_ATTRIBUTE = (
    r"(?:capital|purpose|aim|goal|main task|task|name|official language|official name|head office|address|deadline"
    r"|term|duration|currency|motto|scope|unit|basic unit[^,;.]{0,30}|symbol|official title)"
)
_SUM = (
    r"(?:rent|price|cost|costs|fee|deposit|budget|salary|loan|fine|penalty|revenue|turnover|profit|total|premium|grant"
    r"|income|investment|wage|charge|subsidy|limit)"
)
_MEASURE = r"(?:high|long|tall|wide|deep|old|thick)"
DETERMINER = re.compile(r"^(?:The|An?|This|Our|In|On|By|Since|At)\b")


def _rule(
    kind: str, pattern: str, ask: Callable[[re.Match[str], str], str]
) -> tuple[str, re.Pattern[str], Callable[[re.Match[str], str], str]]:
    return kind, re.compile(pattern), ask


def _one_of(words: str) -> str:
    return "|".join(sorted(words.split(), key=len, reverse=True))


def is_plural(noun: str) -> bool:
    """Whether a noun with what belongs to it is more than one thing."""
    words = [word for word in noun.split(" of ")[0].split() if word]
    ends = [word.endswith("s") and not word.endswith(("ss", "us", "is", "ics", "’s", "'s")) for word in words]
    return ends[-1] or (ends[0] and noun[0].isupper()) or "and" in words


def common(label: str) -> str:
    """A label as a common noun: "Unit Price" is the unit price, "TOTAL" the total, but "GDP" stays."""
    return " ".join(word if word.isupper() and 1 < len(word) < 5 else word.lower() for word in label.split())


def _what_is(match: re.Match[str], x: str) -> str:
    """ "What is X?" for a thing; for a name that may be a person's nothing."""
    said = match["x"]
    is_name = not DETERMINER.match(said) and said == x and re.fullmatch(r"[A-Z]\S+(?: [A-Z]\S+)+", said)
    if _SIZE.match(said) or re.search("[’']s ", said):
        return ""
    if is_name and re.search(rf"\b(?:{ROLE}|person|man|woman|member|son|daughter)\b", match["y"]):
        return ""
    return f"what {match['be']} {x}"


# Kind of question, pattern, and the question from a match and the match's subject as it stands within a sentence.
# Groups: `x` the subject, `a` the answer, `when` the time that the sentence begins with.
RULES = (
    _rule(
        "date",
        rf"{_X} (?P<be>was|were) (?:(?:first|officially|formally|originally|finally) )?(?P<v>{_one_of(_DONE)})"
        rf"(?: (?!and\b)[^,;.]{{1,60}}?)?,? (?:(?:in|on) (?P<a>{_DATE})|at {_TIME}){_STOPS}",
        lambda m, x: f"when {m['be']} {x} {m['v']}",
    ),
    _rule(
        "date",
        rf"(?:In|On) (?P<a>{_DATE}),? {_X} (?P<be>was|were) (?P<v>{_one_of(_DONE)})(?=[.,;]| (?:by|in|at|on|with)\b)",
        lambda m, x: f"when {m['be']} {x} {m['v']}",
    ),
    _rule(
        "date",
        rf"(?P<v>{_one_of(_DONE.title())}) in (?P<a>{_DATE})(?: by {_NAME})?, (?P<x>[^,;:()]{{2,40}}?)"
        r" (?:is|was|has|had|remains|became|\w+ed)\b",
        lambda m, x: f"when {'were' if is_plural(x) else 'was'} {x} {m['v'].lower()}",
    ),
    _rule(
        "date",
        rf"{_X} (?P<v>{'|'.join(_HAPPENED)})(?: (?:work|service|operations))? (?:in|on) (?P<a>{_DATE}){_STOPS}",
        lambda m, x: f"when did {x} {_HAPPENED[m['v']]}",
    ),
    _rule(
        "date",
        rf"{_X} (?P<v>{'|'.join(_HAPPENS)}) (?:in|on) (?P<a>{_DATE}){_STOPS}",
        lambda m, x: f"when does {x} {_HAPPENS[m['v']]}",
    ),
    _rule(
        "date",
        rf"(?P<x>The next [a-z ]{{3,30}}?) (?:is|will be held|will take place|takes place|is scheduled) (?:on|for)"
        rf" (?P<a>{_DATE}){_STOPS}",
        lambda m, x: f"when is {x}",
    ),
    _rule(
        "date",
        rf"{_X} (?:will|shall) (?P<v>be (?:{_one_of(_DONE)})|begin|start|end|open|close|expire|take (?:effect|place))"
        rf"(?: (?:in|at) [^,;.]{{1,40}}?)? (?:in|on|by) (?P<a>{_DATE}){_STOPS}",
        lambda m, x: f"when will {x} {m['v']}",
    ),
    _rule(
        "who",
        rf"{_WHEN}{PERSON} (?P<v>{'|'.join([*_FORMS, *_THIRDS])}) "
        rf"(?P<x>(?:the|an?|this|[A-Z])[^,;.:()]{{2,60}}?)(?=[.,;]| (?:in|on) {_DATE}| (?:until|from|since|during"
        r"|between|after|before|when|who|which)\b)",
        lambda m, x: f"who {m['v']} {x}",
    ),
    _rule(
        "who",
        rf"{_WHEN}{_X} (?:was|were) (?P<v>{'|'.join(_PASTS)})(?: in {_YEAR})? by (?:[a-z]+ ){{0,2}}{PERSON}"
        r"(?=[.,;]| (?:in|on|at|and|from|who|during)\b)",
        lambda m, x: f"who {_PASTS[m['v']]} {x}",
    ),
    _rule(
        "who",
        rf"(?P<x>{_NAME}) (?P<be>is|was) (?:an?|the) (?P<y>(?:[\w-]+ ){{0,4}}{ROLE})\b",
        lambda m, x: f"who {m['be']} {x}",
    ),
    _rule(
        "who",
        rf"{PERSON} was (?P<v>appointed|elected|named) (?:as )?(?P<x>(?:the )?[a-z][^,;.]{{3,50}}?)"
        r"(?=[.,;]| (?:from|in|on|to|with|by|after)\b)",
        lambda m, x: f"who was {m['v']} {x}",
    ),
    _rule("amount", rf"{_X} cost (?P<a>{_MONEY}){_STOPS}", lambda m, x: f"how much did {x} cost"),
    _rule("amount", rf"{_X} costs (?P<a>{_MONEY}){_STOPS}", lambda m, x: f"how much does {x} cost"),
    _rule(
        "amount",
        rf"{_WHEN}(?P<x>The (?:\w+ ){{0,3}}{_SUM}(?: (?:of|for) [^,;:()]{{2,40}}?)?) (?P<be>is|was|were|are)"
        rf"(?: set at)? (?P<a>{_MONEY}){_STOPS}",
        lambda m, x: f"how much {m['be']} {x}",
    ),
    _rule("amount", rf"{_X} lasted (?P<a>{_SPAN}){_BRIEF}", lambda m, x: f"how long did {x} last"),
    _rule("amount", rf"{_X} took (?P<a>{_SPAN}){_BRIEF}", lambda m, x: f"how long did {x} take"),
    _rule(
        "amount",
        rf"{_X} (?P<be>is|was|are|were) (?P<a>{_COUNT} (?:met(?:re|er)s|feet|miles|kilomet(?:re|er)s|years"
        rf"|centimet(?:re|er)s)) (?P<h>{_MEASURE}){_STOPS}",
        lambda m, x: f"how {m['h']} {m['be']} {x}",
    ),
    _rule(
        "amount",
        rf"{_WHEN}{_X} (?P<v>{'|'.join(_HAS)}) (?P<a>{_COUNT}) {_COUNTED}{_BRIEF}",
        lambda m, x: "" if is_plural(x) else f"how many {m['n']} {_HAS[m['v']][0]} {x} {_HAS[m['v']][1]}",
    ),
    _rule(
        "definition",
        r"[“\"](?P<x>[A-Z][\w -]{2,30})[”\"] (?:means|refers to) (?P<y>\w+)",
        lambda m, x: f"what does “{m['x']}” mean",
    ),
    _rule(
        "definition",
        r"(?P<x>[A-Z][\w’'-]+(?: [\w’'-]+){0,3}?) (?:means|refers to|is defined as) (?:the|an?|any|all)\b",
        lambda m, x: "" if is_plural(x) else f"what does {x if ' ' in x else common(x)} mean",
    ),
    _rule(
        "definition",
        rf"(?P<x>The {_ATTRIBUTE} of (?:the |this )?[^,;:()]{{2,40}}?) (?P<be>is|was) (?!not\b|that\b)(?P<y>\S)",
        lambda m, x: f"what {m['be']} {x}",
    ),
    _rule(
        "definition",
        r"(?P<x>(?:An? )?[A-Z]?[\w’'-]+(?: (?:of |and )?[\w’'-]+){0,3}?) (?P<be>is) (?:an?|the|one of the)"
        r" (?!(?:only|same|first|last|case|reason|result|most|one that|main)\b)(?P<y>[\w’' -]{12,})",
        _what_is,
    ),
    _rule(
        "where",
        rf"{_X} (?P<be>is|are) (?P<v>located|situated|based) (?P<a>(?:in|at|on) [^,;.]{{3,60}}){_BRIEF}",
        lambda m, x: f"where {m['be']} {x} {m['v']}",
    ),
    _rule(
        "event",
        rf"(?P<d>(?:In|On) {_DATE}),? {_X} (?P<v>{'|'.join(_ACTS)}) (?P<a>(?:an?|the|its|[A-Z])[^,;.]{{5,}}){_BRIEF}",
        lambda m, x: f"what did {x} {_ACTS[m['v']]} {m['d'][0].lower()}{m['d'][1:]}",
    ),
    _rule(
        "event",
        rf"{_X} (?P<v>{'|'.join(_ACTS)}) (?P<a>(?:an?|the|its|[A-Z])[^,;.]{{5,40}}) (?P<d>(?:in|on) {_DATE}){_STOPS}",
        lambda m, x: f"what did {x} {_ACTS[m['v']]} {m['d']}",
    ),
    _rule(
        "fact",
        rf"{_X} (?P<v>{'|'.join(_STATES)}) (?P<a>[^;.]{{10,}}){_BRIEF}",
        lambda m, x: "" if is_plural(x) else f"what does {x} {_STATES[m['v']]}",
    ),
)
