"""Errors of a window, in both languages. They are made anew for each raise: an instance raised twice would collect
tracebacks."""

from __future__ import annotations

from glyph_demo.errors import GlyphError, Message

LONG_NAME = 60  # characters of a file name in a message

UPLOAD_NOT_KEPT = Message(
    "It could not be kept: the disk for temporary files is full or cannot be written. Free some space, or set TMPDIR "
    "to another.",
    "无法保存：临时文件所在的磁盘已满或不可写。请清理空间，或将 TMPDIR 指向其他磁盘。",
)
UPLOAD_BROKE_OFF = Message(
    "It did not come through. Choose it again; instead of a folder, choose the files in it.",
    "上传未完成。请重新选择；若是文件夹，请选择其中的文件。",
)
NO_SUCH_UPLOAD = Message("A file is not here any more. Choose it again.", "某个文件已不存在。请重新选择。")


def answer_running() -> GlyphError:
    return GlyphError(
        "busy", "An answer is still being written. Stop it, or wait for it.", "上一个回答仍在生成。请停止它或等它结束。"
    )


def table_running() -> GlyphError:
    return GlyphError(
        "busy",
        "The documents are being asked already. Stop it, or wait for it.",
        "已在向这些文档提问。请停止它或等它结束。",
    )


def no_files() -> GlyphError:
    return GlyphError("no_files", "Choose documents first.", "请先选择文档。")


def too_many_questions(most: int) -> GlyphError:
    return GlyphError(
        "too_many_questions",
        f"At most {most} questions can be asked at a time, one on each line. Remove some, and ask them afterwards.",
        f"一次最多提出 {most} 个问题，每行一个。请移除一些，稍后再问。",
    )


def too_many_windows(most: int) -> GlyphError:
    return GlyphError(
        "too_many_windows",
        f"{most} windows are at work already. Close one, or wait for its answer, and reload this page.",
        f"已有 {most} 个窗口正在工作。请关闭一个或等它完成，然后重新加载本页。",
    )


def of_file(name: str, message: Message) -> Message:
    """A message about one of perhaps several files, with its name before it."""
    shown = name if len(name) <= LONG_NAME else f"{name[: LONG_NAME // 2]}…{name[-LONG_NAME // 2 :]}"
    return Message(f"{shown}: {message.en}", f"{shown}：{message.zh}")
