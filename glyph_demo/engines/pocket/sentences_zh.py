"""Patterns of Chinese sentences, and the questions that such sentences answer."""

from __future__ import annotations

import re
from collections.abc import Callable

from glyph_demo.engines.pocket.kinds import SURNAMES

_NUMBER = r"(?:\d[\d,，]*(?:\.\d+)?|[〇零一二三四五六七八九十百千万亿两]+(?:点[〇零一二三四五六七八九]+)?)"
_DAY = rf"(?:\d{{1,2}}|{_NUMBER})"
_DATE = (
    r"(?:(?:1\d|20)\d\d|[〇零一二三四五六七八九]{4}) ?年"
    rf"(?: ?{_DAY} ?月(?: ?{_DAY} ?日|[上中下]旬)?|底|初|末|[春夏秋冬][天季]?)?"
)
_X = r"(?P<x>[^，。；：、！？“”\"《》|（）()]{2,18}?)"
_THING = r"(?P<x>[^，。；：、！？|（）()]{2,18}?)"
_OF = r"[^，。；：、！？|（）()]{0,14}?"
_END = r"(?=[，。；]|$)"
NAME = rf"(?P<a>[{SURNAMES}][\u4e00-\u9fff]{{1,2}}|[\u4e00-\u9fff]{{1,6}}(?:·[\u4e00-\u9fff]{{1,6}})+)"
_FOUNDED = "成立|建成|开业|出版|出生|创办|创立|建立"
_DONE = (
    f"{_FOUNDED}|竣工|开工|启动|投产|去世|逝世|签订|签署|生效|举行|召开|开始|结束|完成|上线|搬迁|投入使用|设立|开放|通车|发布"
    "|完工|动工|更换|安装|首次测绘|开通|启用|合并|更名|改名|关闭"
)
_LED = "担任|主持|设计|创办|撰写|负责|提出|发明|编写|主编|领导|发起|创立|命名|起草"
_MADE = "主持|创办|撰写|设计|发明|提出|编写|领导|创立|汇报|介绍|起草|发现"
_MADE_BY = "创办|设计|撰写|提出|发明|编写|创立|命名|起草|发现|建立|开发|制造"
_DID = "发布|推出|宣布|出版|颁布|通过|开设|收购|引进|获得|创办|建立|成立"
_MONEY = rf"(?:人民币|约|大约|近|超过)?\s*{_NUMBER}\s*[万亿千百]*\s*(?:多|余)?(?:美元|欧元|日元|英镑|港元|元|克朗)"
_SPAN = rf"(?:约|大约|近|超过)?\s*{_NUMBER}\s*(?:多|余)?个?(?:小时|分钟|天|周|月|年|星期)"
_SUM = (
    "总价|单价|价格|售价|租金|押金|费用|造价|预算|工资|金额|收入|利润|投资|投资额|总投资|定价|水价|奖金|罚款|注册资本"
    "|保证金|报价|经费|成本|票价|赔偿金|违约金|营业额|补贴"
)
_MEASURE = (
    "面积|人口|长度|高度|宽度|深度|重量|距离|数量|总数|容量|产量|温度|速度|漏损率|比例|含沙量|年龄|准确率|使用寿命"
    "|有效期|期限|租赁期|租期|试用期|保修期|工期"
)
LONG = ("期", "期限", "寿命", "时长", "周期")  # ends of measures of time
_MEMBERS = "员工|职工|学生|教师|会员|居民|人口|藏书|站点"
_ATTRIBUTE = (
    "首都|省会|目的|宗旨|名称|全称|简称|任务|主要任务|职责|单位|目标|总部|核心|原理|定义|特点|主题|作用|用途|官方语言|前身"
    "|地址|主要成分"
)
ROLE = (
    "负责人|主席|主任|组长|校长|院长|所长|馆长|经理|总经理|董事长|作者|主编|秘书|秘书长|会长|市长|站长|主持人|联系人"
    "|法定代表人|承租方|出租方|导师|指导教师|记录人|编制人|审核人|记录员|创始人|发起人|设计师"
)
# A subject that cannot be understood alone, or is none.
NO_SUBJECT = re.compile(
    r"^(?:这|那|该|此|其|它|他|她|我|你|您|某|另|因|但|而|如|所以|目前|现在|当时|同时|由于|虽然|为|在|从|对|以|并|也|还|又"
    r"|都|不(?!可抗力|动产|锈钢)|第|最后|最终|后来|之后|随后|总之|例如|比如|其中|有些|许多|一些|每|各|只|就|才|主要|关键|问题"
    r"|原因|结果|重要|前者|后者|以下|以上|一个|一种|当|将|把|被|使|让|与|和|及|或|已|正|于|自)"
    r"|[是这那他她它未]|没有?|什么|如何|自己|上述|前述|本条|前款|本款|之一|大部分|每一|的$|了|们$|时$|后$|前$|预定|预计|计划|通常|一般"
    r"|(?:就|也|都|还|曾经?|一直|仅|只|已经?|又|将|可能|应该|其实|本身|自古以来|目前|现在|主要|原|原本|拟|最早|首次|正式"
    r"|分别)$"
)


def _rule(
    kind: str, pattern: str, ask: Callable[[re.Match[str]], str]
) -> tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]]:
    return kind, re.compile(pattern), ask


def _spaced(date: str) -> str:
    """A date with blanks around its numbers if it has them between."""
    return f" {date} " if re.search(r"\d ", date) else date


def _what_is(match: re.Match[str]) -> str:
    return f"{match['x']}是什么？" if "的" in match["x"] else f"什么是{match['x']}？"


