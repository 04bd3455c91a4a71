"""What can be wrong with an upload. Codes are stable; every message ends with what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glyph_demo.documents.file_types import FileType, offered_types
from glyph_demo.errors import DocumentError, Message

_PROBLEMS = {
    "unreadable": (
        "The file cannot be opened ({reason}). Check that it still exists and upload it again.",
        "无法打开文件（{reason}）。请确认文件仍然存在，然后重新上传。",
    ),
    "empty_file": (
        "The file is empty (0 bytes). Upload it again or choose another file.",
        "文件是空的（0 字节）。请重新上传或选择其他文件。",
    ),
    "no_text": ("The file holds no text. Choose a file with text in it.", "文件中没有文字。请选择含有文字的文件。"),
    "too_large": (
        "The file has {size} MB; the limit is {limit} MB. Split it, or raise documents.max_file_mb.",
        "文件大小为 {size} MB，上限为 {limit} MB。请拆分文件，或调高 documents.max_file_mb。",
    ),
    "too_many_characters": (
        "The text is longer than {limit} characters. Split the file, or raise documents.max_characters.",
        "文字超过 {limit} 个字符。请拆分文件，或调高 documents.max_characters。",
    ),
    "too_many_pages": (
        "The PDF has {count} pages; the limit is {limit}. Split it, or raise documents.max_pages.",
        "PDF 有 {count} 页，上限为 {limit} 页。请拆分文件，或调高 documents.max_pages。",
    ),
    "too_slow": (
        "Reading the file took longer than {limit} seconds. Split it, or raise documents.max_seconds.",
        "读取文件超过 {limit} 秒。请拆分文件，或调高 documents.max_seconds。",
    ),
    "too_complex": (
        "Reading the file needs more memory or time than allowed. Save it anew from its program, or split it.",
        "读取文件所需的内存或时间超出限制。请用原程序重新保存，或拆分文件。",
    ),
    "password": (
        "The file is protected by a password. Save a copy without a password and upload that.",
        "文件受密码保护。请另存一份不带密码的副本后上传。",
    ),
    "no_pages": (
        "The PDF has no pages. Save it anew from its program and upload it again.",
        "PDF 没有任何页面。请用原程序重新保存后再上传。",
    ),
    "xfa_form": (
        "The PDF is a form in XML (XFA) that only its own viewer shows, and nothing is filled in. Open it in that "
        "viewer, such as Adobe Reader, print it to a PDF and upload that.",
        "该 PDF 是 XML 表单（XFA），只能由其专用阅读器显示，且没有已填写的内容。"
        "请用该阅读器（如 Adobe Reader）打开，打印为 PDF 后上传。",
    ),
    "no_text_layer": (
        "The PDF has no text layer: its {count} page(s) are pictures. "
        "Choose another way under “Pages of a PDF” in the window's settings (on the command line: --page-images auto).",
        "PDF 没有文字层：{count} 页都是图片。请在窗口设置的“PDF 页面”中选择其他方式（命令行：--page-images auto）。",
    ),
    "damaged": (
        "The {kind} file is damaged or cut off. Download it again, or save it anew from its program.",
        "{kind} 文件已损坏或不完整。请重新下载，或用原程序重新保存。",
    ),
    "not_a_document": (
        "The file is not {types}. Save it as one of these and upload that.",
        "文件不是 {types}。请另存为其中一种格式后上传。",
    ),
    "other_format": (
        "{name} files cannot be opened. Save or export the file as {instead} in its own program and upload that.",
        "无法打开 {name} 文件。请用原程序另存或导出为 {instead}，然后上传。",
    ),
    "too_many_slides": (
        "The presentation has {count} slides; the limit is {limit}. Split it, or raise documents.max_pages.",
        "演示文稿有 {count} 张幻灯片，上限为 {limit} 张。请拆分文件，或调高 documents.max_pages。",
    ),
    "bad_encoding": (
        "The text cannot be read as '{encoding}'. Set documents.encoding to auto, or to the encoding it was saved in.",
        "无法按“{encoding}”读取文字。请将 documents.encoding 设为 auto，或设为保存文件时所用的编码。",
    ),
}

_MAX_RANGES = 10
_COMMA = ", "

_MISNAMED = (
    "The file is named {suffix} but its content is not {kind}. Save it as {kind} from its program and upload it again.",
    "文件扩展名是 {suffix}，但内容不是 {kind}。请用原程序另存为 {kind} 后再上传。",
)

_WARNINGS = {
    # Plain text, and types that are written as text.
    "guessed_encoding": (
        "Read as {encoding}. If it looks wrong, save the file as UTF-8 and upload it again (on the command line, name "
        "the encoding: --encoding).",
        "已按 {encoding} 编码读取。如显示有误，请将文件另存为 UTF-8 后重新上传（命令行：用 --encoding 指定编码）。",
    ),
    "bad_bytes": (
        "{count} place(s) in the text could not be decoded. If it looks wrong, save the file as UTF-8 and upload it "
        "again (on the command line, name the encoding: --encoding).",
        "文字中有 {count} 处无法解码。如显示有误，请将文件另存为 UTF-8 后重新上传（命令行：用 --encoding 指定编码）。",
    ),
    # PDF.
    "pictures_left_out": (
        "Page(s) {pages} are pictures without text and are left out. To have them read, choose another way under "
        "“Pages of a PDF” in the window's settings (on the command line: --page-images auto).",
        "第 {pages} 页是没有文字的图片，已略过。如需读取，请在窗口设置的“PDF 页面”中选择其他方式"
        "（命令行：--page-images auto）。",
    ),
    "read_as_images": (
        "Page(s) {pages} are read from their image, because their text is missing or cannot be relied on.",
        "第 {pages} 页缺少文字或文字不可靠，已按页面图像阅读。",
    ),
    "unreadable_pages": (
        "Page(s) {pages} are damaged and are left out. If they matter, save the PDF anew from its program.",
        "第 {pages} 页已损坏，已略过。如需这些页面，请用原程序重新保存 PDF。",
    ),
    "figures": (
        "{count} picture(s) or chart(s) on page(s) {pages} were not read. If they matter, choose “Always as they look” "
        "under “Pages of a PDF” in the window's settings (on the command line: --page-images always).",
        "第 {pages} 页上有 {count} 个图片或图表未读取。如需读取，请在窗口设置的“PDF 页面”中选择“始终按原样”"
        "（命令行：--page-images always）。",
    ),
    "attached_files": (
        "{count} attached file(s) were not read: {names}. Save them from a PDF viewer and upload them one by one.",
        "有 {count} 个附件未读取：{names}。请在 PDF 阅读器中保存附件，然后逐个上传。",
    ),
    "xfa_form": (
        "This is a form in XML (XFA): only the values filled in were read. To have all of it read, open it in its own "
        "viewer, such as Adobe Reader, print it to a PDF and upload that.",
        "这是 XML 表单（XFA）：只读取了已填写的内容。如需读取全部，请用其专用阅读器（如 Adobe Reader）打开，"
        "打印为 PDF 后上传。",
    ),
    "hidden_layers": (
        "Layers that are switched off were left out: {names}. If they matter, switch them on in a PDF viewer, save the "
        "file and upload it again.",
        "已略过处于关闭状态的图层：{names}。如需读取，请在 PDF 阅读器中打开这些图层，保存后重新上传。",
    ),
    "media": (
        "Sound, video or 3D on page(s) {pages} was not read. If it matters, upload a text of it.",
        "第 {pages} 页上的音频、视频或 3D 内容未读取。如需使用，请上传其文字稿。",
    ),
    # DOCX.
    "pictures_not_read": (
        "{count} picture(s) without a description are not read. If they hold text, type it below them.",
        "有 {count} 张没有说明文字的图片，未读取。如果图片中有文字，请在图片下方输入这些文字。",
    ),
    "embedded_files": (
        "{count} embedded file(s) are not read: {names}. If they matter, save them from the document and upload them.",
        "有 {count} 个嵌入的文件未读取：{names}。如需其内容，请从文档中另存后上传。",
    ),
    "unread_chunks": (
        "{count} inserted document(s) could not be read. Open the file in Word, save it anew and upload that.",
        "有 {count} 个插入的文档无法读取。请用 Word 打开文件，重新保存后上传。",
    ),
    "unknown_symbols": (
        "{count} symbol(s) of unusual fonts are shown as �. If they matter, replace them by Insert > Symbol.",
        "有 {count} 个特殊字体的符号显示为 �。如需这些符号，请用“插入 > 符号”替换。",
    ),
    "active_controls": (
        "{count} ActiveX control(s) are not read. If what they show matters, type it into the document.",
        "有 {count} 个 ActiveX 控件未读取。如需其显示的内容，请输入到文档中。",
    ),
    "missing_parts": (
        "{count} part(s) of the file are missing and left out. If text is missing, save the file anew in its program.",
        "文件缺少 {count} 个部分，已略过。如缺少文字，请用原程序重新保存文件。",
    ),
    # Other types.
    "attachments": (
        "{count} attached file(s) were not read: {names}. Save them and upload them by themselves.",
        "有 {count} 个附件未读取：{names}。请将其另存后单独上传。",
    ),
    "hidden_slides": (
        "{count} hidden slide(s) were left out. If they matter, show them in the presentation and save it anew.",
        "已略过 {count} 张隐藏的幻灯片。如需读取，请在演示文稿中取消隐藏并重新保存。",
    ),
    "embedded_objects": (
        "{count} embedded object(s) are not read. If they matter, open them, save them and upload them by themselves.",
        "有 {count} 个嵌入的对象未读取。如需其内容，请打开后另存，再单独上传。",
    ),
    "hidden_sheets": (
        "{count} hidden sheet(s) were left out: {names}. If they matter, show them in the workbook and save it anew.",
        "已略过 {count} 个隐藏的工作表：{names}。如需读取，请在工作簿中取消隐藏并重新保存。",
    ),
    "hidden_cells": (
        "{rows} hidden row(s) and {columns} hidden column(s) were left out. If they matter, show them and save anew.",
        "已略过 {rows} 个隐藏行和 {columns} 个隐藏列。如需读取，请取消隐藏并重新保存。",
    ),
    "formulas_without_value": (
        "{count} formula(s) have no result in the file. Open it in its program and save it anew.",
        "文件中有 {count} 个公式没有计算结果。请用原程序打开并重新保存。",
    ),
    "comments_left_out": (
        "{count} comment(s) were left out. If they matter, save the document with comments as a PDF.",
        "已略过 {count} 条批注。如需读取，请将文档连同批注另存为 PDF。",
    ),
}


def problem(code: str, **values: Any) -> DocumentError:
    """The DocumentError of a code, its placeholders filled with `values`, `{types}` with all types of files."""
    en, zh = _PROBLEMS[code]
    types = offered_types()
    return DocumentError(code, en.format(types=types.en, **values), zh.format(types=types.zh, **values))


def misnamed(file_type: FileType, suffix: str) -> DocumentError:
    """A file whose suffix promises what its content is not: `not_a_pdf`, `not_a_docx`, ..."""
    en, zh = (text.format(suffix=suffix, kind=file_type.name) for text in _MISNAMED)
    return DocumentError(f"not_a_{file_type.name.lower()}", en, zh)


def page_ranges(numbers: Iterable[int]) -> str:
    """Ascending page numbers as people write them, such as "3, 7–9"; an ellipsis after ten."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    texts = [f"{first}–{last}" if first < last else str(first) for first, last in ranges]
    return _COMMA.join(texts[:_MAX_RANGES]) + (f"{_COMMA}…" if len(texts) > _MAX_RANGES else "")


def chinese_ranges(ranges: str) -> str:
    """`page_ranges` as a Chinese sentence has them."""
    return ranges.replace(_COMMA, "、")


def warning(code: str, **values: Any) -> Message:
    """The Message of a code, its placeholders filled with `values`."""
    en, zh = _WARNINGS[code]
    chinese = values | {"pages": chinese_ranges(values["pages"])} if "pages" in values else values
    return Message(en.format(**values), zh.format(**chinese))
