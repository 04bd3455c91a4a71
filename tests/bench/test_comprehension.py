"""`bench comprehension`: documents whose answers are known, what answers to them are worth, and a run that goes on."""

import json
import re
from contextlib import closing
from xml.etree import ElementTree

import pytest

from glyph_demo.bench.comprehension import Case, run
from glyph_demo.bench.comprehension_chart import comprehension_chart
from glyph_demo.bench.known_facts import KINDS, Asked, make
from glyph_demo.bench.scores import grade, interval
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines import create_engine
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Finished, Timings, Token, Usage
from glyph_demo.errors import SettingsError
from glyph_demo.settings import Settings, merge
from tests.command import run as command
from tests.fakes import FakeEngine, FakeHandle
from tests.serving.conftest import serving

NEVER = ["theatre", "cable car", "observatory", "剧院", "缆车", "天文台"]  # of the questions that nothing answers


class Oracle(FakeEngine):
    """Says `says` to every question, and reads text too."""

    def __init__(self, says):
        super().__init__()
        self.says = says
        self.asked = 0

    def open_document(self, features=(), source=None):
        self.open_handles += 1
        return OracleHandle(self, features)

    def open_text(self, text):
        return self.open_document()


class OracleHandle(FakeHandle):
    def answer(self, question, history, options):
        self.engine.asked += 1
        yield Token(self.engine.says(question, history))
        yield Finished(Usage(10, 5, 1), Timings(0.1, 0.2, 0.3, 0.6), "stop")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("tokens", [1_000, 8_000, 128_000])
def test_a_document_has_its_size_and_each_answer_once_where_it_is_asked_for(language, tokens):
    made = make(language, tokens, 3)
    assert made == make(language, tokens, 3) != make(language, tokens, 4)
    assert len(made.text) == pytest.approx(tokens * {"en": 4, "zh": 1.5}[language], rel=0.08)
    assert [asked.kind for asked in made.questions] == list(KINDS)
    for asked in made.questions:
        assert all(answer in made.text for answer in asked.answers), asked
        assert bool(asked.answers) is (asked.kind != "absent")
    assert not any(word in made.text for word in NEVER)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_asked_has_one_answer(seed):
    made = make("en", 8_000, seed)
    by_kind = {asked.kind: asked for asked in made.questions}
    place = re.search(r"granary of (\w+)", by_kind["several"].question)[1]
    keepers = re.findall(rf"In \d+, ([\w ]+) had the keys of the granary of {place}\.", made.text)
    assert sorted(keepers) == sorted(by_kind["several"].answers)
    light = re.search(r"lighthouse of (\w+)", by_kind["two steps"].question)[1]
    (keeper,) = re.findall(rf"([A-Z]\w+ \w+) looks after the lighthouse of {light}\.", made.text)
    assert re.findall(rf"{keeper} was born in (\w+)\.", made.text) == list(by_kind["two steps"].answers)
    before = re.search(r"of (\w+)", by_kind["follow-up"].before)[1]
    assert re.findall(rf"The mill of {before} belongs to ([\w ]+)\.", made.text) == list(by_kind["follow-up"].answers)
    row, year = re.search(r"landed at (\w+) in (\d+)", by_kind["table"].question).groups()
    (cells,) = re.findall(rf"^\| {row} \| (.+) \|$", made.text, re.MULTILINE)
    assert cells.split(" | ")[int(year) - 1901] == by_kind["table"].answers[0]


@pytest.mark.parametrize(
    ("answers", "text", "refused", "invents", "verdict"),
    [
        (("1,204.50",), "It cost 1204.50 crowns.", False, False, "right"),
        (("12",), "It is 12.5 metres deep.", False, False, "wrong"),
        (("12",), "It is 13 metres deep.", False, True, "hallucinated"),
        (("Ada Falk", "Ulf Lund"), "Ada Falk.", False, False, "wrong"),
        (("12",), "The document does not say.", False, False, "refused"),
        (("12",), "Nothing on 12.", True, False, "refused"),
        ((), "文档中没有提到。", False, False, "right"),
        ((), "It was painted by Ada Falk.", False, False, "hallucinated"),
    ],
)
def test_an_answer_is_right_wrong_refused_or_made_up(answers, text, refused, invents, verdict):
    assert grade(Asked("needle", "?", answers), text, refused, lambda: invents) == verdict


def test_the_interval_is_wilsons():
    assert interval(10, 10) == (pytest.approx(0.722, abs=1e-3), 1.0)
    assert interval(0, 10) == (0.0, pytest.approx(0.278, abs=1e-3))
    assert interval(81, 263) == (pytest.approx(0.255, abs=1e-3), pytest.approx(0.366, abs=1e-3))


