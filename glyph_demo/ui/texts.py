"""Every text of the window, in English and Chinese."""

from __future__ import annotations

from collections.abc import Iterable

from glyph_demo.documents.file_types import offered_types
from glyph_demo.errors import GlyphError, Message
from glyph_demo.languages import Language
from glyph_demo.ui.panel_texts import PANEL_TEXTS
from glyph_demo.ui.picker_texts import PICKER_TEXTS

TEXTS: dict[str, Message] = {
    "title": Message("Glyph Demo", "Glyph Demo"),
    "tagline": Message(
        "Ask about long documents. They are read as page images.", "就长文档提问。文档会转成页面图像供模型阅读。"
    ),
    "language": Message("Language", "语言"),
    # Document
    "upload.hint": Message("Drop a {types} here, or click to choose", "把 {types} 拖到这里，或点击选择"),
    "examples": Message("Or try an example", "或试试示例文档"),
    "documents": Message("Opened documents", "已打开的文档"),
    "remove": Message("Remove {name}", "移除 {name}"),
    "remove.sure": Message(
        "Remove {name}? Its conversation goes too: {count} questions with their answers.",
        "移除 {name}？其对话也会删除：{count} 个问题及回答。",
    ),
    "remove.sure.one": Message(
        "Remove {name}? Its conversation goes too: 1 question with its answer.",
        "移除 {name}？其对话也会删除：1 个问题及回答。",
    ),
    "rename": Message("Rename {name}", "重命名 {name}"),
    "search": Message("Find in names, questions and answers", "在名称、提问和回答中查找"),
    "search.hint": Message("Find conversations", "查找对话"),
    "search.found": Message("{count} of {total} documents, {hits}", "{total} 份文档中有 {count} 份，{hits}"),
    "search.none": Message(
        "No name, question or answer has these words. Try fewer.", "名称、提问和回答中都没有这些词。请减少词语再试。"
    ),
    "search.hit": Message("found once", "找到 1 处"),
    "search.hits": Message("found {count} times", "找到 {count} 处"),
    "remove.yes": Message("Remove", "移除"),
    "keep": Message("Keep", "保留"),
    "detail.pages": Message("{pages} pages", "{pages} 页"),
    "detail.page": Message("{pages} page", "{pages} 页"),
    "detail.tokens": Message("{tokens} tokens", "{tokens} 词元"),
    "detail.characters": Message("{characters} characters", "{characters} 字符"),
    "kept.device": Message("kept on the device", "保留在显卡中"),
    "kept.memory": Message("kept in memory", "保留在内存中"),
    "kept.disk": Message("kept on disk", "保留在磁盘上"),
    "kept.nowhere": Message("not kept", "未保留"),
    "state.waiting": Message("waiting", "等待中"),
    "state.reading": Message("being read", "阅读中"),
    "state.ready": Message("ready", "就绪"),
    "state.failed": Message("could not be read", "无法阅读"),
    "state.closed": Message("closed; click to read it again", "已关闭；点击重新阅读"),
    "welcome": Message(
        "Every page is drawn as an image, and the model reads the images.\n"
        "Ask in English or Chinese, also while it is still reading.\n"
        "Answers name their page and mark the place on it.",
        "每一页都绘制成图像，由模型阅读这些图像。\n"
        "可以用中文或英文提问，阅读尚未结束时也可以。\n"
        "回答会注明页码，并在页面上标出位置。",
    ),
    "upload.more": Message("+ Add", "+ 添加"),
    "tab.read": Message("Read and ask", "阅读与提问"),
    "pages": Message("Pages", "页面"),
    "page.before": Message("Page before", "上一页"),
    "page.after": Message("Page after", "下一页"),
    "page.large": Message("Whole screen", "全屏"),
    "page.larger": Message("Zoom in", "放大"),
    "page.smaller": Message("Zoom out", "缩小"),
    "heat": Message("Where the model looked", "模型关注之处"),
    "heat.less": Message("less", "少"),
    "heat.more": Message("more", "多"),
    "find": Message("Find in document", "在文档中查找"),
    "find.before": Message("Previous match", "上一处"),
    "find.after": Message("Next match", "下一处"),
    "find.at": Message("{at} of {total}", "第 {at} 处，共 {total} 处"),
    "find.none": Message("Not found in the text", "文字中未找到"),
    "find.none.unread": Message("Not found on the pages read so far", "已读的页面中没有找到"),
    "find.none.images": Message(
        "Not found. Pages that are images cannot be searched.", "没有找到。图像页面中的文字无法查找。"
    ),
    "divide": Message("Width of the page view", "页面视图的宽度"),
    "page": Message("Page {number}", "第 {number} 页"),
    "page.back": Message("Back to {name}", "返回“{name}”"),
    "page.of": Message("{page} of {total}", "{page}，共 {total} 页"),
    "page.holds": Message("{page} of the file", "文件{page}"),
    "page.many": Message("pages {pages}", "第 {pages} 页"),
    "page.drawing": Message("Drawing the page of the file…", "正在绘制文件页面…"),
    "page.not_drawn": Message("The page of the file cannot be shown. {reason}", "无法显示文件页面。{reason}"),
    "show": Message("Show", "显示"),
    "show.original": Message("Original", "原页"),
    "show.model": Message("What the model sees", "模型所见"),
    "notes": Message("{count} notes about this document", "关于该文档的 {count} 条提示"),
    "notes.one": Message("1 note about this document", "关于该文档的 1 条提示"),
    "read_first": Message("Read the pages that fit", "只读能容纳的页面"),
    # Progress
    "reading.extract": Message("Opening the file…", "正在打开文件…"),
    "reading.render": Message("Drawing the pages…", "正在绘制页面…"),
    "reading.page": Message("Reading page {page} of {total}", "正在阅读第 {page} 页，共 {total} 页"),
    "reading.about": Message("about ", "约 "),
    "reading.prefill": Message("Preparing for questions…", "正在准备回答…"),
    "reading.title": Message("Read in {seconds}", "阅读用时 {seconds}"),
    "reading.compression": Message("text tokens per visual token {value}", "每个视觉词元对应的文本词元 {value}"),
    "reading.waiting": Message("Waiting for the document before it", "正在等待前一份文档"),
    "reading.done": Message(
        "Pages {pages} · characters {characters} · extract {extract} s · render {render} s · read {encode} s · "
        "from the store {stored}",
        "页面 {pages} · 字符 {characters} · 提取 {extract} 秒 · 绘制 {render} 秒 · 阅读 {encode} 秒 · "
        "来自缓存 {stored}",
    ),
    # Chat
    "chat": Message("Chat", "对话"),
    "chat.empty": Message(
        "Ask about the document. You can ask while it is still being read.",
        "就文档提问。阅读尚未结束时也可以提问。",
    ),
    "chat.retry": Message("Retry", "重试"),
    "chat.undo": Message("Undo", "撤销"),
    "chat.edit": Message("Edit", "编辑"),
    "chat.submit": Message("Submit", "发送"),
    "chat.cancel": Message("Cancel", "取消"),
    "slider.range": Message("range slider for {label}", "{label}：滑块"),
    "slider.number": Message("number input for {label}", "{label}：数值"),
    "slider.reset": Message("Reset to default value", "恢复默认值"),
    "earlier": Message("Show more of the {count} earlier questions", "显示更多之前的提问（还有 {count} 个）"),
    "earlier.one": Message("Show the earlier question", "显示之前的 1 个提问"),
    "about.outline": Message("Outline", "目录"),
    "question": Message("Question", "问题"),
    "close": Message("Close", "关闭"),
    "send": Message("Send", "发送"),
    "question.hint": Message("Question about the current document", "就当前文档提问"),
    "replace": Message(
        "Ask this again? The {count} questions after it will be removed.", "重新提问？其后的 {count} 个问题会被删除。"
    ),
    "replace.one": Message(
        "Ask this again? The question after it will be removed.", "重新提问？其后的 1 个问题会被删除。"
    ),
    "replace.yes": Message("Ask again", "重新提问"),
    "everyone": Message(
        "Ask several documents at once (the others know only the questions that went to them)",
        "同时向多份文档提问（其他文档只知道向它们提过的问题）",
    ),
    "together": Message("Ask {name} too", "同时向“{name}”提问"),
    "everyone.waits": Message("Asking the other documents…", "正在向其他文档提问…"),
    "export.markdown": Message("Save as Markdown", "保存为 Markdown"),
    "export.json": Message("Save as JSON", "保存为 JSON"),
    "clear": Message("Clear", "清空"),
    "clear.sure": Message(
        "Clear the conversation about {name}? Its {count} questions and their answers will be removed.",
        "清空关于 {name} 的对话？其中 {count} 个问题及回答会被删除。",
    ),
    "clear.sure.one": Message(
        "Clear the conversation about {name}? Its question and answer will be removed.",
        "清空关于 {name} 的对话？其中 1 个问题及回答会被删除。",
    ),
    "copy": Message("Copy answer", "复制回答"),
    "source": Message("Source {number}: {place}", "出处 {number}：{place}"),
    "more": Message("{count} more passages", "另外 {count} 处"),
    "more.one": Message("1 more passage", "另外 1 处"),
    "place": Message("page {page}, line {line}", "第 {page} 页，第 {line} 行"),
    "details": Message(
        "Details: {seconds} · {reused}/{pages} pages reused", "详情：{seconds} · 复用 {reused}/{pages} 页"
    ),
    "thought": Message("Thinking, {seconds} s", "思考过程，{seconds} 秒"),
    "stopped": Message("Stopped.", "已停止。"),
    "length": Message("Cut off at the output length set in the settings.", "已达到设置中的回答长度上限。"),
    "repetition": Message("Stopped because it only repeated itself.", "回答陷入重复，已停止。"),
    "wait.load": Message("Loading the model…", "正在加载模型…"),
    "wait.document": Message("Reading the document first…", "先阅读文档…"),
    "wait.page": Message("Reading the document first: page {page}…", "先阅读文档：第 {page} 页…"),
    "wait.pages": Message("Reading the document first: {done} of {total} pages…", "先阅读文档：{done}/{total} 页…"),
    "wait.answer": Message("Looking for the answer…", "正在寻找答案…"),
    # Figures under an answer
    "figure.first_token": Message("First token", "首字"),
    "figure.speed": Message("Tokens/s", "词元/秒"),
    "figure.total": Message("Total", "总计"),
    "figure.seconds": Message("{value} s", "{value} 秒"),
    "figure.input": Message("Tokens in", "输入词元"),
    "figure.cached": Message("{input} (cached {cached})", "{input}（缓存 {cached}）"),
    "figure.output": Message("out", "输出"),
    "figure.reused": Message("Pages reused", "复用页面"),
    "figure.speculation": Message("Speculation", "推测解码"),
    # Settings
    "settings": Message("Settings", "设置"),
    "mode": Message("Performance", "性能模式"),
    "mode.info": Message(
        "Low latency: no thinking, up to 1,024 tokens, 2 documents kept open, one answer at a time. Balanced: "
        "thinking, up to 8,192 tokens, 8 documents, up to 8 answers at once. High throughput, for bulk uploads: no "
        "thinking, up to 512 tokens, 32 documents, up to 8 answers at once, which wait 100 ms for each other. How many "
        "answers run at once holds for all windows and the API. What the engine does not use has no effect on it.",
        "低延迟：不思考，最多 1024 词元，保持打开 2 份文档，一次只生成一个回答。均衡：思考，最多 8192 词元，8 份文档，"
        "最多同时生成 8 个回答。高吞吐，适合批量上传：不思考，最多 512 词元，32 份文档，最多同时生成 8 个回答，"
        "彼此最多等待 100 毫秒。同时生成的回答数对所有窗口和 API 生效。"
        "引擎不使用的设置对其不起作用。",
    ),
    "mode.latency": Message("Low latency", "低延迟"),
    "mode.balanced": Message("Balanced", "均衡"),
    "mode.throughput": Message("High throughput", "高吞吐"),
    "cache": Message("Keep what was read", "保留阅读结果"),
    "cache.info": Message(
        "Pages already read and prompts already computed are used again.", "已读过的页面和已算过的提示会被重复使用。"
    ),
    "thinking": Message("Think first", "先思考"),
    "thinking.info": Message("Answers may be better and come later.", "回答可能更好，但更慢。"),
    "max_new_tokens": Message("Output length", "回答长度"),
    "max_new_tokens.info": Message("Longest answer, in tokens, thinking included.", "回答的最大词元数，含思考。"),
    "temperature": Message("Temperature", "温度"),
    "temperature.info": Message(
        "0 always takes the likeliest word; more varies the answers.", "0 总取最可能的词；越大回答越多变。"
    ),
    "font_size": Message("Text size", "字号"),
    "font_size.info": Message("Points. The document is read again.", "单位为磅。文档会重新阅读。"),
    "dpi": Message("Page resolution", "页面分辨率"),
    "dpi.info": Message("Dots per inch. The document is read again.", "每英寸点数。文档会重新阅读。"),
    "page_images": Message("Pages of a PDF", "PDF 页面"),
    "page_images.info": Message(
        "A page that is read as it looks takes a picture of its own, so a long text costs an engine more tokens; the "
        "list of documents shows how many. The document is read again.",
        "按原样阅读的每一页都单独成图，长文本会消耗更多词元，文档列表中显示用量。文档会重新阅读。",
    ),
    "page_images.auto": Message("From their text, or as they look where it is no use", "读文字；文字不可用时按原样"),
    "page_images.never": Message("Always from their text", "始终读文字"),
    "page_images.always": Message("Always as they look", "始终按原样"),
    "auto": Message("Default", "默认"),
    **PANEL_TEXTS,
    **PICKER_TEXTS,
}

