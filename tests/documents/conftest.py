from pathlib import Path

import pytest

from tests.documents.uploads import Save


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write
