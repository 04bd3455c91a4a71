"""What follows the reading of documents: it ends with what is so, whatever came meanwhile."""

from functools import partial
from types import SimpleNamespace

from glyph_demo.settings import load_settings
from glyph_demo.ui.app import window_app
from glyph_demo.ui.shelf import document_list
from glyph_demo.windows.collection import Windows
from tests.ui.handling import sent, write


def test_what_came_while_the_last_of_a_reading_was_on_its_way_is_shown_after_it(on, tmp_path):
    sent(on, "tab", write(tmp_path, text="A line.\n" * 400))
    window = on.windows.get("tab")
    window.reading.wait()
    assert window.reading.overview is not None, "all is known, so that the first update is the last"
    turned, shown = False, []
    for updates in on.shelf.follow_reading("tab"):
        shown += [updates[on.ui.page]] if on.ui.page in updates else []
        if shown and not turned:
            turned = window.turn_to(2)  # by another event, whose page may come first
    assert turned
    assert "Page 2" in shown[-1]


def test_what_is_followed_is_sent_once_and_a_later_follower_takes_over(on, engine, tmp_path):
    engine.page_seconds = 0.3
    sent(on, "tab", write(tmp_path))
    first = on.shelf.follow_reading("tab")
    next(first)
    updates = list(on.shelf.follow_reading("tab"))
    assert all(updates)
    lists = [u[on.ui.documents] for u in updates[:-1] if on.ui.documents in u]  # the last has all of it once more
    assert len(lists) == len(set(lists))
    # What the first sent may have come behind all of that: it ends with what is so now, once.
    [last] = first
    assert last[on.ui.documents] == updates[-1][on.ui.documents] == document_list(on.windows.get("tab"))


def test_a_follower_that_another_has_replaced_leaves_no_list_of_before(on, tmp_path):
    sent(on, "tab", write(tmp_path))
    window = on.windows.get("tab")
    window.reading.wait()
    pressed = partial(SimpleNamespace, id=window.session.current_id)
    on.shelf.on_document("tab", pressed(act="rename"))
    first = on.shelf.follow_reading("tab")
    assert "<input" in next(first)[on.ui.documents]
    on.shelf.on_document("tab", pressed(act="named", name="Another"))
    list(on.shelf.follow_reading("tab"))
    [last] = first
    assert "Another" in last[on.ui.documents]
    assert "<input" not in last[on.ui.documents]


def test_after_a_download_the_documents_that_the_engine_reads_anew_are_followed(engine):
    events = {event._id: event for event in window_app(Windows(engine, load_settings())).fns.values()}
    names = {number: getattr(event.fn, "__qualname__", "") for number, event in events.items()}
    downloads = {n for n, name in names.items() if name in ("DownloadHandlers.on_offer", "DownloadHandlers.follow")}
    followers = [event for n, event in events.items() if names[n] == "ShelfHandlers.follow_reading"]
    assert len(downloads) == 3
    assert downloads <= {event.trigger_after for event in followers}
