"""Draws a document's pages one after another and saves each as a picture for front ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glyph_demo.documents.model import Document
from glyph_demo.errors import GlyphError, Message, SettingsError
from glyph_demo.rendering import Line, Page, encode_png, missing_characters, render, resolve_style
from glyph_demo.settings import Settings


@dataclass(frozen=True, slots=True)
class PageView:
    """What front ends need of a page once its pixels have left memory. `number` counts from 1, `span` is (start, end)
    in the Document's text, `size` is (width, height) in pixels, `image` is a PNG file. `picture` is the number of the
    file's page that this is a picture of, 0 for a page that we drew."""

    number: int
    span: tuple[int, int]
    size: tuple[int, int]
    digest: str
    lines: tuple[Line, ...]
    image: Path
    picture: int = 0


def draw(
    document: Document, settings: Settings, style_name: str, folder: Path, warnings: list[Message]
) -> Iterator[tuple[Page, PageView]]:
    """Yield the pages in the settings' range, each with its picture in `folder`. The style is that of the settings, or
    `style_name` where they say `auto`. Adds to `warnings` what is not drawn. Raises SettingsError `no_such_pages`."""
    style = resolve_style(settings.rendering, document.text, style_name)
    first, last = settings.documents.page_range
    drawn = 0
    for page in render(document, style):
        if page.index + 1 < first:
            continue
        if last is not None and page.index + 1 > last:
            warnings.append(_partial(first, last))
            break
        image = picture(folder, page.digest)
        if not image.exists():
            image.write_bytes(encode_png(page.pixels))
        drawn += 1
        yield page, PageView(page.index + 1, page.span, page.size, page.digest, page.lines, image, page.picture)
    if not drawn:
        raise _no_such_pages(settings.documents.pages)
    warnings.extend(_boxes(missing_characters(document.text, style)))


def count_pictures(document: Document, pages: tuple[int, int | None]) -> int | None:
    """How many pages of a document will be drawn, where all are pictures of the file's; else None: how many pages a
    text takes is known when it is laid out. `pages` are the first and the last to draw."""
    if document.images is None or not document.images.numbers:
        return None
    if not all(stretch.picture for stretch in document.stretches()):
        return None
    first, last = pages
    return len(document.images.numbers[first - 1 : last])


def picture(folder: Path, digest: str) -> Path:
    """The file of a page's picture."""
    return folder / f"{digest}.png"


def _partial(first: int, last: int) -> Message:
    return Message(
        f"Only pages {first} to {last} are read, as asked for. The document has more.",
        f"按要求只阅读第 {first} 至 {last} 页。文档还有更多页面。",
    )


def _no_such_pages(pages: str) -> GlyphError:
    return SettingsError(
        "no_such_pages",
        f"The document has no pages in the range '{pages}'. Choose a smaller first page.",
        f"文档中没有“{pages}”范围内的页面。请选择更小的起始页。",
    )


def _boxes(missing: dict[str, int]) -> list[Message]:
    """One warning naming the characters that are drawn as boxes, or none."""
    if not missing:
        return []
    count, shown = sum(missing.values()), _most(missing)
    return [
        Message(
            f"{count} characters are in no font and are drawn as boxes: {shown}. Name another font: rendering.font.",
            f"{count} 个字符没有可用字体，已画成方框：{shown}。可用 rendering.font 指定其他字体。",
        )
    ]


def unreadable(unknown: dict[str, int]) -> list[Message]:
    """One warning naming the characters that the engine's reader does not know, or none."""
    if not unknown:
        return []
    count, shown = sum(unknown.values()), _most(unknown)
    return [
        Message(
            f"{count} characters cannot be read by this engine and may be taken for others: {shown}. "
            "A vision-language model may read them: choose one under Settings → Model (on the command line: --engine "
            "local or remote).",
            f"此引擎无法识别 {count} 个字符，可能会读成别的字符：{shown}。"
            "视觉语言模型或许可以识别：请在“设置 → 模型”中选择（命令行：--engine local 或 remote）。",
        )
    ]


def _most(counts: dict[str, int]) -> str:
    """The ten most frequent characters."""
    return " ".join(sorted(counts, key=lambda character: -counts[character])[:10])
