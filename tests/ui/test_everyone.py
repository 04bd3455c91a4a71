"""One question to all documents that are open."""

import html
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.conversation.table import digest_of
from glyph_demo.settings import load_settings
from glyph_demo.ui.answer_card import answer_card
from glyph_demo.ui.tabs.many import table_view
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.others import answered_together, show_in_table
from tests.ui.handling import final, listed, opened, value, write

TEXT = "A line.\n" * 70 + "This is the quoted line of it.\n" + "A line.\n" * 200


@pytest.fixture
def three(on, tmp_path):
    """The handlers with three documents, two of one name, the last in front."""
    (tmp_path / "b").mkdir()
    for path in (write(tmp_path, "a.txt", TEXT), write(tmp_path / "b", "a.txt", "Other."), write(tmp_path, "c.txt")):
        opened(on, path)
    return on


def ask(on, question="why?", everyone=True):
    return list(on.chat.ask_question("tab", question, everyone))


def card(updates, on):
    return final(updates, on.ui.chat)[-1]["content"][0].value


def place(other, line="0", exchange="0"):
    return SimpleNamespace(exchange=exchange, other=other, line=line)


def test_the_card_has_a_part_for_each_document_that_is_open(three, engine):
    on, engine.token_seconds = three, 0.06
    updates = ask(on)
    engine.token_seconds = 0
    shown = card(updates, on)
    assert [part.split("</h3>")[0] for part in shown.split("<h3>")[1:]] == ["c.txt", "a.txt", "a (2).txt"]
    assert shown.count("data-act='other'") == 2
    assert "turn 1: why?" in re.sub("<.*?>", "", shown.split("<h3>")[2])
    waiting = [u[on.ui.live] for u in updates if "Asking the other documents" in u.get(on.ui.live, "")]
    assert waiting
    assert updates[-1][on.ui.live] == ""
    assert [len(reading.transcript.shown) for reading in on.windows.get("tab").session.documents.values()] == [0, 0, 1]
    assert "<h3>" not in card(ask(on, "only one?", everyone=False), on)
    for odd in (None, "x", 1):
        assert "<h3>" not in card(ask(on, f"odd {odd}", everyone=odd), on)


def test_each_document_is_asked_behind_what_it_answered_itself(three):
    on = three
    ask(on, "who?")
    ask(on, "only one?", everyone=False)
    ask(on, "and when?")
    answers = [(row.question, row.answer) for each in on.windows.get("tab").transcript for row in each.others]
    assert [answer.split("turn ")[1].strip() for _, answer in answers] == ["1: who?"] * 2 + ["2: and when?"] * 2
    assert on.windows.get("tab").transcript[2].answer.strip().endswith("turn 3: and when?")


def test_a_place_in_another_document_is_shown_beside_the_conversation(three):
    on = three
    ask(on)
    updates = [on.shelf.show_other("tab", place("0")), *on.shelf.follow_reading("tab")]
    assert listed(final(updates, on.ui.documents), "aria-current='true'") == ["c.txt"]
    page = final(updates, on.ui.page)
    assert page.count("glyph-box chosen") == 1
    assert "<b>a.txt</b>" in page
    assert on.ui.chat not in updates[0]
    key = on.windows.get("tab").session.documents["1"].key
    assert key in updates[0][on.ui.gallery]
    back = on.on_page("tab", SimpleNamespace(act="front"))
    assert "glyph-beside" not in back[on.ui.page]
    assert key not in back[on.ui.page] + back[on.ui.gallery]
    assert "glyph-box" in back[on.ui.page], "the places of the last answer"
    for odd in ("7", "-1", None, "x"):
        for asked in (place(odd), place("0", odd), place("0", "0", odd)):
            assert on.shelf.show_other("tab", asked) == gr.skip()
    on.shelf.show_other("tab", place("0"))
    assert "glyph-beside" not in on.shelf.remove("tab", "1")[on.ui.page], "it has gone"
    assert "no longer open" in on.shelf.show_other("tab", place("0"))[on.ui.status]


