from pathlib import Path

import pytest


@pytest.fixture
def save(tmp_path):
    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write
