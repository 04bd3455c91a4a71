"""What the reader does not know is named, and an answer that is not found says why."""

from pathlib import Path

import pytest

from glyph_demo.engines.loading import LoadingEngine
from glyph_demo.settings import Settings
from tests.engines.pocket.asking import ask, opened
from tests.fakes import FakeEngine

CASES = Path(__file__).parents[2] / "cases"
ENGLISH = "The pilot plant cost 1,240,000 crowns and was built in 2019. The county paid for two thirds of it.\n"
CHINESE = "改造工程总投资为一千二百四十万元，于二〇一九年完工。县政府承担三分之二，其余由基金会支付。\n"
JAPANESE = "ポンプの価格は三百六十万円です。納期は四月で、担当は山田さんです。ポンプはカレンダーのとおりに届きます。\n"
RUSSIAN = (CASES / "russian.txt").read_text(encoding="cp1251")
HEBREW = "שכר הדירה הוא 4200 שקלים לחודש. התשלום בתחילת כל חודש, והחוזה הוא לשנתיים.\n" * 3
GREEK = "Η τιμή του νερού είναι 4.200 ευρώ τον μήνα και η πληρωμή γίνεται στην αρχή του έτους.\n"


@pytest.mark.parametrize(
    "text",
    ["שכר הדירה", "كم الثمن"],  # drawn joined; others are read exactly, or have no font
)
def test_characters_that_are_read_as_others_or_not_at_all_are_named(engine, text):
    odd = {character for character in text if not character.isascii()}
    assert engine.unknown_characters(text + text) == {
        character: 2 * text.count(character) for character in sorted(odd, key=text.index)
    }


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        CHINESE + "室温达到36℃。",
        JAPANESE,
        "Właściciel: Zdzisław Wójcik z Łodzi, für das große Haus, l'été, 840 €, 25 °C, 3 × 4, ½, x², “a” – b…",
        "Ａ１\u00a0\u200b‑ﬁ、。「」",
        "e\u0301te\u0301",  # with combining accents
    ],
)
def test_characters_that_are_read_as_they_are_are_not_named(engine, text):
    assert engine.unknown_characters(text) == {}


def test_an_engine_reads_everything_unless_it_says_otherwise(tmp_path):
    assert FakeEngine().unknown_characters("7 ‰ Плата") == {}
    loading = LoadingEngine(Settings(engine="pocket", cache_dir=str(tmp_path)))
    assert loading.unknown_characters("ש 7 ‰") == {"ש": 1}
    loading.close()


@pytest.mark.parametrize(
    ("text", "question", "said"),
    [
        (RUSSIAN, "Сколько составляет плата?", "18 500 рублей"),
        (GREEK, "Πόσο κοστίζει η τιμή του νερού;", "4.200 ευρώ"),
        (HEBREW, "מה שכר הדירה?", "cannot read Hebrew"),
        (HEBREW, "What is the rent?", "could hardly read these pages"),
        (HEBREW, "租金是多少？", "几乎无法识别这些页面"),
        (ENGLISH, "Какой фермент расщепляет лактозу?", "Ask in the language of the document"),
        (ENGLISH, "מה שכר הדירה?", "Ask in the language of the document"),
        (ENGLISH, "ما الإنزيم الذي يحلل اللاكتوز؟", "Ask in the language of the document"),
        (ENGLISH, "เอนไซม์ใดย่อยแลคโตส", "Ask in the language of the document"),
        (ENGLISH, "Πόσο κοστίζει;", "Ask in the language of the document"),
        (ENGLISH, "कीमत क्या है?", "Ask in the language of the document"),
        (ENGLISH, "가격은 얼마입니까?", "Ask in the language of the document"),
        (RUSSIAN, "Which enzyme splits lactose?", "Ask in the language of the document"),
        (GREEK, "What is the fee?", "Ask in the language of the document"),
        (RUSSIAN, "哪种酶能分解乳糖？", "请用文档的语言提问"),
        (CHINESE, "Which enzyme splits lactose?", "different languages, and nothing near was found. Ask in Chinese"),
        (JAPANESE, "Which enzyme splits lactose?", "Ask in Japanese"),
        (ENGLISH, "哪种酶能分解乳糖？", "请用文档的语言提问"),
        ("", "What is the fee?", "Nothing was read"),
        ("\n", "费用是多少？", "没有读到任何文字"),
        (ENGLISH, "Which enzyme splits lactose?", "The document does not seem to say."),
        (CHINESE, "哪种酶能分解乳糖？", "文档似乎没有提到。"),
    ],
)
def test_a_refusal_says_why(engine, text, question, said):
    (shown,) = ask(opened(engine, text), question)
    assert said in shown


def test_a_document_without_pages_says_that_nothing_was_read(engine):
    assert "Nothing was read" in ask(engine.open_document(), "What is the fee?")[0]


def test_a_name_of_another_script_in_the_question_does_not_stop_an_answer(engine):
    assert "1,240,000" in ask(opened(engine, ENGLISH), "What did the pilot plant (завод) cost?")[0]
