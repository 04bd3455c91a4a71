"""What pdfium takes as it comes and should not, changed by pypdf before pdfium sees it: layers that are off get a name
of ours, forms that are on such a layer or contain themselves are not drawn."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pypdf
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject

OFF = "glyph-demo: this layer is off"


def mended(reader: pypdf.PdfReader, always: bool = False) -> bytes | None:
    """The file with the changes that it needs, without its passwords; None if it needs none and is not wanted
    `always`. `reader` must not be used afterwards. Raises whatever pypdf does on a broken file."""
    layers = _Layers(reader.root_object.get("/OCProperties"))
    changes = _Changes(layers)
    for page in reader.pages:
        changes.look_at(page.get("/Resources"), ())
        if layers.some_are_off and "/Annots" in page:
            notes = page["/Annots"].get_object()
            shown = [each for each in _items(notes) if not layers.hides(each.get_object().get("/OC"))]
            page[NameObject("/Annots")] = ArrayObject(shown)
    if not (always or changes.made or layers.some_are_off):
        return None
    if "/Size" not in reader.trailer:  # the table of objects was rebuilt; the writer asks for its length
        numbers = [number for entries in reader.xref.values() for number in entries]
        reader.trailer[NameObject("/Size")] = NumberObject(max(numbers, default=0) + 1)
    out = io.BytesIO()
    pypdf.PdfWriter(clone_from=reader).write(out)
    return out.getvalue()


class _Layers:
    """Which optional content a viewer shows when it opens the file (ISO 32000-1, 8.11)."""

    def __init__(self, properties: Any) -> None:
        properties = _dictionary(properties)
        config = _dictionary(properties.get("/D"))
        groups = list(_items(properties.get("/OCGs")))
        off = set(_keys(config.get("/OFF")))
        if config.get("/BaseState") == "/OFF":
            off |= {_key(group) for group in groups} - set(_keys(config.get("/ON")))
        for usage in _items(config.get("/AS")):  # the states that a program sets by what it does: on a screen, view
            usage = _dictionary(usage)
            if usage.get("/Event") == "/View":
                for group in _items(usage.get("/OCGs")):
                    state = _dictionary(_dictionary(_dictionary(group).get("/Usage")).get("/View")).get("/ViewState")
                    off = off - {_key(group)} if state == "/ON" else off | {_key(group)} if state == "/OFF" else off
        self._off = off

    @property
    def some_are_off(self) -> bool:
        return bool(self._off)

    def hides(self, content: Any) -> bool:
        """Whether what belongs to this group, or to this membership of groups, is not shown."""
        content, given = _dictionary(content), content
        if content.get("/Type") != "/OCMD":
            return given is not None and _key(given) in self._off
        if "/VE" in content:
            return not self._holds(content["/VE"], depth=0)
        groups = content.get("/OCGs")
        shown = (
            [key not in self._off for key in (_keys(groups) if _is_list(groups) else [_key(content.raw_get("/OCGs"))])]
            if groups
            else []
        )
        policy = content.get("/P", "/AnyOn")
        holds = {"/AllOn": all(shown), "/AnyOff": not all(shown), "/AllOff": not any(shown)}.get(policy, any(shown))
        return bool(shown) and not holds

    def _holds(self, expression: Any, depth: int) -> bool:
        """A visibility expression: a group, or [/And ...], [/Or ...], [/Not one]."""
        if not _is_list(expression) or depth > 20:
            return _key(expression) not in self._off
        operator, *operands = list(expression.get_object())
        values = [self._holds(operand, depth + 1) for operand in operands]
        return not any(values) if operator == "/Not" else all(values) if operator == "/And" else any(values)


class _Changes:
    def __init__(self, layers: _Layers) -> None:
        self.made = False
        self._layers = layers
        self._seen: set[Any] = set()

    def look_at(self, resources: Any, around: tuple[Any, ...]) -> None:
        """Names hidden layers and takes forms out of `resources`, and of those of the forms in it. `around` are the
        forms that it is in."""
        resources = _dictionary(resources)
        for content in _dictionary(resources.get("/Properties")).values() if self._layers.some_are_off else ():
            if self._layers.hides(content):
                _dictionary(content)[NameObject("/Name")] = TextStringObject(OFF)
        forms = _dictionary(resources.get("/XObject"))
        for name, form in list(dict.items(forms)):
            content = _dictionary(form)
            if _key(form) in around or self._layers.hides(dict.get(content, "/OC")):
                del forms[name]
                self.made = True
            elif content.get("/Subtype") == "/Form" and _key(form) not in self._seen:
                self._seen.add(_key(form))
                self.look_at(content.get("/Resources"), (*around, _key(form)))


def _dictionary(given: Any) -> DictionaryObject:
    found = given.get_object() if given is not None else None
    return found if isinstance(found, DictionaryObject) else DictionaryObject()


def _is_list(given: Any) -> bool:
    return given is not None and isinstance(given.get_object(), ArrayObject)


def _items(given: Any) -> Iterator[Any]:
    """The items of a list as the file has them, so that references stay such."""
    return iter(list.copy(given.get_object())) if _is_list(given) else iter(())


def _keys(given: Any) -> list[Any]:
    return [_key(item) for item in _items(given)]


def _key(given: Any) -> Any:
    """What is the same for the same object of the file."""
    return (
        getattr(given, "idnum", None) or getattr(getattr(given, "indirect_reference", None), "idnum", None) or id(given)
    )