READ_AGAIN = Message("The document is being read again.", "正在重新阅读文档。")
LOADING = Message("Loading the engine. It may take minutes.", "正在加载引擎，可能需要几分钟。")
ASKED_NEXT = Message(
    "Your question is asked when the answer before it has ended. Stop gives it back.",
    "前一个回答结束后就会提出您的问题。点击停止可取回。",
)


def too_long(pages: int) -> Message:
    """Instead of the engine's message, which names a flag: here there is a button."""
    fit = "only the first page fits. Read that" if pages == 1 else f"the first {pages} pages fit. Read those"
    return Message(
        f"The document is too long for the model: {fit}, or open another file.",
        f"文档超出模型的上下文：能容纳前 {pages} 页。请只读这些页面，或打开其他文件。",
    )


def document_gone() -> GlyphError:
    return GlyphError(
        "window_closed",
        "This document is no longer open. Open its file again.",
        "该文档已不在打开状态。请重新打开文件。",
    )


def listed(things: Iterable[str], language: Language) -> str:
    return ("、" if language == "zh" else ", ").join(things)


def say(key: str, language: Language, **values: object) -> str:
    """A text with its placeholders filled: `{types}` with all types of files, the others with `values`."""
    return TEXTS[key].text(language).format(types=offered_types().text(language), **values)
