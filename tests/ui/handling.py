"""What tests of the handlers do and look at."""

import re
from pathlib import Path
from types import SimpleNamespace

from glyph_demo.ui.picker_handlers import _picked
from glyph_demo.ui.shelf import numbered
from tests.fakes import finished


def sent(on, visit, *paths):
    """Send files as a page does; the updates of opening them."""
    files = [{"id": kept(on.windows.uploads, "", Path(path))} for path in paths]
    return on.shelf.open_files(visit, SimpleNamespace(files=files), request("en"))


def kept(uploads, visitor, path):
    """The id of a file that this visitor sends."""

    async def chunks():
        yield path.read_bytes()

    return finished(uploads.receive(visitor, path.name, chunks()))


def opened(on, path):
    """Open a file as the upload does; the updates of opening it and of following it to its end."""
    updates = [sent(on, "tab", path), *on.shelf.follow_reading("tab")]
    assert updates
    return updates


def write(tmp_path, name="a.txt", text="A line.\n" * 90):
    path = tmp_path / name
    path.write_text(text)
    return path


def final(updates, component):
    return [u[component] for u in updates if component in u][-1]


def value(update):
    """What an update shows, be it a value or a gr.update."""
    return update["value"] if isinstance(update, dict) else update


def listed(html, mark=""):
    """Names of the documents in the list whose button carries `mark`."""
    return re.findall(f"<button[^>]*{mark}><span class='glyph-name'>(.*?)</span>", html)


def empty_list(on):
    """The list of documents, as the page has it, where there are none."""
    return numbered(on.windows.get("tab").list_number, "")


def request(accept_language):
    return SimpleNamespace(headers={"accept-language": accept_language})


def answers(messages):
    """The words of each answer in the chat, without the numbers of its sources."""
    cards = [message["content"][0].value for message in value(messages) if message["role"] == "assistant"]
    words = [re.search("<div class='glyph-answer'>(.*?)</div>", card)[1] for card in cards]
    return [re.sub("<.*?>", "", re.sub("<button [^>]*glyph-cite.*?</button>", "", each)).strip() for each in words]


def pressing(on, choice, folder="", address="", key="", served="", precision="auto", act="use", model=None):
    """The updates of pressing a button under a choice; that of a download was shown for `model`, or what is chosen."""
    fields = choice, folder, address, key, served, precision
    if act == "confirm" and model is None:
        model = on.picker._wanted(_picked(fields)).model
    return on.picker.act("tab", *fields, SimpleNamespace(act=act, model=model))


def use(on, choice, *fields, **named):
    """Press a button under a choice; the updates."""
    return list(pressing(on, choice, *fields, **named))
