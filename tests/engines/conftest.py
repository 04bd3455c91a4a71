import pytest

from glyph_demo.engines.pocket.engine import PocketEngine, reader_files
from glyph_demo.rendering import resolve_style
from glyph_demo.settings import Pocket, Rendering, Settings, merge


@pytest.fixture(scope="session")
def reader():
    from glyph_demo.engines.pocket.reader import Reader

    return Reader(*reader_files(), threads=0, style=resolve_style(Rendering(), "", "pocket"))


@pytest.fixture
def engine(tmp_path):
    """Quotes only."""
    engine = PocketEngine(Settings(cache_dir=str(tmp_path), pocket=Pocket(language_model="none")))
    yield engine
    engine.close()


@pytest.fixture
def start(local_settings):
    """A function that starts a local engine with some settings changed, by dotted names."""
    from glyph_demo.engines.local.engine import LocalEngine

    def started(changes=None, kv_bytes=1 << 26, precision=None):
        return LocalEngine(merge(local_settings, changes or {}), precision=precision, kv_bytes=kv_bytes)

    return started
