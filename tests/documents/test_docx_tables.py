"""DOCX: rows of tables keep their columns."""

from tests.documents.docx_files import p, package, row, t, tc
from tests.documents.uploads import read


def lines(save, *rows: str) -> list[str]:
    return read(save("a.docx", package(f"<w:tbl>{''.join(rows)}</w:tbl>"))).text.split("\n")


def test_a_cell_over_several_columns_leaves_their_places(save):
    wide, two = '<w:gridSpan w:val="3"/>', '<w:gridSpan w:val="2"/>'
    rows = [row("Item", tc("Price", two)), row("Tea", "4", "5"), row(tc("Sum", wide)), row(tc("All", two), "9")]
    assert lines(save, *rows) == ["Item | Price", "Tea | 4 | 5", "Sum", "All |  | 9"]


def test_spans_of_a_grid_finer_than_the_columns_add_nothing(save):
    two, three = '<w:gridSpan w:val="2"/>', '<w:gridSpan w:val="3"/>'
    assert lines(save, row(tc("a", two), tc("b", three)), row(tc("c", two), tc("d", three))) == ["a | b", "c | d"]


def test_a_merged_cell_is_told_in_each_of_its_rows(save):
    start, more = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    rows = [row(tc("North", start), "1"), row(tc("STALE", more), "2"), row(tc("South", start), "3")]
    assert lines(save, *rows) == ["North | 1", "North | 2", "South | 3"]
    rows = [row(tc("Both", '<w:hMerge w:val="restart"/>'), tc("STALE", "<w:hMerge/>"), "3"), row("a", "b", "c")]
    assert lines(save, *rows) == ["Both |  | 3", "a | b | c"]


def test_rows_that_repeat_on_every_page_name_the_columns(save):
    head = "<w:tblHeader/>"
    start, more, two = '<w:vMerge w:val="restart"/>', "<w:vMerge/>", '<w:gridSpan w:val="2"/>'
    rows = [
        row(tc("Port", start), tc("2019", two), properties=head),
        row(tc("", more), "adult", "child", properties=head),
        row("Elvik", "45", "20"),
        row("", "", "7"),
        row("Morra", tc("closed", two)),
        row(tc("Sum", '<w:gridSpan w:val="3"/>')),
    ]
    assert lines(save, *rows) == [
        "Port: Elvik; 2019 adult: 45; 2019 child: 20.",
        "2019 child: 7.",
        "Port: Morra; 2019 adult / 2019 child: closed.",
        "Sum",
    ]
    assert lines(save, row("a", "b", properties=head)) == ["a | b"]
    off = '<w:tblHeader w:val="0"/>'
    assert lines(save, row("a", "b", properties=off), row("c", "d")) == ["a | b", "c | d"]


def test_a_row_that_begins_later_keeps_its_column(save):
    assert lines(save, row("a", "b", "c"), row("x", "y", properties='<w:gridBefore w:val="1"/>')) == [
        "a | b | c",
        " | x | y",
    ]


def test_deleted_rows_and_cells_are_gone(save):
    gone = tc("OUT", "<w:cellDel/>")
    rows = [
        row("a", "b"),
        row("OUT", "OUT", properties="<w:del/>"),
        row("c", gone, "d"),
        row("e", "f", properties="<w:ins/>"),
    ]
    assert lines(save, *rows) == ["a | b", "c | d", "e | f"]


def test_tabs_hidden_text_and_boxes_inside_cells(save):
    cell = p(runs="<w:r><w:t>1</w:t><w:tab/><w:t>2</w:t></w:r>" + t("HIDDEN", "<w:vanish/>")) + p("3")
    box = f"<w:txbxContent>{p('box')}</w:txbxContent>"
    box = f"<w:r><w:pict><v:shape><v:textbox>{box}</v:textbox></v:shape></w:pict></w:r>"
    assert lines(save, row(tc(cell), tc(p("a", runs=box + t("b"))))) == ["1 2 3 | a box b"]


def test_a_huge_span_costs_nothing(save):
    huge = '<w:gridSpan w:val="99999"/>'
    assert lines(save, row(tc("a", huge), tc("b", huge)), row("c", "d")) == ["a |  | b", "c | d"]
