import pytest

from glyph_demo.engines.pocket.engine import PocketEngine, reader_files
from glyph_demo.settings import Pocket, Settings


@pytest.fixture(scope="session")
def reader():
    from glyph_demo.engines.pocket.reader import Reader

    return Reader(*reader_files(), threads=0)


@pytest.fixture
def engine(tmp_path):
    """Quotes only."""
    engine = PocketEngine(Settings(cache_dir=str(tmp_path), pocket=Pocket(language_model="none")))
    yield engine
    engine.close()
