"""Messages for people when reading or answering fails, in both languages."""

from __future__ import annotations

import errno
import logging

from glyph_demo.errors import DocumentError, GlyphError, card_lost, lost_card, out_of_memory, ran_out_of_memory

log = logging.getLogger(__name__)


def as_user_error(error: Exception) -> GlyphError:
    """The error to show people in place of `error`. Bugs and lost cards are logged."""
    if isinstance(error, GlyphError):
        return error
    if ran_out_of_memory(error):
        return out_of_memory()
    if lost_card(error):
        log.error("the graphics card no longer computes", exc_info=error)
        return card_lost()
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return disk_full()
    log.error("something went wrong inside", exc_info=error)
    return internal_error()


def disk_full() -> GlyphError:
    return GlyphError(
        "disk_full",
        "The disk for temporary files is full. Free some space, or set TMPDIR to another, and open the file again.",
        "临时文件所在的磁盘已满。请清理空间，或将 TMPDIR 指向其他磁盘，然后重新打开文件。",
    )


def internal_error() -> GlyphError:
    return GlyphError(
        "internal",
        "Something went wrong inside. The log has the details; try again, or try another file.",
        "内部出错。日志中有详细信息；请重试，或换一个文件。",
    )


def document_closed() -> GlyphError:
    return DocumentError("document_closed", "This document was closed. Open it again.", "该文档已关闭，请重新打开。")


def no_question() -> GlyphError:
    return GlyphError("no_question", "Type a question first.", "请先输入问题。")


def no_text() -> GlyphError:
    return DocumentError(
        "no_text",
        "This document has no text that could be given as tokens. Ask it as pages.",
        "该文档没有可作为词元输入的文字。请以页面图像方式提问。",
    )
