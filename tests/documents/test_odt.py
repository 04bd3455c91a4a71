"""OpenDocument texts: what is printed, in the form of the other types."""

from tests.documents.test_archives import lines, odt
from tests.documents.uploads import read, refusal

MATH = (
    '<math xmlns="m"><semantics><mrow><mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac><mo>=</mo>'
    "<msup><mi>c</mi><mn>2</mn></msup><msqrt><mi>d</mi><mo>+</mo><mi>e</mi></msqrt></mrow><annotation>TEX</annotation></semantics>"
    "</math>"
)

NINE = ' text:start-value="9"'


def item(text, attributes=""):
    return f"<text:list-item{attributes}><text:p>{text}</text:p></text:list-item>"


def test_lists_have_their_numbers(save):
    def level(depth, style, kind="number", more=""):
        return f'<text:list-level-style-{kind} text:level="{depth}" style:num-format="{style}" {more}/>'

    styles = '<text:list-style style:name="L">' + level(1, "1", more='style:num-suffix="." text:start-value="3"')
    styles += level(2, "a", more='style:num-prefix="(" style:num-suffix=")"') + level(
        3, "1", more='text:display-levels="3"'
    )
    styles += '</text:list-style><text:list-style style:name="B">' + level(1, "", "bullet") + "</text:list-style>"
    deep = f"<text:list>{item('deep')}</text:list>"
    inner = f"<text:list>{item('warm')}<text:list-item><text:p>cold</text:p>{deep}</text:list-item></text:list>"
    body = (
        f'<text:list text:style-name="L">{item("boil")}<text:list-item><text:p>serve</text:p>{inner}</text:list-item>'
        f"<text:list-header><text:p>so</text:p></text:list-header></text:list><text:p>pause</text:p>"
        f'<text:list text:style-name="L" text:continue-numbering="true">{item("eat")}</text:list>'
        f'<text:list text:style-name="L">{item("new")}{item("far", NINE)}</text:list>'
        f'<text:list text:style-name="B">{item("milk")}</text:list>'
    )
    assert lines(read(save("a.odt", odt(body, styles)))) == [
        "3. boil", "4. serve", "(a) warm", "(b) cold", "4.b.1 deep", "so", "pause", "5. eat",
        "3. new", "9. far", "• milk",
    ]  # fmt: skip


def test_headings_have_the_numbers_of_their_chapters(save):
    styles = '<text:outline-style><text:outline-level-style text:level="1" style:num-format="I"/>'
    styles += (
        '<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/></text:outline-style>'
    )
    heading = '<text:h text:outline-level="{}">{}</text:h>'
    body = "".join(heading.format(*place) for place in [(1, "a"), (2, "b"), (2, "c"), (1, "d"), (2, "e"), (3, "f")])
    assert lines(read(save("a.odt", odt(body, styles)))) == ["I a", "I.1 b", "I.2 c", "II d", "II.1 e", "f"]


def test_raised_numbers_and_equations(save):
    styles = '<style:style style:name="U"><style:text-properties style:text-position="super 58%"/></style:style>'
    styles += '<style:style style:name="D"><style:text-properties style:text-position="sub 58%"/></style:style>'
    styles += '<style:style style:name="P" style:parent-style-name="U"/>'
    span = '<text:span text:style-name="{}">{}</text:span>'
    frame = '<draw:frame><draw:object xlink:href="./Object 1" xmlns:xlink="x"/><draw:image/></draw:frame>'
    body = f"<text:p>3 × 10{span.format('P', '−6')} m{span.format('D', '2')} so {frame}.</text:p>"
    document = read(save("a.odt", odt(body, styles, {"Object 1/content.xml": MATH})))
    assert document.text == "3 × 10^−6 m2 so a/(b + 1) = c^2√(d + e)."
    assert not document.warnings