def test_beside_another_document_one_looks_about_in_that(three):
    on = three
    ask(on)
    on.shelf.show_other("tab", place("0"))
    turned = on.on_page("tab", SimpleNamespace(act="page", page="2"))
    assert "data-shown='2'" in turned[on.ui.page]
    assert "glyph-beside" in turned[on.ui.page]
    assert "1 of 1" in on.find("tab", "quoted line")[on.ui.found]
    outline = on.on_page("tab", SimpleNamespace(act="outline", page="1"))
    assert "glyph-beside" not in outline[on.ui.page], "the outline is that of the document in front"
    on.shelf.show_other("tab", place("0"))
    own = on.on_page("tab", SimpleNamespace(act="line", exchange="0", line="0"))
    assert "glyph-beside" not in own[on.ui.page]
    on.shelf.show_other("tab", place("0"))
    assert "glyph-beside" not in on.shelf.select("tab", "3")[on.ui.page]
    on.shelf.show_other("tab", place("0"))
    again = ask(on, "and now?", everyone=False)
    assert "glyph-beside" not in final(again, on.ui.page)
    assert on.windows.get("tab").session.documents["3"].key in final(again, on.ui.gallery)


def test_a_document_that_was_closed_is_read_again_beside_the_one_in_front(three):
    on = three
    ask(on)
    window = on.windows.get("tab")
    session = window.session
    session.configure(replace(session.settings, store=replace(session.settings.store, open_documents=1)))
    session.documents["1"].cancel()
    updates = [on.shelf.show_other("tab", place("0")), *on.shelf.follow_reading("tab")]
    assert final(updates, on.ui.page).count("glyph-box chosen") == 1
    assert [session.documents[each].state for each in "13"] == ["ready", "ready"]
    assert session.current_id == "3"
    window.focus = replace(window.focus, file_page=12)
    session.documents["1"].cancel()
    assert window.looked_at is session.documents["3"], "as when another engine takes over"
    page = on.on_page("tab", SimpleNamespace(act="show", what="original"))[on.ui.page]
    assert "glyph-beside" not in page
    assert (window.beside, window.focus) == ("", window.last_focus())


def test_the_list_says_which_documents_are_asked(three):
    on = three
    window = on.windows.get("tab")
    assert "checkbox" not in final(on.shelf.follow_reading("tab"), on.ui.documents)
    boxes = on.shelf.ask_together("tab", True)[on.ui.documents]
    assert re.findall("data-id='(.)' aria-label='Ask [^']*'( [a-z ]*)>", boxes) == [
        ("1", " checked"),
        ("2", " checked"),
        ("3", " checked disabled"),
    ]
    boxes = on.shelf.on_document("tab", SimpleNamespace(act="together", id="1"))[on.ui.documents]
    assert re.findall("data-id='(.)' aria-label='Ask [^']*' checked", boxes) == ["2", "3"]
    ask(on)
    assert [row.file for row in window.transcript[0].others] == ["a.txt"]
    assert window.session.documents["2"].path.exists()
    on.shelf.on_document("tab", SimpleNamespace(act="together", id="2"))
    assert "<h3>" not in card(ask(on, "alone?"), on)
    on.shelf.on_document("tab", SimpleNamespace(act="together", id="1"))
    ask(on, "and again?")
    assert len(window.transcript[2].others) == 1


def test_of_a_document_only_the_pages_are_asked_that_were_read(three):
    on = three
    on.windows.get("tab").session.documents["1"].cancel()
    on.windows.get("tab").select("1", pages="1-1")
    list(on.shelf.follow_reading("tab"))
    on.windows.get("tab").select("3")
    ask(on)
    others = {row.digest: row.answer.split(" pages")[0] for row in on.windows.get("tab").transcript[0].others}
    first = on.windows.get("tab").session.documents["1"]
    assert others[digest_of(first.path)] == "1"
    assert len(first.pages) == 1


def test_what_is_shown_of_a_document_stays_while_the_others_are_asked(three, engine):
    on, engine.token_seconds = three, 0.06
    ask(on, everyone=False)
    asked = on.chat.ask_question("tab", "one two three", True)
    for updates in asked:
        if "Asking the other documents" in updates.get(on.ui.live, ""):
            break
    assert "data-exchange='1'" in updates[on.ui.live], "its places can be shown already"
    on.on_page("tab", SimpleNamespace(act="page", page="1"))
    on.on_page("tab", SimpleNamespace(act="line", exchange="0", line="0"))
    looked_at = on.windows.get("tab").focus
    engine.token_seconds = 0
    rest = list(asked)
    assert rest
    assert on.windows.get("tab").focus is looked_at


