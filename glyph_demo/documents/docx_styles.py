"""What the formatting of text says of it: that Word does not show it (ECMA-376 part 1, 17.3.2.41 and 17.7.3), or that
it is raised (17.3.2.24 and 17.3.2.42)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from xml.etree.ElementTree import Element

from glyph_demo.documents.docx_xml import W, is_on, value

T = TypeVar("T")

_VANISH = f"{W}rPr/{W}vanish"


class HiddenText:
    """Tells hidden runs and hidden paragraph marks by their own formatting and by their styles."""

    def __init__(self, styles: Element | None) -> None:
        self._own: dict[str, tuple[Element | None, str]] = {}  # style → (its switch, style it is based on)
        self._default = ""
        self._found: dict[str, bool] = {}
        for style in [] if styles is None else styles.iter(f"{W}style"):
            name = value(style, "styleId")
            self._own[name] = (style.find(_VANISH), value(style.find(f"{W}basedOn")))
            if value(style, "type") == "paragraph" and value(style, "default") in ("1", "true", "on"):
                self._default = name

    def paragraph(self, properties: Element | None) -> bool:
        """Whether the style of a paragraph with these properties hides its text."""
        style = None if properties is None else properties.find(f"{W}pStyle")
        return self._style(value(style) or self._default)

    def text(self, properties: Element | None, by_paragraph: bool) -> bool:
        """Whether text with these run properties is hidden, `by_paragraph` being what its paragraph's style says. A
        character style turns that round; direct formatting decides alone."""
        if properties is None:
            return by_paragraph
        direct = properties.find(f"{W}vanish")
        if direct is not None:
            return is_on(direct)
        style = properties.find(f"{W}rStyle")
        return by_paragraph if style is None else by_paragraph != self._style(value(style))

    def _style(self, name: str) -> bool:
        """The nearest switch on the way to the root of the styles."""
        if name not in self._found:
            self._found[name] = is_on(_nearest(self._own, name))
        return self._found[name]


class RaisedText:
    """Tells raised runs by their own formatting, or by their character style."""

    def __init__(self, styles: Element | None) -> None:
        self._own: dict[str, tuple[bool | None, str]] = {}  # style → (whether it raises, style it is based on)
        self._found: dict[str, bool] = {}
        for style in [] if styles is None else styles.iter(f"{W}style"):
            self._own[value(style, "styleId")] = _raises(style.find(f"{W}rPr")), value(style.find(f"{W}basedOn"))

    def text(self, properties: Element | None) -> bool:
        found = _raises(properties)
        if found is None and properties is not None:
            found = self._style(value(properties.find(f"{W}rStyle")))
        return bool(found)

    def _style(self, name: str) -> bool:
        """The nearest that says so on the way to the root of the styles."""
        if name not in self._found:
            self._found[name] = bool(_nearest(self._own, name))
        return self._found[name]


def _nearest(styles: Mapping[str, tuple[T | None, str]], name: str) -> T | None:
    """What a style says, or the nearest that it is based on; `styles` are what each says and what it is based on."""
    seen: set[str] = set()
    found: T | None = None
    while found is None and name in styles and name not in seen:
        seen.add(name)
        found, name = styles[name]
    return found


def _raises(properties: Element | None) -> bool | None:
    """None where these properties do not say."""
    if properties is None:
        return None
    align, position = properties.find(f"{W}vertAlign"), value(properties.find(f"{W}position"))
    if align is None and not position:
        return None
    return value(align) == "superscript" or (position.isdecimal() and int(position) > 0)
