"""What kind of thing a question asks for, by its words, and what a text that answers it holds."""

from __future__ import annotations

import re
from typing import NamedTuple

from glyph_demo.engines.pocket.han import simplified

NUMBER = (
    r"\d|[一二三四五六七八九十百千万两]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|"
    r"thousand|million|half|twice|once|\w+(?:teen|ty))\b"
)
MONEY = (
    rf"(?:{NUMBER}).{{0,9}}?(?:\b(?:crown|mark|dollar|euro|pound|penny|shilling|franc|cent)s?\b|pence|yen|yuan|元)"
    r"|[$€£¥]\s?\d"
)
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAYS = "Mon|Tues|Wednes|Thurs|Fri|Satur|Sun"
_SPAN = (
    r"\b(?:second|minute|hour|day|night|week|month|year|decade|centur)|\d\s*(?:ms|s|min|h|hrs?)\b"
    r"|[年月日天周时秒]|分钟|星期|世纪"
)
_TIME = (
    rf"\d{{4}}|\d\s*[:：]\s*\d\d|\d\s*(?:[ap]\.?m\b|o['’]clock)|{_SPAN}|[号点季春夏秋冬]|\b(?:{MONTHS})\b|"
    rf"\b(?:{_DAYS})days?\b|\b(?:spring|summer|autumn|winter|noon|midnight|today|yesterday)\b"
)
_AMOUNT = rf"{MONEY}|\d{{1,3}}(?:[,，]\d{{3}})+|\d\.\d\d\b|[\d一二三四五六七八九十百千万亿]\s*(?:万|元|块|圆|円)"
_REASON = (
    r"\b(?:because|since|as|so|for|due|owing|reason|on account|in order|cause[ds]?|explain\w*|thanks to|result\w*)\b"
    r"|因|由于|所以|以免|为了|导致|理由|来自|于是|以防|否则"
)
_NAME = rf"(?<!^)(?<![.!?] )\b(?!(?:{MONTHS}|(?:{_DAYS})day|The|In|On|At)\b)[A-Z][a-z]+"
SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹"
    "熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文温柴聂骆宗陶严裴柳"
)
_ZH_NAME = rf"由[^，。；]{{2}}|(?:[是为、，：；。（“]|[长理任师员人者授事记])\s*[{SURNAMES}][\u4e00-\u9fff]{{1,2}}"
_PLACE = (
    rf"\b(?:in|at|near|on|from|to|of) (?:the )?(?!(?:{MONTHS}|(?:{_DAYS})day)\b)[A-Z][a-z]"
    r"|\b(?:Street|Road|Avenue|Hall|Library|Square|Park|Island)\b|位于|地址|坐落|[省市县区镇乡村街路港岛国洲州]"
)
_RULE = (
    r"\b(?:may|must|can|cannot|shall|only|allowed|permitted|forbidden|prohibited|required|not|never|free)\b"
    r"|不得|不能|不可|不许|不必|无需|禁止|严禁|可以|可|应当?|必须|只能"
)


class Kind(NamedTuple):
    """`asks` finds the questions for such a thing, `likely` the sentences that rather answer them. An answer without
    what `needed` finds is none; None if that cannot be told by the letters."""

    asks: re.Pattern[str]
    likely: re.Pattern[str]
    needed: re.Pattern[str] | None


def _kind(asks: str, likely: str, needed: str | None = None) -> Kind:
    return Kind(
        re.compile(asks, re.IGNORECASE), re.compile(likely), re.compile(needed, re.IGNORECASE) if needed else None
    )


