"""What is said when nothing was found, by the reason for it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from glyph_demo.engines.pocket.characters import EASTERN, LATIN, script
from glyph_demo.errors import Message
from glyph_demo.store import PageFeatures

_SURE = 0.9  # mean character probability; lines in known scripts measured 0.95 and more, in others 0.56 to 0.89
_MOST = 0.5  # share of letters, or of lines
_FEW = 0.05  # share of Chinese characters below which a text is in another language; a name may stand in any text
_KANA = 0.1  # share of kana from which a text with Chinese characters is Japanese

NOT_FOUND = Message("The document does not seem to say.", "文档似乎没有提到。")
NEAREST = Message("The document does not seem to say. Nearest passages:", "文档似乎没有提到。最接近的段落：")
_NOTHING_READ = Message(
    "Nothing was read on the pages: they are empty, show only pictures, or are in a script that the embedded engine "
    "cannot read. A vision-language model may: choose one under Settings → Model (on the command line: --engine local "
    "or remote).",
    "页面上没有读到任何文字：可能是空白页、只有图片，或使用了内置引擎无法识别的文字。"
    "视觉语言模型或许可以识别：请在“设置 → 模型”中选择（命令行：--engine local 或 remote）。",
)
_HARDLY_READ = Message(
    "The embedded engine could hardly read these pages: they may be in a script that it does not know. "
    "A vision-language model may: choose one under Settings → Model (on the command line: --engine local or remote).",
    "内置引擎几乎无法识别这些页面：它们可能使用了它不认识的文字。"
    "视觉语言模型或许可以识别：请在“设置 → 模型”中选择（命令行：--engine local 或 remote）。",
)
# By their Unicode names, which people know in English. A script that is not listed goes by that name in Chinese too.
_CHINESE_NAMES = {
    "Arabic": "阿拉伯文",
    "Armenian": "亚美尼亚文",
    "Bengali": "孟加拉文",
    "Cyrillic": "西里尔字母",
    "Devanagari": "天城文",
    "Ethiopic": "埃塞俄比亚文",
    "Georgian": "格鲁吉亚文",
    "Greek": "希腊字母",
    "Gujarati": "古吉拉特文",
    "Hangul": "韩文",
    "Hebrew": "希伯来文",
    "Khmer": "高棉文",
    "Lao": "老挝文",
    "Myanmar": "缅甸文",
    "Tamil": "泰米尔文",
    "Telugu": "泰卢固文",
    "Thai": "泰文",
    "Tibetan": "藏文",
}


def refusal(question: str, pages: Sequence[PageFeatures]) -> Message:
    """Why a question has no answer: nothing could be read, it is in a script or a language that does not fit, or the
    document does not say."""
    text = "\n".join(line for page in pages for line in page.texts)
    if not text.strip():
        return _NOTHING_READ
    asked, written = _scripts(question), _scripts(text)
    if hardly_read(pages):
        foreign = next((name for name, share in asked.items() if share > _MOST and name not in (LATIN, EASTERN)), None)
        return _HARDLY_READ if foreign is None else _cannot_read(foreign)
    for name, share in asked.items():
        if share > _MOST and written.get(name, 0.0) < _FEW:
            if written.get(EASTERN, 0.0) < _MOST:
                return _ask_in("the language of the document", "文档的语言")
            return _ask_in("Japanese", "日文") if _kana(text) > _KANA else _ask_in("Chinese", "中文")
    return NOT_FOUND


def hardly_read(pages: Sequence[PageFeatures]) -> bool:
    """Whether most lines are in a script that the reader does not know, by how sure it is of its letters."""
    scores = [float(score) for page in pages for score in page.arrays["scores"]]
    return sum(score < _SURE for score in scores) > _MOST * len(scores)


def _scripts(text: str) -> dict[str, float]:
    """The share of each script in the letters of a text."""
    letters = [letter for letter in unicodedata.normalize("NFKC", text) if letter.isalpha()]
    return {name: count / len(letters) for name, count in Counter(map(script, letters)).items()}


def _cannot_read(name: str) -> Message:
    chinese = _CHINESE_NAMES.get(name, f" {name} 文字")
    return Message(
        f"The embedded engine cannot read {name} script. A vision-language model can: choose one under Settings → "
        "Model (on the command line: --engine local or remote).",
        f"内置引擎无法识别{chinese}。视觉语言模型可以识别："
        "请在“设置 → 模型”中选择（命令行：--engine local 或 remote）。",
    )


def _ask_in(language: str, chinese: str) -> Message:
    return Message(
        "Question and document are in different languages, and nothing near was found. "
        f"Ask in {language}, or choose another model under Settings → Model (on the command line: --engine local or "
        "remote).",
        f"问题与文档的语言不同，没有找到相近的内容。请用{chinese}提问，或在“设置 → 模型”中选择其他模型"
        "（命令行：--engine local 或 remote）。",
    )


def _kana(text: str) -> float:
    letters = [character for character in text if character.isalpha()]
    return sum("\u3040" <= character <= "\u30ff" for character in letters) / max(1, len(letters))
