"""What a question wants other than a passage: a summary, a part of the document, or what this engine cannot do."""

from __future__ import annotations

import re

from glyph_demo.engines.pocket.han import simplified
from glyph_demo.errors import Message

FINDS_PASSAGES = Message(
    "The embedded engine finds passages and quotes them; it does not translate, write or judge. "
    "A language model does: choose one under Settings → Model (on the command line: --engine local or remote).",
    "内置引擎只查找并引用原文，不能翻译、写作或评价。需要语言模型："
    "请在“设置 → 模型”中选择（命令行：--engine local 或 remote）。",
)

_THING = (
    r"(?:this|the|that|your|my|it|these)?\s*(?:whole |entire |attached |uploaded )?"
    r"(?:document|text|file|paper|report|book|article|pdf|page|pages|story|contract|law|letter|it|this|that)?"
)
_SUMMARY = re.compile(
    r"\bsummar(?:y|i[sz]e|ies)\b|\btl;?dr\b|\b(?:main|key|central|most important) (?:points?|ideas?|topics?"
    r"|message|content|"
    r"takeaways?|themes?)\b|\btake-?aways\b|\boverview\b|\bin a nutshell\b|\bgist\b|\boutline\b|\btable of contents\b"
    rf"|\bwhat(?:'s| is| are| does| do)\b.{{0,12}}?{_THING} (?:all |mainly |mostly |really )?(?:about"
    rf"|deal with|cover|discuss|say in short)\s*\??$"
    r"|\b(?:subject|topic|purpose) of (?:this|the) (?:document|text|file|paper|report|article)\b"
    r"|\btell me (?:all )?about (?:this|the) (?:document|text|file|paper|report|article|pdf)\b"
    r"|(?:总结|概括|概述|摘要|归纳)(?!里|中)|(?:文件|文档|文章|报告|资料|材料|合同|书|论文|这|本文|全文"
    r"|内容).{0,8}(?:主要)?(?:讲|说|谈|介绍|写|关于|涉及)(?:了|的|是)*(?:些)?(?:什么|啥|哪些)"
    r"|(?:主要|核心|中心|大致|大概)(?:内容|观点|思想|要点|意思)|要点|中心思想|大意|主旨|讲了什么",
    re.I,
)
_OWN_SUBJECT = re.compile(r"\b(?:executive|management) summary\b", re.I)
_POLITE = r"^\s*(?:please|kindly|can you|could you|would you|will you|i want you to|help me(?: to)?|now|,|\s)*"
_WRITING = re.compile(
    rf"{_POLITE}(?:translate|draft|compose|rewrite|rephrase|paraphrase|proofread|correct|improve|invent|imagine)\b"
    rf"|{_POLITE}(?:write|make up|create|generate|prepare)\b (?:me |us )?(?:an?|the|some|my|about)\b"
    r"|\btranslat(?:e|ion)\b.* (?:in)?to (?:english|chinese|french|german|spanish|japanese|korean|russian|italian)\b"
    r"|\b(?:what|how) do you (?:think|feel|like)\b|\b(?:your|you) (?:opinion|view|advice|recommend|suggest"
    r"|agree|believe)\b"
    r"|\bshould i\b|\bis it (?:a )?(?:good|bad|worth|well written)\b"
    r"|^(?:请|请你|麻烦你?|帮我|帮忙|能不能|你?能|可以|给我|替我|把|将|\s)*(?:翻译|起草|改写|润色|续写|编一?个|仿写)"
    r"|(?:把|将).{0,20}(?:翻译|译)(?:成|为)|翻译成|译成"
    r"|^(?:请|请你|麻烦你?|帮我|帮忙|能不能|你?能|可以|给我|替我|\s)*(?:写|拟)(?:一|个|篇|封|份|首|段)"
    r"|你(?:觉得|认为|怎么看|的看法|的意见|同意|建议)|我(?:该|应该)(?:怎么办|不该|不应该)",
    re.I,
)
_NUMBERS = {
    word: n for n, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1)
}
_NUMBERS |= {word: n for n, word in enumerate("一二三四五六七八九十", 1)} | {"两": 2, "single": 1}
_LENGTH = re.compile(
    rf"\b(?P<en>\d+|{'|'.join(_NUMBERS)})\s+(?:short |main |key |bullet )*(?:sentences?|points?|lines?|bullets?)\b"
    r"|(?P<zh>\d+|[一二两三四五六七八九十])\s*(?:句|点|条|个要点)",
    re.I,
)


def wants_summary(question: str) -> bool:
    plain = simplified(question)
    return _SUMMARY.search(plain) is not None and _OWN_SUBJECT.search(plain) is None


def wants_writing(question: str) -> bool:
    """Whether a question asks for a translation, a text or an opinion."""
    return _WRITING.search(simplified(question)) is not None


def wanted_length(question: str) -> int | None:
    """How many sentences or points are asked for; None if the question leaves that open."""
    match = _LENGTH.search(simplified(question))
    if match is None:
        return None
    said = (match["en"] or match["zh"]).lower()
    return max(1, int(said) if said.isdecimal() else _NUMBERS[said])