# Kind of question, pattern, and the question from a match. Groups: `x` the subject, `a` the answer.
RULES = (
    _rule(
        "date",
        rf"{_X}(?:正式)?始?(?P<v>{_FOUNDED}|建)于 ?(?P<a>{_DATE}){_END}",
        lambda m: f"{m['x']}是什么时候{m['v']}的？",
    ),
    _rule(
        "date",
        rf"{_X}[于在] ?(?P<a>{_DATE}) ?(?:正式|全部|全面)?(?P<v>{_DONE})(?:了)?{_END}",
        lambda m: f"{m['x']}是什么时候{m['v']}的？",
    ),
    _rule(
        "date",
        rf"{_X}将[于在] ?(?P<a>{_DATE}) ?(?:正式)?(?P<v>{_DONE}){_END}",
        lambda m: f"{m['x']}什么时候{m['v']}？",
    ),
    _rule(
        "date",
        rf"(?P<a>{_DATE}) ?，?{_X}(?:正式|全面)?(?P<v>{_DONE})(?:了)?{_END}",
        lambda m: f"{m['x']}是什么时候{m['v']}的？",
    ),
    _rule(
        "date",
        rf"{_X}自 ?(?P<a>{_DATE}) ?起(?P<v>施行|生效|执行|实施){_END}",
        lambda m: f"{m['x']}从什么时候起{m['v']}？",
    ),
    _rule("who", rf"{_THING}由{NAME}(?P<v>(?:{_LED})[^，。；]{{0,8}}){_END}", lambda m: f"{m['x']}由谁{m['v']}？"),
    _rule(
        "who",
        rf"{_THING}是由 ?{NAME} ?(?:[于在] ?{_DATE})?(?P<v>{_MADE_BY})的{_END}",
        lambda m: f"{m['x']}是由谁{m['v']}的？",
    ),
    _rule(
        "who",
        rf"{NAME}(?P<v>{_MADE})了(?P<x>[^，。；：“”|（）()]{{2,16}}){_END}",
        lambda m: f"谁{m['v']}了{m['x']}？",
    ),
    _rule("who", rf"(?P<x>{_OF}(?:{ROLE}))[是为]{NAME}{_END}", lambda m: f"{m['x']}是谁？"),
    _rule("amount", rf"{_X}(?:一?共|总共|合计)?花(?:费)?了? ?(?P<a>{_MONEY}){_END}", lambda m: f"{m['x']}花了多少钱？"),
    _rule(
        "amount",
        rf"(?P<x>{_OF}(?:{_SUM}))(?:为|是|达|达到|共计|合计|约为|共) ?(?P<a>(?:每\S{{1,4}}?)?{_MONEY}){_END}",
        lambda m: f"{m['x']}是多少？",
    ),
    _rule(
        "amount",
        rf"(?P<x>{_OF}(?:{_MEASURE}))(?:为|是|达|达到|共计|约为) ?"
        rf"(?P<a>[^，。；]{{0,6}}{_NUMBER}[^，。；]{{0,10}}){_END}",
        lambda m: f"{m['x']}是{'多久' if m['x'].endswith(LONG) else '多少'}？",
    ),
    _rule("amount", rf"{_X}(?:历时|持续了?|为期|耗时) ?(?P<a>{_SPAN}){_END}", lambda m: f"{m['x']}持续了多久？"),
    _rule(
        "amount",
        rf"{_X}(?:现|共)?有(?P<n>{_MEMBERS}) ?(?P<a>{_NUMBER} ?[多余]?[万亿]?)[名人位册个处]{_END}",
        lambda m: f"{m['x']}有多少{m['n']}？",
    ),
    _rule(
        "definition",
        rf"(?:本合同所称|本法所称|本办法所称|所谓)?{_THING}，?(?:是指|指的是)[^，。；]{{5,}}",
        lambda m: f"什么是{m['x']}？",
    ),
    _rule(
        "definition",
        rf"(?P<x>{_OF}的(?:{_ATTRIBUTE}))是(?!由|在|从|否|不|没|如)[^，。；]{{2,}}",
        lambda m: f"{m['x']}是什么？",
    ),
    _rule(
        "definition",
        rf"{_X}是(?:一[种类款套项个门座家]|[^，。；]{{2,30}}的(?:简称|总称|统称|过程|方法|学科|水域))[^，。；]{{3,}}",
        _what_is,
    ),
    _rule("where", rf"{_X}(?:位于|坐落于|坐落在|设在)(?P<a>[^，。；]{{2,}}){_END}", lambda m: f"{m['x']}在哪里？"),
    _rule(
        "event",
        rf"{_X} ?(?:[于在] ?)?(?P<d>{_DATE}) ?(?P<v>{_DID})了(?P<a>[^，。；]{{3,}}){_END}",
        lambda m: f"{m['x']}在{_spaced(m['d'])}{m['v']}了什么？",
    ),
    _rule(
        "event",
        rf"(?P<d>{_DATE}) ?，? ?{_X}(?P<v>{_DID})了(?P<a>[^，。；]{{3,}}){_END}",
        lambda m: f"{m['x']}在{_spaced(m['d'])}{m['v']}了什么？",
    ),
    _rule("fact", rf"{_X}由(?P<a>[^，。；]{{4,}})(?P<v>组成|构成){_END}", lambda m: f"{m['x']}由什么{m['v']}？"),
    _rule("fact", rf"{_X}包括(?P<a>[^，。；]+、[^。；]+){_END}", lambda m: f"{m['x']}包括哪些？"),
)
