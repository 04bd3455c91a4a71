"""Tables in PDFs: rows whose cells have several lines, in the orders in which programs write them."""

import pytest

from tests.documents.test_pdf_text import raw_page, shown
from tests.documents.uploads import read


@pytest.fixture
def text(save):
    return lambda *content: read(save("a.pdf", raw_page(b"".join(content)))).text


def cell(x: float, y: float, *lines: str) -> bytes:
    return b"".join(shown(x, y - 14 * number, line) for number, line in enumerate(lines))


def test_a_row_is_one_line_where_its_cells_have_several(text):
    """As word processors and browsers write a table: one cell after the other."""
    head = cell(50, 700, "Item") + cell(200, 700, "Price") + cell(300, 700, "Note")
    cheese = cell(50, 670, "Goat cheese", "from Elvik") + cell(200, 670, "41,075") + cell(300, 670, "in brine,", "cold")
    honey = cell(50, 630, "Honey") + cell(200, 630, "388") + cell(300, 630, "none")
    lines = text(head, cheese, honey).splitlines()
    assert lines == ["Item | Price | Note", "Goat cheese from Elvik | 41,075 | in brine, cold", "Honey | 388 | none"]


def test_a_cell_in_the_middle_of_a_high_row_is_of_that_row(text):
    middle = cell(50, 670, "Goat cheese", "from the town", "of Elvik") + cell(200, 656, "41,075")
    assert text(middle, cell(50, 600, "Honey"), cell(200, 600, "388")) == (
        "Goat cheese from the town of Elvik | 41,075\nHoney | 388"
    )


def test_the_last_cell_of_a_row_goes_on_below(text):
    row = cell(50, 670, "Anna Berg") + cell(200, 670, "keeps the books and", "pays what is due.")
    assert text(row) == "Anna Berg | keeps the books and pays what is due."


def test_numbers_below_each_other_are_not_one_cell(text):
    row = cell(50, 670, "North") + cell(200, 670, "1,200", "300") + cell(300, 670, "men and", "women")
    assert "1,200 300" not in text(row)


def test_names_and_offices_column_by_column_are_not_two_cells(text):
    names = cell(50, 670, "Anna Berg", "Carl Dahl", "Eva Falk")
    assert "Anna Berg Carl Dahl" not in text(names, cell(200, 670, "Treasurer", "Chair", "Secretary"))


def test_long_columns_beside_each_other_are_no_row(text):
    left = [f"the harbour was built in {year}" for year in range(1872, 1880)]
    right = [f"ferries left at nine in {year}" for year in range(1891, 1898)]
    assert " | " not in text(cell(50, 670, *left), cell(300, 670, *right))
