"""Types that are written as text: web pages, messages, tables."""

import email.policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from glyph_demo.settings import Documents
from tests.documents.uploads import read, refusal


def lines(document):
    return [line for line in document.text.split("\n") if line]


def page(save, body, head="", name="page.html", encoding="utf-8"):
    source = f"<!DOCTYPE html><html><head><title>Ferry</title>{head}</head><body>{body}</body></html>"
    return read(save(name, source.encode(encoding)))


def test_a_page_is_read_as_it_is_shown(save):
    body = "<h1>Ferry notes</h1><p>The fare to <b>Elvik</b> is&nbsp;45&nbsp;crowns &amp; more,\n by Ole&#32;Brandt.</p>"
    document = page(save, body, "<style>body{color:#333}</style><script>var price=999;</script><!-- 999 -->")
    assert lines(document) == ["Ferry", "Ferry notes", "The fare to Elvik is 45 crowns & more, by Ole Brandt."]
    assert document.kind == "html"
    assert not document.warnings


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>999</p>",
        "<p style='color:red; display : none'>999</p>",
        "<div style='visibility:hidden'><div>9</div>99</div>",
        "<p class='a x'>999</p>",
        "<div id=y><p>999</div>",
        "<template><p>999</p></template>",
        "<noscript>999</noscript>",
        "<dialog>999</dialog>",
        "<p>was <del>999</del></p>",
        "<p hidden>999<p>",
        "<input type=hidden value=999>",
        "<!-- > 999 -->",
        "<table><tr hidden><td>999</table>",
        "<ul><li hidden>999<li></ul>",
        "<style>p{content:'999'}</style>",
        "<svg><text>999</text></svg>",
    ],
)
def test_what_a_page_hides_is_left_out(save, hidden):
    style = "<style>/* x */ .x, #y { display: none } @media print { .fee, p { display: none } }</style>"
    document = page(save, f"<p>before</p>{hidden}<p class=fee>The fee is 45.</p>", style)
    assert "999" not in document.text
    assert lines(document)[-1] == "The fee is 45."


def test_lists_breaks_and_preformatted_lines(save):
    body = "<ul><li>milk<li>bread</ul><ol start=3><li>boil<li>serve</ol>one<br>two<pre>a   b\n  c</pre><p>x<p>y"
    assert lines(page(save, body))[1:] == [
        "• milk", "• bread", "3. boil", "4. serve", "one", "two", "a   b", "  c", "x", "y",
    ]  # fmt: skip


def test_rows_of_a_page_are_lines(save):
    body = (
        "<table><tr><th>port<th>fare<th>by<tr><td rowspan=2>Elvik<td>45<td>ship<tr><td>30<td><p>bus</p>"
        "<tr><td>Morra<td><td>train</table>"
    )
    assert lines(page(save, body))[1:] == [
        "port: Elvik; fare: 45; by: ship.", "port: Elvik; fare: 30; by: bus.", "port: Morra; by: train.",
    ]  # fmt: skip


def test_names_of_columns_in_two_rows_or_beside_the_rows(save):
    two = (
        "<table><thead><tr><th rowspan=2>port<th colspan=2>2019<th>2020<tr><th>adult<th>child<th>adult"
        "<tbody><tr><td>Elvik<td>45<td>20<td>50<tr><td>Morra<td colspan=2>closed<td>60</table>"
    )
    assert lines(page(save, two))[1:] == [
        "port: Elvik; 2019 adult: 45; 2019 child: 20; 2020 adult: 50.",
        "port: Morra; 2019 adult / 2019 child: closed; 2020 adult: 60.",
    ]
    beside = "<table><tr><th>port<td>Elvik<tr><th>fare<td>45</table><table><tr><th>a<th>b</table>"
    assert lines(page(save, beside))[1:] == ["port | Elvik", "fare | 45", "a | b"]
    wide = "<table><tr>" + "".join(f"<th>c{n}" for n in range(13)) + "<tr>" + "<td>1" * 13 + "</table>"
    assert lines(page(save, wide))[2] == " | ".join("1" * 13)


