"""Keys and values come from the disk only where that is faster than computing them."""

import stat

import pytest

from glyph_demo.engines.local.rates import FILE, Rates, measured
from tests.engines.local import page
from tests.engines.restarts import Program


def test_reading_pays_until_it_is_known_to_be_slower(tmp_path):
    rates = Rates(tmp_path, "root", "Model")
    assert rates.pays
    rates.read.add(10, 1.0)
    assert rates.pays, "what computing takes is not known"
    rates.computed.add(1000, 1.0)
    assert not rates.pays
    for _ in range(60):
        rates.read.add(10_000, 1.0)
    assert rates.pays, "the last measurements count most"


def test_what_computing_takes_is_known_after_a_restart_to_this_model_only(tmp_path):
    first = Rates(tmp_path, "root", "Model")
    first.computed.add(500, 1.0)
    first.read.add(4000, 1.0)
    first.save()
    again, other = Rates(tmp_path, "root", "Model"), Rates(tmp_path, "other", "Other")
    assert (again.computed.value, again.read.value) == (500.0, None)
    assert other.computed.value is None
    assert measured(tmp_path) == [{"model": "Model", "computed": 500.0, "read": 4000.0}]


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"a": 1}', '{"a": {"model": "m", "read": "x"}}', '{"a": {"model": "m", "read": NaN}}']
)
def test_a_file_of_rates_that_is_damaged_says_nothing(content, tmp_path):
    (tmp_path / FILE).write_text(content)
    assert measured(tmp_path) == []
    Rates(tmp_path, "root", "Model").save()
    assert measured(tmp_path) == [{"model": "Model"}]


def test_an_engine_that_computes_faster_than_it_reads_neither_reads_nor_writes(checkpoint, tmp_path):
    def taken_and_kept(read: float) -> tuple[int, int]:
        program = Program(checkpoint, tmp_path)
        program.engine.keeper.rates.computed.add(10**9, 1.0)
        program.engine.keeper.rates.read.add(int(read), 1.0)
        program.ask(program.open([page(1), page(2)]), "why")
        program.close()
        return program.taken, program.store.kv.nbytes

    assert taken_and_kept(read=10**3) == (0, 0)
    taken, kept = taken_and_kept(read=10**12)
    assert (taken, kept > 0) == (0, True)
    assert stat.S_IMODE((tmp_path / "kv").stat().st_mode) == 0o700
    assert taken_and_kept(read=10**3)[0] == 0
    assert taken_and_kept(read=10**12)[0] > 0
