"""Plain text: encodings, cleaning, marks."""

import random

import pytest

from glyph_demo.documents.text import clean
from glyph_demo.settings import Documents
from tests.documents.uploads import read, refusal

SIMPLIFIED = "深度学习是机器学习的一个分支，它使用多层神经网络。\n第3章 API 设计与实现。\n"
TRADITIONAL = "深度學習是機器學習的一個分支，它使用多層神經網路。\n第3章 API 設計與實現。\n"
CANTONESE = "佢哋話個泵喺鰂魚涌，啲嘢由陳國樑負責，總價三十六萬元。\n"
JAPANESE = "倉庫の鍵は山本さんが預かっています。\n価格は三百六十万円です。\n"
KOREAN = "창고 열쇠는 박영희 씨가 보관합니다.\n가격은 삼백육십만 원입니다.\n"
RUSSIAN = "Договор аренды. Плата составляет 18 500 рублей в месяц.\n"
UKRAINIAN = "Ключ зберігає Оксана Іванівна, їй належить п'ять гаражів.\n"
POLISH = "Czynsz wynosi 1 850 złotych miesięcznie. Właścicielem jest Zdzisław Wójcik z Łodzi.\n"
CZECH = "Klíč od skladu má paní Jiřina Nováková, která otevírá dveře v sedm hodin.\n"
HUNGARIAN = "A raktár kulcsát Szűcs Erzsébet őrzi, a híd hossza hatszázhúsz méter.\n"
GREEK = "Το κλειδί της αποθήκης το φυλάει η κυρία Ελένη.\n"
TURKISH = "Deponun anahtarı Ayşe Hanım'da durur, kapıyı sabah saat yedide o açar.\n"
HEBREW = "המפתח של המחסן נמצא אצל גברת שרה לוי.\n"
ARABIC = "مفتاح المخزن عند السيدة فاطمة، وهي تفتح الباب كل صباح.\n"
LITHUANIAN = "Sandėlio raktą saugo ponia Živilė, kuri kiekvieną rytą atidaro duris.\n"
THAI = "กุญแจโกดังอยู่กับคุณสมศรี ซึ่งเปิดประตูทุกเช้าเวลาเจ็ดโมง\n"
FRENCH = "Les élèves étudient à l’école française où l’été est très agréable.\nOù êtes-vous allé ?\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "utf-8"),
        (SIMPLIFIED, "utf-8-sig"),
        (SIMPLIFIED, "utf-16"),
        (SIMPLIFIED, "utf-32"),
        (SIMPLIFIED, "utf-16-le"),
        (SIMPLIFIED, "utf-16-be"),
        (FRENCH, "utf-16-le"),
        (FRENCH, "utf-16-be"),
        (RUSSIAN, "utf-16-le"),
        (JAPANESE, "utf-16-be"),
        ("价格是三十六万元，不含运费。", "utf-16-le"),
        ("价格是三十六万元，不含运费。", "utf-16-be"),
        (FRENCH, "utf-32-le"),
        (SIMPLIFIED, "utf-32-be"),
        ("plain ASCII\n", "ascii"),
    ],
)
def test_unicode_is_found(save, text, encoding):
    document = read(save("notes.txt", text.encode(encoding)))
    assert document.text == text
    assert document.kind == "txt"
    assert not document.warnings


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "gb18030"),
        (SIMPLIFIED[:12], "gb18030"),
        (SIMPLIFIED, "hz"),
        (TRADITIONAL, "big5"),
        (CANTONESE, "big5hkscs"),
        (JAPANESE, "cp932"),
        (JAPANESE[:12], "cp932"),
        (JAPANESE, "euc_jp"),
        (JAPANESE[:12], "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (KOREAN, "cp949"),
        (KOREAN, "iso2022_kr"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "cp866"),
        (RUSSIAN, "iso8859_5"),
        (RUSSIAN, "mac_cyrillic"),
        (UKRAINIAN, "cp1251"),
        (UKRAINIAN, "koi8_u"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859_2"),
        (CZECH, "cp1250"),
        (HUNGARIAN, "cp1250"),
        (FRENCH, "cp1252"),
        (FRENCH, "mac_roman"),
        (GREEK, "cp1253"),
        (TURKISH, "cp1254"),
        (HEBREW, "cp1255"),
        (ARABIC, "cp1256"),
        (LITHUANIAN, "cp1257"),
        (THAI, "cp874"),
    ],
)
def test_an_encoding_that_nothing_names_is_found_and_said(save, text, encoding):
    document = read(save("notes.txt", text.encode(encoding)))
    assert document.text == text
    (notice,) = document.warnings
    assert "--encoding" in notice.en
    said = notice.en.removeprefix("Read as ").partition(". If")[0]
    assert read(save("notes.txt", text.encode(encoding)), Documents(encoding=said)).text == text