def test_a_cell_over_rows_and_columns_keeps_the_columns(save):
    body = "<table><tr><td colspan=2 rowspan=2>both<td>1<tr><td>2</table>"
    assert lines(page(save, body))[1:] == ["both |  | 1", "both |  | 2"]


def test_choices_references_to_notes_and_lists_by_letters(save):
    body = (
        "<p><input type=checkbox checked>paid <input type=radio>open</p>"
        "<select><option>Elvik<option selected>Morra</select>"
        "<p>the fee is 45.<a role='doc-noteref'><sup>1</sup></a> or 46.<sup><a epub:type=noteref>[2]</a></sup></p>"
        "<p>10<sup>a<sup>b</sup></sup> and <sup>2<p>next<p>last</sup>"
        "<ol type=a start=3><li>warm<li>cold</ol><ol type=I><li>one</ol>"
    )
    assert lines(page(save, body))[1:] == [
        "☒ paid ☐ open", "Morra", "the fee is 45.[1] or 46.[2]", "10ab and 2", "next", "last",
        "c. warm", "d. cold", "I. one",
    ]  # fmt: skip


def test_equations_of_a_page_are_lines(save):
    half = "<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac>"
    power = "<msup><mi>x</mi><mn>10</mn></msup><msub><mi>y</mi><mi>i</mi></msub>"
    tex = "<annotation encoding='application/x-tex'>TEX</annotation>"
    body = f"<p>so <math><semantics><mrow>{half}<mo>=</mo>{power}</mrow>{tex}</semantics></math> holds</p>"
    body += "<p><m:math><m:msqrt><m:mn>2</m:mn></m:msqrt></m:math> and <math><mroot><mi>z</mi><mn>3</mn></mroot></p>"
    assert lines(page(save, body))[1:] == ["so a/(b + 1) = x^10y_i holds", "√2 and √[3]z"]


@pytest.mark.parametrize(
    ("rules", "shown"),
    [
        (".tab{display:none} .tab.active{display:block}", True),
        (".tab.active{display:block} .tab{display:none}", True),
        ("div.tab{display:none}", False),
        ("p.tab{display:none}", True),
        (".tab{display:none} .active{display:block}", True),
        (".active{display:block} .tab{display:none}", False),
        ("#t{display:none} .tab.active{display:block}", False),
        (".old .tab{display:none}", True),
    ],
)
def test_the_rule_that_browsers_follow_hides(save, rules, shown):
    body = "<p>before<div class='tab active' id=t>45</div>"
    assert ("45" in page(save, body, f"<style>{rules}</style>").text) == shown
    if not shown:
        inline = body.replace("id=t", "id=t style='display:block'")
        assert "45" in page(save, inline, f"<style>{rules}</style>").text


def test_a_table_that_lays_out_the_page_keeps_lines(save):
    body = "<table><tr><td><h2>News</h2><p>one</p><table><tr><td>a<td>b</table></td><td>side</td></tr></table>"
    assert lines(page(save, body))[1:] == ["News", "one", "a | b", "side"]


def test_pictures_powers_readings_and_fields(save):
    body = (
        '<p><img src="a.png" alt="a red crane"> 3 × 10<sup>6</sup> m<sup>3</sup>, the 1<sup>st</sup></p>'
        "<p><ruby>避難<rp>(</rp><rt>ひなん</rt><rp>)</rp></ruby>場所</p><p>Name: <input value='Ole'></p>"
    )
    assert lines(page(save, body))[1:] == ["[picture: a red crane] 3 × 10^6 m^3, the 1st", "避難場所", "Name: Ole"]


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("価格は三百六十万円です。", "euc_jp", "EUC-JP"),
        ("価格は三百六十万円です。", "iso2022_jp", "iso-2022-jp"),
        ("价格是三十六万元", "gb18030", "gb2312"),
        ("Złoty: 45 zł", "iso8859_2", "ISO-8859-2"),
        ("cena 45 zł", "cp1250", "no-such-name"),
        ("Плата 45 рублей", "koi8_r", "koi8-r"),
        ("45 € a day, señor", "cp1252", "iso-8859-1"),
        ("45 € a day", "utf-8", "iso-8859-1"),
        ("45 € a day", "utf-8-sig", "windows-1251"),
        ("45 € a day", "utf-16", "utf-16"),
        ("45 crowns a day", "ascii", "utf-16"),
        ("45 crowns a day.", "ascii", "utf-16le"),
        ("45 crowns for all", "ascii", "utf-32"),
    ],
)
def test_a_page_names_its_encoding(save, text, encoding, declared):
    source = f'<html><head><meta charset="{declared}"></head><body><p>{text}</p></body></html>'
    assert text in read(save("page.htm", source.encode(encoding))).text


