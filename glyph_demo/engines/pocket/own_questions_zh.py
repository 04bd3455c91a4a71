"""Chinese sentences, rows and headings → questions that they answer. Only grammar that is safe makes a question."""

from __future__ import annotations

import re
from collections.abc import Iterator

from glyph_demo.engines.pocket.own_question import Candidate, cells_asked
from glyph_demo.engines.pocket.sentences_zh import LONG, NAME, NO_SUBJECT, ROLE, RULES
from glyph_demo.engines.pocket.tables import Table, is_year

_PARTS = {
    "风险": "有哪些风险？",
    "主要风险": "主要风险有哪些？",
    "结论": "结论是什么？",
    "建议": "有哪些建议？",
    "发现": "有哪些发现？",
    "主要发现": "主要发现有哪些？",
    "局限": "有哪些局限？",
    "局限性": "有哪些局限？",
    "下一步": "下一步是什么？",
    "目标": "目标是什么？",
    "背景": "背景是什么？",
    "项目背景": "项目背景是什么？",
    "优点": "有哪些优点？",
    "缺点": "有哪些缺点？",
}
_LABEL = re.compile(r"(?P<x>[\u4e00-\u9fff]{2,10})(?:（[^）]{1,10}）)?[：:]\s*(?P<a>\S.{0,40})")
_LABEL_THING = re.compile(
    r"[\u4e00-\u9fff]{0,6}(?:编号|号码|日期|时间|地点|地址|电话|金额|总价|期限|名称|型号|版本|单位|价格|租金|费用|邮箱)"
)
_VALUE = re.compile(
    "[\u4e00-\u9fff]{0,4}(?:功率|容量|时间|重量|尺寸|电压|电流|长度|宽度|高度|厚度|直径|面积|流量|压力|转速|速度|温度|功耗"
    "|价格|产量|人口|噪音|频率|分辨率|内存|水量|周期|寿命)"
)
_VALUES = ("数值", "值", "参数值", "规格")  # of what a row is named after
_COLUMN_NO = re.compile(
    r"年代|年份|日期|时间|序号|编号|备注|说明|名称|类型|单位|合计|总计|来源|项目|数值|结果|内容|指标|说法|原因|方法|做法|作用"
    r"|用途|意义|含义"
)
_NAMED = re.compile(r"[\u4e00-\u9fffA-Za-z][\u4e00-\u9fffA-Za-z ·-]{1,9}")


class ChineseRules:
    """Makes questions."""

    def of_sentence(self, text: str, i: int) -> Iterator[Candidate]:
        """Questions that sentence `i` answers."""
        for kind, pattern, ask in RULES:
            match = pattern.match(text)
            if match is None or NO_SUBJECT.search(match["x"]):
                continue
            yield Candidate(kind, ask(match), i, (match.groupdict().get("a") or "").strip())

    def of_label(self, text: str, i: int) -> Iterator[Candidate]:
        """The question that a label with its value answers."""
        match = _LABEL.fullmatch(text)
        if match is None:
            return
        if re.fullmatch(rf"[\u4e00-\u9fff]{{0,4}}?(?:{ROLE})", match["x"]) and re.fullmatch(NAME, match["a"]):
            yield Candidate("who", f"{match['x']}是谁？", i, match["a"])
        elif _LABEL_THING.fullmatch(match["x"]):
            yield Candidate("label", _label(match["x"]), i, match["a"])

    def of_heading(self, heading: str, i: int) -> Iterator[Candidate]:
        """The question for the part below a heading, whose first sentence is `i`."""
        name = re.sub(r"^(?:第[一二三四五六七八九十\d]+[章节条]|[一二三四五六七八九十]+、|[\d.]+)\s*", "", heading)
        question = _PARTS.get(re.split("[和与及、]", name)[0].strip())
        if question:
            yield Candidate("part", question, i)

    def of_table(self, table: Table) -> Iterator[Candidate]:
        """Questions for cells."""
        for row, c in cells_asked(table):
            cell = row.cells[c].strip()
            if question := _of_cell(_bare(row.name), _bare(table.header[c]), cell):
                yield Candidate("cell", question, row.sentence, cell)


def _of_cell(label: str, column: str, cell: str) -> str:
    if is_year(label) != is_year(column):
        year, name = (label, column) if is_year(label) else (column, label)
        if not re.search(r"\d", cell) or not _NAMED.fullmatch(name):
            return ""
        return f"{year.removesuffix('年').strip()}年的{name}是多少？"
    if column in _VALUES:
        return _of_value(label) if _VALUE.fullmatch(label) and re.search("[0-9]", cell) else ""
    if is_year(label) or not _NAMED.fullmatch(label) or not _NAMED.fullmatch(column) or _COLUMN_NO.search(column):
        return ""
    if re.search(ROLE, column) or (re.search("[员长人师]$", column) and re.fullmatch(NAME, cell)):
        return f"{label}的{column}是谁？"
    if column.endswith(LONG):
        return f"{label}的{column}是多久？"
    return f"{label}的{column}是{'多少' if re.search('[0-9]', cell) else '什么'}？"


def _of_value(label: str) -> str:
    return f"{label}是{'多久' if label.endswith(('时间', *LONG)) else '多少'}？"


def _label(label: str) -> str:
    if label.endswith(("日期", "时间")):
        return f"{label}是什么时候？"
    if label.endswith(("地点", "地址")):
        return f"{label}在哪里？"
    return (
        f"{label}是{'多少' if label.endswith(('号码', '电话', '金额', '总价', '价格', '租金', '费用')) else '什么'}？"
    )


def _bare(text: str) -> str:
    """A label without its unit."""
    return re.sub(r"\s*[(（][^)）]*[)）]", "", text).strip()
