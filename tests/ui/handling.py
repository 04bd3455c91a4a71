"""What tests of the handlers do and look at."""

import re
from types import SimpleNamespace


def opened(on, path):
    """Open a file as the upload does; the updates of opening it and of following it to its end."""
    updates = [on.open_files("tab", [str(path)]), *on.follow("tab")]
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


def request(accept_language):
    return SimpleNamespace(headers={"accept-language": accept_language})
