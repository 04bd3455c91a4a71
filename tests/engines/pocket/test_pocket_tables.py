"""Cells are found by their row and column, and shown with both; figures are compared, added and subtracted only where
row, column and number are certain."""

import pytest

from glyph_demo.engines.base import Turn
from glyph_demo.engines.pocket.sentences import PageLine, Sentence
from glyph_demo.engines.pocket.tables import find_forms, find_tables, number
from tests.engines.pocket.asking import ask, opened, short

YEARS = (
    "# Brackwater Ferries\n\n## Results\n\n"
    "Year | Revenue (GBP m) | Operating profit (GBP m) | Passengers\n"
    "2022 | 341.9 | 25.0 | 344,000\n2023 | 386.2 | 28.3 | 371,000\n2024 | 418.6 | 31.4 | 412,000\n\n"
    "The ferry Sula was painted in spring, and nobody complained about it.\n\n## Sites\n\n"
    "Site | Opened | Berths | Manager\n"
    "Holm | 2024 | 6 | Ruth Amsel\nSelby | 2019 | 3 | Ingo Farr\nPort Ansel | 1987 | 4 | Ruth Amsel\n"
)
ACROSS = (
    "Figures of the mill\n\nItem | 2021 | 2022 | 2023\nFlour sold | 410 | 455 | 470\nBran sold | 80 | 75 | 91\n\n"
    "The miller keeps two cats, a dog and a goose in the yard behind the mill.\n"
)
LABELLED = (
    "port: Elvik; fare (crowns): 45; sailings: 14; captain: Ole Brandt.\n\n"
    "port: Morra; fare (crowns): 60; sailings: 7; captain: Hanna Lie.\n\n"
    "port: Varde; fare (crowns): 72; sailings: 3; captain: Siri Dahl.\n"
)
CHINESE = (
    "经营数据\n\n年份 | 营业收入（万元） | 净利润（万元）\n2022 | 8,675 | 702\n"
    "2023 | 9,040 | 688\n2024 | 9,863 | 815\n\n"
    "公司的食堂在一楼，每天中午开放两个小时，职工凭卡就餐。\n\n"
    "水厂 | 日供水能力（吨） | 厂长\n东门水厂 | 30,000 | 贺一鸣\n西山水厂 | 45,000 | 顾青\n南湾水厂 | 60,000 | 柳知微\n"
)
LED_TO = (
    "Gazetteer of the coast\n\nThe road to Alby is bad after rain, and the bridge of Orness was built in 1901.\n\n"
    "Herring landed, in barrels:\n\n"
    "Place | 1901 | 1902\nAlby | 640 | 837\nOrness | 315 | 880\n\nThe lime trees by the well are old.\n"
)
LED_TO_ZH = (
    "沿海地名录\n\n雨后去柏浦堡的路很难走，白塘村的石桥建于1901年。\n\n鲱鱼上岸量（桶）：\n\n"
    "地点 | 1901年 | 1902年\n柏浦堡 | 2431 | 4146\n白塘村 | 315 | 3287\n\n井边的老树有些年头了。\n"
)
FORMS = (
    "Insured | Gabriel Diaz | Year | 2022\nClaim # | SF-1008 | Make | Jeep\n"
    "Odometer | 9,800\nEstimator | Ellis Turner\n\n"
    "Please keep this paper with the others, and bring it along when the car is ready.\n\n"
    "Insured | Bruna Wein | Year | 2025\nClaim # | 999 | Make | Skoda\nOdometer | 120\nEstimator | Ellis Turner\n"
)