@pytest.mark.parametrize("code", ["rm ${a~{b}~c}\n", "echo \x1b[31mred\x1b[0m and ~{more\n", "~{~}\n", "a \x1b$ b\n"])
def test_ascii_with_signs_of_an_escape_stays_ascii(save, code):
    document = read(save("code.txt", code.encode()))
    assert document.text == code.replace("\x1b", "")
    assert not document.warnings


def test_chinese_far_behind_english_is_found(save):
    text = "an English line\n" * 20_000 + SIMPLIFIED
    assert read(save("notes.txt", text.encode("gb18030"))).text == text


@pytest.mark.parametrize("encoding", ["gb18030", "big5"])
def test_one_line_longer_than_the_sample_is_found(save, encoding):
    text = (SIMPLIFIED if encoding == "gb18030" else TRADITIONAL).replace("\n", "") * 2_000
    assert read(save("line.txt", text.encode(encoding))).text == text
    spaced = "a " + text
    assert read(save("line.txt", spaced.encode(encoding))).text == spaced


def test_encoding_can_be_set(save):
    path = save("word.txt", "plain 深度".encode("gb18030"))
    assert read(path, Documents(encoding="gb18030")).text == "plain 深度"
    assert refusal(path, Documents(encoding="utf-8")) == "bad_encoding"
    assert refusal(path, Documents(encoding="no-such-codec")) == "bad_encoding"
    assert refusal(path, Documents(encoding="hex")) == "bad_encoding"


def test_utf8_cut_within_a_character_is_read_with_a_warning(save):
    document = read(save("cut.txt", (SIMPLIFIED * 3).encode()[:-3]))
    assert document.text.startswith(SIMPLIFIED * 2)
    assert len(document.warnings) == 1
    assert "1 place" in document.warnings[0].en


def test_cleaning_rule():
    assert clean("a\r\nb\rc\x0bd\x0ce\x85f\u2028g\u2029h") == "a\nb\nc\nd\ne\nf\ng\nh"
    assert clean("a\x00b\x07c\x7fd\x9be\u202ef\u2066g\ufeffh\uffffi") == "abcdefghi"
    assert clean("\ttab kept") == "\ttab kept"
    assert clean("lone \ud83d, pair \ud83d\ude00") == "lone \ufffd, pair 😀"


def test_stray_zero_and_control_bytes_are_cleaned(save):
    assert read(save("old.txt", b"one line\r\nwith a \0 zero and \x07 bell " + b"x" * 200)).text == (
        "one line\nwith a  zero and  bell " + "x" * 200
    )


def test_every_line_with_text_has_a_mark(save):
    document = read(save("notes.md", b"# Title\n\n  indented\nlast"))
    assert [(mark.kind, mark.number) for mark in document.marks] == [
        ("paragraph", 1),
        ("paragraph", 2),
        ("paragraph", 3),
    ]
    assert [document.text[mark.start :].splitlines()[0] for mark in document.marks] == ["# Title", "  indented", "last"]


@pytest.mark.parametrize("size", [40, 5_000, 300_000])
def test_random_bytes_are_no_document(save, size):
    for seed in range(5):
        assert refusal(save("noise.txt", random.Random(seed).randbytes(size))) == "not_a_document"


def test_control_bytes_that_happen_to_decode_are_no_document(save):
    assert refusal(save("codes.txt", bytes(range(1, 127)) * 9)) == "not_a_document"
