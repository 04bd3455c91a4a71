"""Whatever a client sends, others are answered meanwhile, and memory stays in proportion."""

import pytest

from tests.serving.costly import BODIES, app


def costs(folder, max_file_mb):
    with app(folder, max_file_mb) as running:
        for name, (route, kind, body) in BODIES.items():
            yield name, running.sent(route, kind, body(max_file_mb * 4 // 3 << 20))


def test_no_body_keeps_the_server_from_answering_others(tmp_path):
    for name, cost in costs(tmp_path, 6):
        assert cost.status in (200, 400, 413, 422), name
        assert cost.wait < 1, name


@pytest.mark.long
def test_nor_does_one_as_large_as_any_may_be_nor_takes_it_much_memory(tmp_path):
    for name, cost in costs(tmp_path, 100):
        assert cost.status in (200, 400, 413, 422), name
        assert cost.wait < 1, name
        assert cost.memory < 5 or cost.size < 4 << 20, name