@pytest.mark.parametrize(
    ("text", "question", "said"),
    [
        (YEARS, "What was the revenue in 2024?", "2024: Revenue (GBP m) 418.6"),
        (YEARS, "How many passengers were there in 2022?", "2022: Passengers 344,000"),
        (YEARS, "Who is the manager of Selby?", "Selby: Manager Ingo Farr"),
        (YEARS, "Which site opened last?", "Holm: Opened 2024"),
        (YEARS, "Which site has the fewest berths?", "Selby: Berths 3"),
        (YEARS, "Which year had the highest revenue?", "2024: Revenue (GBP m) 418.6"),
        (YEARS, "Compare the revenue of 2023 and 2024.", "2023: Revenue (GBP m) 386.2\n2024: Revenue (GBP m) 418.6"),
        (YEARS, "By how much did revenue grow from 2023 to 2024?", "418.6 − 386.2 = 32.4"),
        (YEARS, "How many berths do Holm and Selby have together?", "6 + 3 = 9"),
        (ACROSS, "How much flour was sold in 2022?", "2022: Flour sold 455"),
        (ACROSS, "Compare the bran sold in 2021 and 2023.", "2021: Bran sold 80\n2023: Bran sold 91"),
        (LABELLED, "What is the fare to Morra?", "Morra: fare (crowns) 60"),
        (LABELLED, "Who is the captain to Varde?", "Varde: captain Siri Dahl"),
        (LABELLED, "Which port has the highest fare?", "Varde: fare (crowns) 72"),
        (CHINESE, "2024年的营业收入是多少？", "2024: 营业收入（万元） 9,863"),
        (CHINESE, "西山水厂的厂长是谁？", "西山水厂: 厂长 顾青"),
        (CHINESE, "2023年和2024年的营业收入相差多少？", "9,863 − 9,040 = 823"),
        (LED_TO, "According to the table, how many barrels of herring were landed at Orness in 1901?", "315"),
        (LED_TO_ZH, "根据表格，1902年在白塘村上岸的鲱鱼有多少桶？", "3287"),
        (FORMS, "What is the odometer reading of the Jeep?", "Odometer: 9,800"),
        (FORMS, "What is the claim number of Bruna Wein?", "Claim #: 999"),
        (FORMS, "Who is the estimator?", "Estimator: Ellis Turner"),
    ],
)
def test_a_cell_is_shown_with_its_row_and_column(engine, text, question, said):
    assert said in short(opened(engine, text), question)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (YEARS, "What was the revenue in 2019?"),
        (YEARS, "What was the net debt in 2024?"),
        (YEARS, "Who is the manager of Varde?"),
        (YEARS, "What was the forecast revenue in 2024?"),
        (YEARS, "What was the highest revenue before 2023?"),
        (YEARS, "By how much did revenue grow in 2024?"),
        (YEARS, "What was the revenue per passenger in 2024?"),
        (YEARS, "What was the average revenue until 2024?"),
        (YEARS, "What was the revenue of Selby in 2024?"),
        (YEARS, "Was the revenue in 2024 above 450?"),
        (YEARS, "Which site opened first after 1990?"),
        (CHINESE, "2024年之前的营业收入是多少？"),
        (CHINESE, "2024年平均净利润是多少？"),
        (LABELLED, "What is the fare to Bergen?"),
        (CHINESE, "2024年的员工人数是多少？"),
        (FORMS, "What is the odometer reading of the Volvo?"),
        (FORMS, "What is the odometer?"),  # of which car
    ],
)
def test_a_cell_that_is_not_there_is_not_made_up(engine, text, question):
    assert short(opened(engine, text), question) in ("", *ask(opened(engine, text), question))


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        (YEARS, ("What was the revenue in 2024?", "And the year before?"), "2023: Revenue (GBP m) 386.2"),
        (
            YEARS,
            ("What was the revenue in 2024?", "And the year before?", "And the operating profit?"),
            "2023: Operating profit (GBP m) 28.3",
        ),
        (YEARS, ("Who is the manager of Selby?", "And of Holm?"), "Holm: Manager Ruth Amsel"),
        (CHINESE, ("2024年的营业收入是多少？", "那前一年呢？"), "2023: 营业收入（万元） 9,040"),
        (CHINESE, ("西山水厂的厂长是谁？", "南湾水厂呢？"), "南湾水厂: 厂长 柳知微"),
        (LABELLED, ("What is the fare to Elvik?", "And to Varde?"), "Varde: fare (crowns) 72"),
    ],
)
def test_a_follow_up_takes_row_or_column_from_the_question_before(engine, text, asked, said):
    document, history = opened(engine, text), []
    for question in asked[:-1]:
        history.append(Turn(question, "\n\n".join(ask(document, question, history))))
    assert short(document, asked[-1], history) == said


def test_a_header_answers_nothing(engine):
    shown = ask(opened(engine, YEARS), "Which year and which revenue and which passengers?")
    assert not any("Year | Revenue" in quote for quote in shown)


def _rows(*texts: str) -> list[Sentence]:
    return [Sentence(text, (PageLine(1, i, text, (0, 0, 9, 9)),), i, row=True) for i, text in enumerate(texts)]


def test_rows_whose_first_cell_is_empty_keep_their_columns():
    (table,) = find_tables(_rows("Hours | Rate | Cost", "Body | 2 | 150 | 300", "Paint | 1.5 | 150 | 225"))
    assert table.header == ("", "Hours", "Rate", "Cost")


def test_labels_with_values_are_a_form_and_no_table():
    rows = _rows("Name | Ada Berg | Post | clerk", "Street | Mill Lane | Town | Holm", "Name | Ole Lie | Post | cook")
    assert find_tables(rows[:1]) == []
    forms = find_forms(_rows("Claim # | SF-1008 | Make | Jeep", "Color | White", "Claim # | 999 | Make | Skoda"), [])
    assert [form.values["Make"][0] for form in forms] == ["Jeep", "Skoda"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1,240", "1240"), ("−4.5 %", "-4.5"), ("£31.4 m", "31.4"), ("零下 20 度", "-20"), ("12 GB", "12")],
)
def test_a_cell_is_a_number_with_its_unit(cell, value):
    assert str(number(cell)) == value


@pytest.mark.parametrize("cell", ["1741-1889", "3 to 5", "SF-1008 B", "Holm", "2 of 3", ""])
def test_what_is_no_single_number_is_none(cell):
    assert number(cell) is None
