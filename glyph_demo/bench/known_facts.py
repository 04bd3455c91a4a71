"""Documents with known answers, made from a seed: a gazetteer of places that do not exist, each with facts of the same
few kinds, so that nothing but reading finds one. In English and Chinese the rules are the same."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

from glyph_demo.errors import Language

Kind = Literal["needle", "several", "table", "two steps", "absent", "exact", "follow-up"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Characters that count as a token here, so that a size is the same for every engine: tokenizers differ.
CHARACTERS: dict[Language, float] = {"en": 4.0, "zh": 1.5}
_YEARS = range(1650, 1950)
_TABLE_YEARS = range(1901, 1906)
_TABLE_ROWS = 7
_CHARACTERS_A_SET = 10_000  # of the document to each set of strewn statements that nothing is asked about
_LEAST = 3  # paragraphs, for as many questions about them


@dataclass(frozen=True)
class Asked:
    """A question, and what must all stand in its answer; nothing where the document does not say. `before` is asked
    first."""

    kind: Kind
    question: str
    answers: tuple[str, ...]
    before: str = ""


@dataclass(frozen=True)
class Made:
    """A document in Markdown, with one question of each kind."""

    text: str
    questions: tuple[Asked, ...]


@dataclass(frozen=True)
class _Words:
    """What a language says. Of `facts`, each a sentence and the question to it, every place has some, in this order;
    the third is about a person, the others about a number or a date. `{p}` is a place, `{v}` what is asked for."""

    title: str
    heading: str
    facts: tuple[tuple[str, str], ...]
    idle: tuple[str, ...]
    keeper: str
    keepers: str
    table: str
    cell: str
    columns: tuple[str, str]
    light: str
    born: str
    where_born: str
    absent: tuple[str, ...]
    exact: tuple[tuple[str, str], ...]
    follow: str
    space: str


_EN = _Words(
    title="Gazetteer of the coast",
    heading="Part {n}",
    facts=(
        ("The bridge of {p} was built in {v}.", "In which year was the bridge of {p} built?"),
        ("The harbour of {p} is {v} metres deep.", "How many metres deep is the harbour of {p}?"),
        ("The mill of {p} belongs to {v}.", "To whom does the mill of {p} belong?"),
        ("The school of {p} has {v} pupils.", "How many pupils does the school of {p} have?"),
        ("The fair of {p} is held on {v}.", "On which day is the fair of {p} held?"),
    ),
    idle=(
        "The road there is bad after rain.",
        "Most houses have their backs to the wind.",
        "Travellers praise the bread.",
        "In summer the boats stay out until dark.",
        "The lime trees by the well are old.",
    ),
    keeper="In {y}, {v} had the keys of the granary of {p}.",
    keepers="Which three people had the keys of the granary of {p}?",
    table="Herring landed, in barrels:",
    cell="According to the table, how many barrels of herring were landed at {p} in {y}?",
    columns=("Place", "{y}"),
    light="{v} looks after the lighthouse of {p}.",
    born="{v} was born in {p}.",
    where_born="Where was the person born who looks after the lighthouse of {p}?",
    absent=(
        "Who painted the ceiling of the theatre of {p}?",
        "How much does a ticket for the cable car of {p} cost?",
        "In which year did the observatory of {p} burn down?",
    ),
    exact=(
        ("The deed of {p} bears the number {v}.", "What number does the deed of {p} bear?"),
        ("The repair of the ferry of {p} cost {v} crowns.", "How many crowns did the repair of the ferry of {p} cost?"),
        ("The charter of {p} was sealed on {v}.", "On which day was the charter of {p} sealed?"),
    ),
    follow="And to whom does its mill belong?",
    space=" ",
)
_ZH = _Words(
    title="沿海地名录",
    heading="第{n}部分",
    facts=(
        ("{p}的石桥建于{v}年。", "{p}的石桥建于哪一年？"),
        ("{p}的码头水深{v}米。", "{p}的码头水深多少米？"),
        ("{p}的磨坊归{v}所有。", "{p}的磨坊归谁所有？"),
        ("{p}的学校有{v}名学生。", "{p}的学校有多少名学生？"),
        ("{p}的庙会在{v}举行。", "{p}的庙会在哪一天举行？"),
    ),
    idle=(
        "雨后那里的路很难走。",
        "房屋大多背风而建。",
        "过路的人都夸那里的面食。",
        "夏天渔船天黑才回来。",
        "井边的老树有些年头了。",
    ),
    keeper="{y}年，{p}粮仓的钥匙由{v}保管。",
    keepers="哪三个人保管过{p}粮仓的钥匙？",
    table="鲱鱼上岸量（桶）：",
    cell="根据表格，{y}年在{p}上岸的鲱鱼有多少桶？",
    columns=("地点", "{y}年"),
    light="{p}的灯塔由{v}照看。",
    born="{v}出生在{p}。",
    where_born="照看{p}灯塔的人出生在哪里？",
    absent=("{p}剧院的天花板是谁画的？", "{p}的缆车票多少钱一张？", "{p}的天文台是哪一年烧毁的？"),
    exact=(
        ("{p}的地契编号为{v}。", "{p}的地契编号是什么？"),
        ("{p}渡船的修理费为{v}元。", "{p}渡船的修理费是多少元？"),
        ("{p}的特许状于{v}盖印。", "{p}的特许状是哪一天盖印的？"),
    ),
    follow="那里的磨坊归谁所有？",
    space="",
)
_WORDS: dict[Language, _Words] = {"en": _EN, "zh": _ZH}
_PLACES = {
    "en": "Al Bran Cor Dun El Fen Gar Hol Is Kel Lor Mar Nor Ost Pel Quil Ran Sel Tor Ul, "
    "a be do fi go ke li mo na pu ra si te ve, by dale fell ford ham mouth ness stead thorpe wick",
    "zh": "云 白 青 石 沙 芦 渔 盐 梅 松 竹 柳 枫 荷 兰 杏 桃 柏 榆 桐, 溪 湾 桥 塘 坪 岭 渚 埠 浦 洲 滩 汀 屿 坡, "
    "镇 村 港 屯 乡 庄 堡 寨 坞 里",
}
_PEOPLE = {
    "en": "Ada Bern Cleo Dirk Edda Finn Greta Hugo Ines Jan Karin Lars Mina Nils Olga Per Runa Sven Tilda Ulf, "
    "Abel Aske Berg Brandt Cray Dahl Egge Falk Foss Grieg Holm Juhl Krag Lund Moe Opdal Rask Sand Vik Wold",
    "zh": "赵 钱 孙 李 周 吴 郑 王 冯 陈 卫 蒋 沈 韩 杨 朱 秦 许 何 吕, 文 德 国 春 志 明 永 家 秀 玉, "
    "华 山 平 兰 海 清 荣 英",
}
_MONTHS = "January February March April May June July August September October November December"


def _names(parts: str, between: str) -> list[str]:
    """All names of one of each of the parts."""
    return [between.join(name) for name in product(*(part.split() for part in parts.split(", ")))]


def make(language: Language, tokens: int, seed: int) -> Made:
    """A document of about so many tokens, see CHARACTERS, and at least one with a place for each question."""
    return _Maker(language, int(tokens * CHARACTERS[language]), seed).made()


class _Maker:
    def __init__(self, language: Language, characters: int, seed: int) -> None:
        self._language: Language = language
        self._characters = characters
        self._words = _WORDS[language]
        self._random = random.Random(f"{language} {characters} {seed}")
        self._places = iter(self._shuffled(_names(_PLACES[language], "")))
        self._everybody = self._shuffled(_names(_PEOPLE[language], self._words.space))
        self._people = iter(self._everybody)
        self._facts: list[tuple[str, list[str]]] = []  # the places that have been told of, with their values in order

    def made(self) -> Made:
        table, cell = self._table()
        strewn, asked = self._strewn()
        for _ in range(1 + self._characters // _CHARACTERS_A_SET):
            strewn += self._strewn()[0]
        self._random.shuffle(strewn)
        size = len(table) + sum(map(len, strewn))
        paragraphs: list[str] = []
        while size < self._characters or len(paragraphs) < _LEAST:
            paragraphs.append(self._paragraph())
            size += len(paragraphs[-1]) + 2
        asked += [cell, *self._of_paragraphs()]
        for text in strewn:
            paragraphs[self._random.randrange(len(paragraphs))] += self._words.space + text
        paragraphs.insert(self._random.randrange(len(paragraphs) + 1), table)
        return Made(self._in_parts(paragraphs), tuple(sorted(asked, key=lambda one: KINDS.index(one.kind))))

    def _shuffled(self, names: list[str]) -> list[str]:
        return self._random.sample(names, len(names))

    def _date(self, year: bool) -> str:
        month, day = self._random.randint(1, 12), self._random.randint(1, 28)
        if self._language == "zh":
            return (f"{self._random.choice(_YEARS)}年" if year else "") + f"{month}月{day}日"
        return f"{day} {_MONTHS.split()[month - 1]}" + (f" {self._random.choice(_YEARS)}" if year else "")

    def _paragraph(self) -> str:
        """What there is to say of the next place."""
        place, rng = next(self._places), self._random
        values = [
            str(rng.choice(_YEARS)),
            f"{rng.randint(2, 60)}.{rng.randint(1, 9)}",
            self._random.choice(self._everybody),
            str(rng.randint(11, 999)),
            self._date(year=False),
        ]
        self._facts.append((place, values))
        told = [said.format(p=place, v=value) for (said, _), value in zip(self._words.facts, values, strict=True)]
        told.insert(rng.randrange(len(told) + 1), rng.choice(self._words.idle))
        return self._words.space.join(told)

    def _of_paragraphs(self) -> Iterator[Asked]:
        """The questions about what the paragraphs say."""
        rng, facts = self._random, self._words.facts
        places = rng.sample(self._facts, 3)
        at = rng.randrange(len(facts))
        yield Asked("needle", facts[at][1].format(p=places[0][0]), (places[0][1][at],))
        yield Asked("absent", rng.choice(self._words.absent).format(p=places[1][0]), ())
        first = rng.choice([0, 1, 3])
        yield Asked("follow-up", self._words.follow, (places[2][1][2],), facts[first][1].format(p=places[2][0]))

    def _strewn(self) -> tuple[list[str], list[Asked]]:
        """Statements to be strewn over the document, and the questions to them."""
        rng, words = self._random, self._words
        granary, light, deed = (next(self._places) for _ in range(3))
        people = [next(self._people) for _ in range(4)]
        keepers, keeper = people[:3], people[3]
        years = sorted(rng.sample(_YEARS, 3))
        stored = [words.keeper.format(y=year, p=granary, v=one) for year, one in zip(years, keepers, strict=True)]
        home = next(self._places)
        said, question = rng.choice(words.exact)
        value = self._exact(words.exact.index((said, question)))
        texts = [*stored, words.light.format(p=light, v=keeper), words.born.format(v=keeper, p=home)]
        texts.append(said.format(p=deed, v=value))
        return texts, [
            Asked("several", words.keepers.format(p=granary), tuple(keepers)),
            Asked("two steps", words.where_born.format(p=light), (home,)),
            Asked("exact", question.format(p=deed), (value,)),
        ]

    def _exact(self, which: int) -> str:
        makers: tuple[Callable[[], str], ...] = (
            lambda: str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            lambda: f"{self._random.randint(10_000, 9_999_999) / 100:,.2f}",
            lambda: self._date(year=True),
        )
        return makers[which]()

    def _table(self) -> tuple[str, Asked]:
        rng, (first, other) = self._random, self._words.columns
        heads = [first, *(other.format(y=year) for year in _TABLE_YEARS)]
        rows = [(next(self._places), rng.sample(range(100, 10_000), len(_TABLE_YEARS))) for _ in range(_TABLE_ROWS)]
        lines = [heads, ["---"] * len(heads), *([place, *map(str, cells)] for place, cells in rows)]
        place, cells = rng.choice(rows)
        column = rng.randrange(len(_TABLE_YEARS))
        question = self._words.cell.format(p=place, y=_TABLE_YEARS[column])
        text = f"{self._words.table}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return text, Asked("table", question, (str(cells[column]),))

    def _in_parts(self, paragraphs: list[str]) -> str:
        """The paragraphs under headings, twenty to each."""
        parts = [f"# {self._words.title}"]
        for number, at in enumerate(range(0, len(paragraphs), 20), 1):
            parts += [f"## {self._words.heading.format(n=number)}", *paragraphs[at : at + 20]]
        return "\n\n".join(parts) + "\n"