# The first whose question matches counts.
_KINDS = (
    _kind(r"\b(?:tele)?phone number|\bfax number|电话|手机号|传真号", *[r"\d[\d()\s./+-]{4,}\d"] * 2),
    _kind(r"\be-?mail address|邮箱|邮件地址", "@", "@"),
    _kind(r"\bweb ?site|\burl\b|网址|网站地址", *[r"www\.|https?:|\w\.(?:com|org|net|edu|gov|io|cn|de|eu)\b"] * 2),
    _kind(
        r"\bhow old\b|\bwhat age\b|几岁|多大年[纪龄]|多少岁|年龄是",
        NUMBER,
        r"\b(?:years? old|aged?|born)\b|\d{4}|岁|周年|[出诞]生",
    ),
    _kind(
        r"\b(?:what|which|how many) percent|百分之[几多]|比例是多少|占多大比例",
        *[r"%|\bper ?cent|％|百分之|[成倍]|\bhalf\b"] * 2,
    ),
    _kind(
        r"\bwhat temperature|\bhow (?:hot|cold|warm)\b|多少度|温度是多少", *[r"°|\bdegrees?\b|\d\s*[CF]\b|[度℃℉]"] * 2
    ),
    _kind(r"多大面积|面积.*多[少大]|有多大", r"\d\s*(?:平方|亩|公顷|m²)|[大小]"),
    _kind(
        r"\b(?:which|what) (?:university|college)\b|哪所(?:大学|学校|学院)",
        *[r"\b(?:[Uu]niversit|[Cc]olleg|[Ss]chool|[Ii]nstitut)|[大中小]学|学[院校]"] * 2,
    ),
    _kind(
        r"\bwhen\b|\b(?:what|which) (?:date|year|month|day|time)\b|何时|哪一?[年天]|几[点号月]|什么时候|日期",
        rf"(?<![\d,.-])(?:1\d|20)\d\d(?![\d,-])|\d{{4}}-\d\d|\d\s*[月日时点]|\d:\d\d|\b(?:{MONTHS})\b",
        _TIME,
    ),
    _kind(
        r"\bhow (?:long|(?:many|much) (?:time|minutes|hours|days|weeks|months|years))\b"
        r"|多长时间|多久|(?:几|多少)个?(?:分钟|小时|天|月|年)",
        r"\b(?:second|minute|hour|day|night|week|month|year)s?\b|\d\s*(?:ms|s|min|h)\b"
        r"|[\d一二三四五六七八九十两半]\s*(?:个?(?:秒|分|小时|天|日|周|月|年))",
        rf"{_SPAN}|\d{{4}}",
    ),
    _kind(
        r"^\W*how much (?:money|(?:did|does|do|will|would)\b.*\bcosts?\b)|\bwhat (?:did|does|do|will) .*\bcost\b"
        r"|^\W*what (?:is|was|were|are) the (?:price|costs?|fee|rent|salary|wages?|fine) (?:of|for)\b"
        r"|多少钱|多少(?:奖金|租金|押金|罚金|罚款|赔款|工资|费用)|(?:价格|费用|售价|租金|工资)是多少",
        MONEY,
        _AMOUNT,
    ),
    _kind(r"\bhow much (?:was|does|were|is|are)\b|\bprice|\bcost|费用|价格|金额|花费", MONEY),
    _kind(r"\bhow (?:much|many|high|old|far|often|large|big|tall)|\bnumber\b|多少|多[大高长]|几", NUMBER),
    _kind(r"\bwho(?:se|m)?\b|谁|哪位|什么人|叫什么名字", rf"{_NAME}|{_ZH_NAME}"),
    _kind(r"\bwhy\b|\breason|为什么|为何|怎么会|原因", _REASON),
    _kind(r"\bwhere\b|哪里|哪儿|在哪|什么地方|何地", _PLACE),
    _kind(r"^(?:may|can|must|should|is it|are .* allowed)\b|(?:可以|能|准|许|得).*吗|是否(?:可以|能)|能不能", _RULE),
    _kind(r"(?:怎么|怎样|如何)计?算", r"按|计算|标准"),
)


def kind_asked(question: str) -> Kind | None:
    """The kind of thing that a question asks for; None if its words do not tell."""
    plain = simplified(question)
    return next((kind for kind in _KINDS if kind.asks.search(plain)), None)