def test_a_page_under_another_name(save):
    for name in ("page.doc", "page.xls", "page"):
        assert lines(page(save, "<p>The fee is 45.", name=name)) == ["Ferry", "The fee is 45."]
    source = page(save, "<p>The fee is 45.", name="page.txt")
    assert source.kind == "txt"
    assert "<p>" in source.text
    assert read(save("page.xhtml", b'<?xml version="1.0"?><html><body><p>a<br/>b</p></body></html>')).text == "a\nb"


def test_hostile_pages(save):
    deep = "<div>" * 100_000 + "the fee is 45" + "<b>" * 50_000
    assert page(save, deep).text.endswith("the fee is 45")
    assert "45" in read(save("cut.html", b"<table><tr><td>45<td title='")).text
    many = "<table><tr>" + "<td rowspan=1000>" + "x" * 5000 + "<tr><td>y" * 900
    assert refusal(save("span.html", many.encode()), Documents(max_characters=100_000)) == "too_many_characters"
    assert refusal(save("wide.html", b"<table><tr>" + b"<td colspan=1000>x" * 50)) == "too_complex"
    assert refusal(save("long.html", b"<p>" + b"x" * 101), Documents(max_characters=100)) == "too_many_characters"
    assert refusal(save("image.html", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9)) == "other_format"
    assert refusal(save("math.html", b"<math>" + b"<mrow>" * 50_000 + b"x")) == "too_complex"
    for style in (b"@" * 400_000, b"/*" * 400_000, b"a" * 400_000, b".a" * 200_000 + b"{display:none}"):
        assert read(save("style.html", b"<style>" + style + b"</style><p>45")).text == "45"
    entity = b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body>a &x; b</body></html>'
    assert "root" not in read(save("entity.html", entity)).text


def message(text="The fee is 45 crowns – señor.", **headers):
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["Subject"] = "Gebühren für die Fähre"
    mail["From"] = "Ole Brandt <ole@example.org>"
    mail["To"] = "hanna@example.org"
    mail["Date"] = "Mon, 3 Jun 2024 10:00:00 +0200"
    if text:
        mail.set_content(text, **headers)
    return mail


HEADERS = [
    "Subject: Gebühren für die Fähre",
    "From: Ole Brandt <ole@example.org>",
    "To: hanna@example.org",
    "Date: Mon, 03 Jun 2024 10:00:00 +0200",
]


@pytest.mark.parametrize("cte", ["quoted-printable", "base64", "8bit"])
@pytest.mark.parametrize("charset", ["utf-8", "cp1252"])
def test_a_message_has_its_headers_and_text(save, charset, cte):
    document = read(save("mail.eml", bytes(message(charset=charset, cte=cte))))
    assert lines(document) == [*HEADERS, "The fee is 45 crowns – señor."]
    assert document.kind == "eml"


def test_a_message_in_two_forms_is_read_once(save):
    mail = message()
    mail.add_alternative("<p>The <b>fee</b> is 45 crowns.</p>", subtype="html")
    assert lines(read(save("mail.eml", bytes(mail)))) == [*HEADERS, "The fee is 45 crowns – señor."]


def test_a_message_of_html_alone(save):
    mail = message(text="")
    mail.set_content("<style>p{}</style><p>The <b>fee</b><br>is 45 crowns.</p>", subtype="html")
    assert lines(read(save("mail.eml", bytes(mail)))) == [*HEADERS, "The fee", "is 45 crowns."]


def test_a_plain_form_that_only_points_to_the_other_is_none(save):
    mail = message("Your program shows no HTML.")
    mail.add_alternative("<p>The <b>fee</b> is 45 crowns.</p>" + "<p>It is paid on board.</p>" * 20, subtype="html")
    assert "The fee is 45 crowns." in lines(read(save("mail.eml", bytes(mail))))
    near = message("The fee is 45 crowns.")
    near.add_alternative("<p>The fee is 45 crowns. <p>Sent from a phone", subtype="html")
    assert lines(read(save("mail.eml", bytes(near)))) == [*HEADERS, "The fee is 45 crowns."]