def test_what_another_document_has_of_its_answer_is_a_link_into_it_and_what_it_has_not_is_marked(on, tmp_path):
    for name, depth in (("a.txt", "14.2"), ("b.txt", "9.7")):
        opened(on, write(tmp_path, name, "A line.\n" * 200 + f"The pier is {depth} metres deep.\n"))
    updates = ask(on, "Is it 14.2 or 9.7?")
    front, other = card(updates, on).split("<div class='glyph-other'>")
    assert re.search("title='not found in the document'>14.2<", front)
    assert re.search("title='not found in the document'>9.7<", other)
    found = re.search("data-act='other' data-event='select' data-exchange='0' data-other='0' data-claim='(.)'", other)
    assert "1 of 4 figures found" in other, "it also counts pages and turns"
    assert "<li>" in other, "the place is not named in the words"
    exchange = on.windows.get("tab").transcript[0]
    reload = Windows(on.windows.switch.engine, load_settings())
    assert reload.get("tab").transcript[0].others[0].claims == exchange.others[0].claims
    reload.close_all()
    clicked = SimpleNamespace(exchange="0", other="0", claim=found[1])
    updates = [on.shelf.show_other("tab", clicked), *on.shelf.follow_reading("tab")]
    assert listed(final(updates, on.ui.documents), "aria-current='true'") == ["b.txt"]
    assert "<b>a.txt</b>" in final(updates, on.ui.page)
    assert final(updates, on.ui.page).count("glyph-box chosen") == 1
    assert on.windows.get("tab").view.number > 1
    on.shelf.select("tab", "2")
    absent = next(str(number) for number, claim in enumerate(exchange.others[0].claims) if claim.place is None)
    for odd in (absent, "9", "-1", "x"):
        assert on.shelf.show_other("tab", SimpleNamespace(exchange="0", other="0", claim=odd)) == gr.skip()


def test_all_parts_are_copied_under_the_names_of_their_documents(three):
    on = three
    on.shelf.on_document("tab", SimpleNamespace(act="named", id="1", name="The <lease>"))
    shown = card(ask(on), on)
    copied = html.unescape(re.search("data-text='([^']*)'", shown)[1])
    first, second, third = copied.split("\n\n")
    assert re.fullmatch("c.txt\n. pages, turn 1: why\\? ?", first)
    assert re.fullmatch("The <lease>\n. pages, turn 1: why\\? ?", second)
    assert third.startswith("a (2).txt\n")


def test_what_all_were_asked_is_found_again_exported_and_asked_of_all_again(three):
    on = three
    ask(on)
    markdown = on.chat.export_conversation("tab", "md")["text"]
    assert "### a (2).txt\n\n1 pages, turn 1: why?" in markdown
    (exchange,) = json.loads(on.chat.export_conversation("tab", "json")["text"])["exchanges"]
    assert [row["file"] for row in exchange["others"]] == ["a.txt", "a (2).txt"]
    assert exchange["others"][0]["quotes"][0]["file_page"] is None
    updates = list(on.chat.edit_question("tab", SimpleNamespace(index=0, value="how?")))
    others = on.windows.get("tab").transcript[0].others
    assert [row.question for row in others] == ["how?", "how?"]
    assert card(updates, on).count("<h3>") == 3
    windows = Windows(on.windows.switch.engine, load_settings())
    assert windows.get("tab").transcript[0].others == others
    windows.close_all()


def test_a_stop_ends_the_asking_of_the_others(three, engine):
    on, engine.token_seconds = three, 0.06
    asked = on.chat.ask_question("tab", "one two three", True)
    for updates in asked:
        if "Asking the other documents" in updates.get(on.ui.live, ""):
            on.windows.get("tab")._stopping.set()
            break
    *_, last = asked
    assert len(value(last[on.ui.chat])) == 2
    assert last[on.ui.live] == ""
    assert not on.windows.get("tab").busy
    (exchange,) = on.windows.get("tab").transcript
    assert len(exchange.others) < 2
    told = exchange.notices[-1]
    assert told.en.startswith("Not answered: ")
    assert told.en.count(".txt") == 2 - len(exchange.others)
    assert html.escape(told.en) in value(last[on.ui.chat])[-1]["content"][0].value


def test_alone_a_document_is_asked_as_ever(on, tmp_path):
    opened(on, write(tmp_path))
    assert "<h3>" not in card(ask(on), on)


def test_an_engine_that_breaks_at_the_others_is_told(three, engine, monkeypatch):
    on = three

    def broken(self):
        raise RuntimeError("no engine")

    with monkeypatch.context() as patched:
        patched.setattr(type(engine), "identity", property(broken))
        updates = ask(on)
    assert "Something went wrong inside" in final(updates, on.ui.status)
    assert not on.windows.get("tab").busy