def test_tables_name_their_columns_and_leave_covered_cells_out(save):
    def cell(text, spans=""):
        return f"<table:table-cell{spans}><text:p>{text}</text:p></table:table-cell>"

    covered = "<table:covered-table-cell><text:p>STALE</text:p></table:covered-table-cell>"
    down = ' table:number-rows-spanned="2"'
    body = (
        f"<table:table><table:table-header-rows><table:table-row>{cell('port')}{cell('fare')}{cell('by')}</table:table-row>"
        f"</table:table-header-rows><table:table-row>{cell('Elvik', down)}{cell('45')}{cell('ship')}</table:table-row>"
        f"<table:table-row>{covered}{cell('30')}{cell('bus')}</table:table-row></table:table>"
    )
    assert lines(read(save("a.odt", odt(body)))) == [
        "port: Elvik; fare: 45; by: ship.",
        "port: Elvik; fare: 30; by: bus.",
    ]


def test_hidden_sections_paragraphs_and_styles_of_other_styles(save):
    styles = '<style:style style:name="H"><style:text-properties text:display="none"/></style:style>'
    styles += '<style:style style:name="I" style:parent-style-name="H"/>'
    styles += '<style:style style:name="S" style:parent-style-name="H"><style:text-properties text:display="true"/>'
    styles += "</style:style>"
    body = (
        '<text:section text:display="none"><text:p>OUT</text:p></text:section>'
        '<text:section text:display="condition" text:is-hidden="true"><text:p>OUT</text:p></text:section>'
        '<text:section text:display="condition"><text:p>one</text:p></text:section>'
        '<text:p>OUT<text:hidden-paragraph text:is-hidden="true"/></text:p><text:p>two<text:hidden-paragraph/></text:p>'
        '<text:p text:style-name="I">OUT</text:p><text:p text:style-name="S">three</text:p>'
        '<text:p>four<text:hidden-text text:is-hidden="true">OUT</text:hidden-text></text:p>'
    )
    assert lines(read(save("a.odt", odt(body, styles)))) == ["one", "two", "three", "four"]


def test_headers_shapes_pictures_and_charts(save):
    master = (
        '<s><style:master-page style:name="M" xmlns:style="s" xmlns:text="t"><style:header><text:p>Ferry notes</text:p>'
        "</style:header><style:footer><text:p><text:page-number>1</text:page-number></text:p></style:footer>"
        '<style:footer-first style:display="false"><text:p>OUT</text:p></style:footer-first></style:master-page>'
        '<style:master-page style:name="N" xmlns:style="s" xmlns:text="t"><style:header><text:p>OUT</text:p>'
        "</style:header></style:master-page></s>"
    )
    cells = "".join(f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in ("Sund", 388))
    table = f"<table:table><table:table-row>{cells}</table:table-row></table:table>"
    chart = f'<c xmlns:text="t" xmlns:table="b"><text:p>Ships</text:p>{table}</c>'
    body = (
        '<text:p>a<draw:frame><draw:image/><svg:desc xmlns:svg="v">a red crane</svg:desc></draw:frame>b'
        "<draw:frame><draw:image/></draw:frame><draw:custom-shape><text:p>in a shape</text:p></draw:custom-shape>"
        "</text:p>"
        '<text:p><draw:frame><draw:object xlink:href="./Object 2" xmlns:xlink="x"/></draw:frame></text:p>'
    )
    document = read(save("a.odt", odt(body, extra={"styles.xml": master, "Object 2/content.xml": chart})))
    assert lines(document) == ["Ferry notes", "a [picture: a red crane] b", "in a shape", "Ships", "Sund | 388"]
    assert [notice.en.partition(" (")[0] for notice in document.warnings] == [
        "1 picture(s) without a description are not read. If they hold text, type it below them."
    ]


def test_an_object_that_holds_itself_ends(save):
    frame = '<draw:frame xmlns:draw="d"><draw:object xlink:href="./O" xmlns:xlink="x"/></draw:frame>'
    extra = {"O/content.xml": f'<c xmlns:text="t"><text:p>in</text:p>{frame}</c>'}
    assert refusal(save("a.odt", odt(f"<text:p>{frame}</text:p>", extra=extra))) == "too_complex"