def test_parts_without_a_name_and_a_mark_before_the_headers(save):
    mail = message("See the date.")
    mail.add_attachment("BEGIN:VCALENDAR", subtype="calendar", disposition="inline")
    document = read(save("mail.eml", b"\xef\xbb\xbf" + bytes(mail)))
    assert lines(document) == [*HEADERS, "See the date."]
    assert "1 attached file(s) were not read: text/calendar" in document.warnings[0].en


def test_attachments_are_named_and_a_forwarded_message_is_read(save):
    mail = message("See below.")
    mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="Verträge.pdf")
    inner = message("The fee is 45.")
    mail.add_attachment(inner)
    document = read(save("mail.eml", bytes(mail)))
    assert lines(document) == [*HEADERS, "See below.", *HEADERS, "The fee is 45."]
    (notice,) = document.warnings
    assert "1 attached file(s) were not read: Verträge.pdf" in notice.en


def test_raw_bytes_soft_line_ends_and_unknown_charsets(save):
    head = "Subject: Fähre\r\nContent-Type: text/plain; charset=x-none; format=flowed\r\n\r\n"
    document = read(save("mail.eml", (head + "The fee is \r\n45 crowns für alle.\r\n").encode()))
    assert lines(document) == ["Subject: Fähre", "The fee is 45 crowns für alle."]


@pytest.mark.parametrize("signed", ["<Saved by Blink>", '"Saved by Windows Internet Explorer 11"'])
def test_a_page_saved_as_one_file(save, signed):
    source = (
        f"From: {signed}\r\nSubject: Ferry\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related; type="text/html"; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        '<title>Ferry</title><meta charset=3D"utf-8"><p>The fee is 45 =E2=82=AC.</p>\r\n'
        "--b\r\nContent-Type: image/png\r\nContent-Location: a.png\r\n\r\nx\r\n--b--\r\n"
    )
    for name in ("page.mht", "page.mhtml"):
        document = read(save(name, source.encode()))
        assert lines(document) == ["Ferry", "The fee is 45 €."]
        assert not document.warnings
    assert lines(read(save("page.doc", source[source.index("MIME") :].encode())))[-1] == "The fee is 45 €."


def test_hostile_messages(save):
    assert refusal(save("a.eml", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9)) == "other_format"
    nest = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
    assert refusal(save("a.eml", nest + b"\n\nx")) == "too_complex"
    locked = (
        b"Subject: x\nContent-Type: application/pkcs7-mime; name=smime.p7m\nContent-Transfer-Encoding: base64\n\nMIIB"
    )
    assert refusal(save("a.eml", locked)) == "password"
    long = bytes(message("x " * 3000))
    assert refusal(save("a.eml", long), Documents(max_characters=1000)) == "too_many_characters"
    assert "45" in read(save("a.eml", b"Subject: fee\nContent-Transfer-Encoding: base64\n\nVGhlIGZlZSBpcyA0NQ=")).text


PORTS = [["port", "fare", "captain"], ["Elvik", "45", "Brandt, Ole"], ["Morra", "1,50", "Lie; Hanna"]]
ROWS = ["port: Elvik; fare: 45; captain: Brandt, Ole.", "port: Morra; fare: 1,50; captain: Lie; Hanna."]


def table(rows, delimiter):
    quoted = [[f'"{c}"' if set(c) & set(",;\t|\n") else c for c in row] for row in rows]
    return "".join(delimiter.join(row) + "\r\n" for row in quoted)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_row_says_what_its_cells_are(save, delimiter, encoding):
    document = read(save("ports.csv", table(PORTS, delimiter).encode(encoding)))
    assert lines(document) == ROWS
    assert document.kind == "csv"
    assert read(save("ports.tsv", table(PORTS, delimiter).encode(encoding))).text == document.text