def measured(tmp_path, says, out=None):
    engine = Oracle(says)
    settings = Settings(cache_dir=str(tmp_path))
    made = []
    result = run(settings, out, 1, (1000, 2000), lambda settings: made.append(settings.rendering.dpi) or engine)
    assert made == [0, 96], "an engine may go by how its pages look"
    return engine, result


def test_who_knows_every_answer_has_them_all_right_and_who_invents_is_found_out(tmp_path):
    known = {}
    for tokens, language in ((1000, "en"), (1000, "zh"), (2000, "en"), (2000, "zh")):
        for asked in make(language, tokens, 0).questions:
            known[asked.before, asked.question] = " ".join(asked.answers) or "The document does not say."

    def says(question, history):
        return known.get((history[0].question if history else "", question), "It is so.")

    engine, result = measured(tmp_path, says)
    wholes = [group for group in result["groups"] if group["of"] == "all"]
    assert [(group["way"], group["tokens"]) for group in wholes] == [
        (way, tokens) for way in ("pages", "text", "pages, 96 dpi") for tokens in (1000, 2000)
    ]
    assert all((group["right"], group["questions"], group["accuracy"]) == (14, 14, 1.0) for group in wholes)
    assert engine.open_handles == 0
    _, result = measured(tmp_path, lambda question, history: "It was Zebulon Quixwater in 1066.")
    assert {group["hallucinated"] for group in result["groups"] if group["of"] == "all"} == {14}
    ElementTree.fromstring(comprehension_chart(result))


def test_a_run_goes_on_from_its_file_and_asks_another_engine_anew(tmp_path):
    out = tmp_path / "found.jsonl"
    engine, whole = measured(tmp_path, lambda question, history: "Perhaps.", out)
    assert engine.asked == 12 * (len(KINDS) + 1)
    lines = out.read_text(encoding="utf-8").splitlines()
    out.write_text("\n".join(lines[:-2]) + "\n", encoding="utf-8")
    engine, again = measured(tmp_path, lambda question, history: "Perhaps.", out)
    assert engine.asked == 2 * (len(KINDS) + 1)
    counts = [{name: group[name] for name in ("way", "tokens", "of", "wrong")} for group in whole["groups"]]
    assert [{name: group[name] for name in counts[0]} for group in again["groups"]] == counts
    out.write_text(out.read_text(encoding="utf-8").replace('"fake-1"', '"fake-0"'), encoding="utf-8")
    engine, _ = measured(tmp_path, lambda question, history: "Perhaps.", out)
    assert engine.asked == 12 * (len(KINDS) + 1)


@pytest.mark.parametrize("content", ["no JSON", "[1]", '{"format": 1}'])
def test_a_file_of_something_else_is_left_alone(tmp_path, content):
    out = tmp_path / "found.jsonl"
    out.write_text(content)
    with pytest.raises(SettingsError, match="out_unusable"):
        measured(tmp_path, lambda question, history: "", out)
    assert out.read_text() == content


def test_the_embedded_engine_reads_a_made_document(tmp_path):
    made = Case("pages", 1000, "en", 0).made()
    path = tmp_path / "a.md"
    path.write_text(made.text, encoding="utf-8")
    from glyph_demo.engines.pocket.engine import PocketEngine

    with closing(PocketEngine(Settings())) as engine, closing(DocumentSession(engine, Settings())) as session:
        session.open(path)
        session.current.wait()
        exact = made.questions[KINDS.index("exact")]
        said = "".join(e.text for e in session.current.ask(exact.question, (), AskOptions()) if isinstance(e, Token))
    assert exact.answers[0] in said


def test_the_command_says_what_it_takes(tmp_path):
    done = command("bench", "comprehension", "--documents", "0", "--json")
    assert json.loads(done.stdout)["error"]["code"] == "usage"
    assert done.returncode == 2


def test_a_model_with_random_weights_behind_a_server_is_measured_like_any_other(local_settings, tmp_path):
    """The way there and back, for an engine that only sees pages: what such a model says is noise."""
    local = merge(local_settings, {"inference.max_new_tokens": 8})
    with serving(local, create_engine(local)) as server:
        changes = {"engine": "remote", "remote.urls": f"{server.address}/v1", "inference.max_new_tokens": 8}
        result = run(merge(Settings(cache_dir=str(tmp_path)), changes), documents=1, sizes=(1_000,))
    assert result["engine"] == "remote"
    groups = [group for group in result["groups"] if group["way"] == "pages"]
    assert sum(group["questions"] for group in groups) > 0
    assert all(group["right"] == 0 and group["input"] > 0 for group in groups)