def test_a_document_that_fails_says_so_and_the_others_answer(three):
    on = three
    on.windows.get("tab").session.documents["1"].path.write_text("")
    shown = card(ask(on), on)
    assert shown.count("glyph-notice error") == 1
    assert shown.count("data-act='other'") == 1


def test_what_was_asked_of_several_is_shown_as_a_table_which_asks_nothing_again(three, engine):
    on = three
    window = on.windows.get("tab")
    table = window.table_run
    show_in_table(window.session, table, "en")
    assert not table.files, "nothing was asked of several"
    ask(on, "why?")
    ask(on, "only one?", everyone=False)
    on.shelf.on_document("tab", SimpleNamespace(act="together", id="2"))
    ask(on, "how?")
    show_in_table(window.session, table, "en")
    assert table.questions == ("why?", "how?")
    assert sorted(table.files) == ["a (2).txt", "a.txt", "c.txt"]
    said = {at: row.answer for at, row in table.rows().items()}
    first, second = window.transcript[0], window.transcript[2]
    assert said["c.txt", "why?"] == first.answer
    assert said["c.txt", "how?"] == second.answer
    assert sorted(said) == [
        ("a (2).txt", "why?"),
        ("a.txt", "how?"),
        ("a.txt", "why?"),
        ("c.txt", "how?"),
        ("c.txt", "why?"),
    ]
    assert table_view(table, "en").count("data-act='quote'") >= 5
    assert not [row for row in table.rows().values() if any("Not answered" in notice for notice in row.notices)]
    asked = []
    session, opening = window.session, engine.open_document
    engine.open_document = lambda *given, **named: asked.append(given) or opening(*given, **named)
    table.start(engine, session.settings, session.store, "why?\nhow?", "en")
    table._thread.join(60)
    assert len(asked) == 1, "the one that was left out"
    assert len(table.rows()) == 6
    first.regions = tuple(replace(region, digest="of pages before") for region in first.regions)
    changed = answered_together(session, [first], "en")[0]
    assert changed.engine == "", "so it is asked again"
    on.windows.get("tab").clear()
    show_in_table(window.session, table, "en")
    assert len(table.rows()) == 6, "there is nothing to take over"


def test_what_was_asked_of_several_since_comes_into_the_table_beside_what_it_has(three):
    on = three
    window = on.windows.get("tab")
    table = window.table_run
    ask(on, "why?")
    window.show_in_table("")
    said = table.rows()
    ask(on, "how?")
    window.show_in_table("something else?")
    assert table.questions == ("why?",)
    for typed in ("why?\n\n", "why?\nhow?", ""):
        window.show_in_table(typed)
        assert table.questions == ("why?", "how?")
        assert len(table.rows()) == 6
    assert said.items() <= table.rows().items()
    table.remove("a.txt")
    table.forget()
    window.show_in_table("")
    assert (list(table.files), table.rows()) == (["a (2).txt", "c.txt"], {}), "what was taken away stays away"
    ask(on, "when?")
    window.show_in_table("")
    assert list(table.rows()) == [(name, "when?") for name in ("a (2).txt", "c.txt", "a.txt")]
    on.windows.close("tab")
    window = on.windows.get("tab")
    window.show_in_table("")
    assert len(window.table_run.rows()) == 3, "after a restart too"
    window.table_run.clear()
    window.show_in_table("")
    assert not window.table_run.files
    window.show_in_table("", again=True)
    assert len(window.table_run.rows()) == 9
    assert "tabled" not in on.chat.export_conversation("tab", "json")["text"]


def test_a_place_that_the_words_name_and_link_is_not_said_once_more(three):
    on = three
    ask(on)
    (exchange,) = on.windows.get("tab").transcript
    row = exchange.others[0]
    place = on.windows.get("tab").session.documents["3"].find("line")[0]
    claim = Claim(0, 1, "name", place)
    line = row.quotes[0]
    quoted = f"“{line.text}”"
    named = f"{quoted} (page {line.page}, line {line.line})."

    def listed_places(answer, claims):
        exchange.others = (replace(row, answer=answer, claims=claims),)
        return answer_card(exchange, 0, "en").count("<li>")

    assert listed_places(named, (claim,)) == listed_places(quoted, (claim,)) - 1
    assert listed_places(named, ()) == listed_places(quoted, ()), "nothing leads there else"
    assert listed_places(named.replace(").", "0)."), (claim,)) == listed_places(quoted, (claim,)), "another line"