def test_cells_with_quotes_and_line_ends(save):
    source = b'port,note\r\nElvik,"a ""new"" pier\nof 45 m"\r\nMorra,\r\n,only a note\r\n'
    assert lines(read(save("a.csv", source))) == [
        'port: Elvik; note: a "new" pier of 45 m.', "port: Morra.", "note: only a note.",
    ]  # fmt: skip


def test_tables_without_names_of_columns(save):
    assert lines(read(save("a.csv", b"Elvik;45;1893\nMorra;60;1902\n"))) == ["Elvik | 45 | 1893", "Morra | 60 | 1902"]
    assert lines(read(save("a.csv", b"port;fare\nport;fare\n"))) == ["port | fare"] * 2
    assert lines(read(save("a.csv", b"one column\nonly\n"))) == ["one column", "only"]
    assert lines(read(save("a.csv", b"sep=;\nport;fare, net\nElvik;45\n"))) == ["port: Elvik; fare, net: 45."]


def test_names_below_a_title_and_years_as_names(save):
    source = b"Ships by port\n\nport,2019,2020\nElvik,388,402\nSund,12,17\n"
    assert lines(read(save("a.csv", source))) == [
        "Ships by port", "port: Elvik; 2019: 388; 2020: 402.", "port: Sund; 2019: 12; 2020: 17.",
    ]  # fmt: skip


def test_a_wide_table_repeats_its_names(save):
    names = [f"c{n}x" for n in range(13)]
    rows = [names, *([str(n * 13 + k) for k in range(13)] for n in range(45))]
    found = lines(read(save("a.csv", table(rows, ",").encode())))
    assert found.count(" | ".join(names)) == 3
    assert found[1] == " | ".join(map(str, range(13)))


def test_an_encoding_of_a_table_is_said(save):
    document = read(save("a.csv", "miasto;opłata\nŁódź;45 złotych\nŻywiec;60 złotych\n".encode("cp1250")))
    assert lines(document)[0] == "miasto: Łódź; opłata: 45 złotych."
    assert "Windows-1250" in document.warnings[0].en


@pytest.mark.parametrize("name", ["a.csv", "a.html", "a.md", "a.eml", "a.txt"])
def test_the_user_names_the_encoding_of_every_type_of_text(save, name):
    head = "Subject: x\n\n" if name == "a.eml" else ""
    path = save(name, (head + "wt,Źź").encode("cp1250"))
    assert "Źź" in read(path, Documents(encoding="cp1250")).text
    guessed = read(path).warnings[0].en
    assert guessed.startswith("Read as ")
    assert "--encoding" in guessed


def test_an_encoding_that_does_not_fit_a_type_of_text_is_refused(save):
    for name in ("a.csv", "a.html", "a.md"):
        assert refusal(save(name, b"<p>Caf\xe9"), Documents(encoding="utf-8")) == "bad_encoding"


def test_hostile_tables(save):
    assert refusal(save("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9)) == "other_format"
    assert lines(read(save("a.csv", b'port,fare\nElvik,"45\n' + b"x" * 200_000)))[0].startswith("port: Elvik; fare: 45")
    names = ",".join("n" * 900 + str(n) for n in range(10))
    long = f"{names}\n" + "a,b,c,d,e,f,g,h,i,j\n" * 100
    assert refusal(save("a.csv", long.encode()), Documents(max_characters=100_000)) == "too_many_characters"


CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize(
    ("name", "encoding"), [("eucjp", "euc_jp"), ("hkscs", "big5hkscs"), ("cp1250", "cp1250"), ("russian", "cp1251")]
)
def test_a_case_in_its_encoding(name, encoding):
    path = CASES / f"{name}.txt"
    assert read(path).text == path.read_bytes().decode(encoding).replace("\r\n", "\n")


def test_the_page_and_the_table_of_the_cases():
    assert lines(read(CASES / "page.html"))[1:] == [
        "Ferry notes",
        "The fare to Elvik is 45 crowns & the captain is Ole Brandt.",
    ]
    assert lines(read(CASES / "ports.csv"))[0] == "port: Elvik; fare: 45; captain: Brandt, Ole."


def test_lines_of_a_slip_stay_lines():
    source = (CASES / "slip.txt").read_text(encoding="utf-8")
    assert read(CASES / "slip.txt").text == source
