"""Disks that are full, files that are half there, processes that are killed, cards that are gone."""

import random
import subprocess
import sys
import time
import types
from dataclasses import replace
from pathlib import Path

import pytest

from glyph_demo.conversation import table as many
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines import choose_engine
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import EngineError, GlyphError
from glyph_demo.gpu import gpus
from glyph_demo.settings import Settings, load_settings
from glyph_demo.store import FeatureStore
from glyph_demo.windows.history import History
from tests.checkpoints import make_checkpoint
from tests.reliability.echo import EchoEngine
from tests.reliability.stored import KEYS, MEGABYTE, WINDOW, features, same

ROOT = Path(__file__).parents[2]

# A process that writes over and over.
WRITER = """
import sys
sys.path[:0] = [{root!r}, {here!r}]
from pathlib import Path
from tests.reliability.stored import WRITERS
steps = WRITERS[{kind!r}](Path({folder!r}))
next(steps)
print("ready", flush=True)
while True:
    next(steps)
"""
KILLS = pytest.mark.parametrize("kills", [4, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])


def killed_while_writing(kind, folder, after):
    code = WRITER.format(root=str(ROOT), here=str(Path(__file__).parent), folder=str(folder), kind=kind)
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(after)
    finally:
        writer.kill()
        writer.wait()


@KILLS
def test_a_store_whose_writer_is_killed_opens_and_gives_what_was_put_or_nothing(kills, tmp_path):
    chance = random.Random(kills)
    found = 0
    for _ in range(kills):
        killed_while_writing("features", tmp_path, chance.uniform(0.0, 0.2))
        store = FeatureStore(tmp_path, MEGABYTE, MEGABYTE)
        held = {key: store.get(key) for key in KEYS}
        assert all(same(value, key) for key, value in held.items() if value is not None)
        found += sum(value is not None for value in held.values())
        assert not list(tmp_path.rglob("*.partial")), "what the killed process left is cleared away"
        kept = sum(file.stat().st_size for file in tmp_path.rglob("*.features"))
        assert store.disk_bytes == kept <= MEGABYTE
    assert found


@KILLS
@pytest.mark.parametrize("kind", ["table", "history"])
def test_what_a_killed_process_wrote_is_there_as_it_was_last_written(kind, kills, tmp_path):
    chance = random.Random(kills)
    for _ in range(kills):
        killed_while_writing(kind, tmp_path, chance.uniform(0.0, 0.2))
        if kind == "table":
            (row,) = many.load(tmp_path / "table.json")
            assert row.answer.endswith(row.file.removesuffix(".txt"))
        else:
            (document,) = History(tmp_path).load(WINDOW).documents
            (exchange,) = document.exchanges
            assert exchange.question == f"{int(document.file, 16)}?"
            assert exchange.answer.endswith(exchange.question[:-1])


def test_a_stored_file_cut_off_anywhere_is_a_miss(tmp_path):
    FeatureStore(tmp_path, 0, MEGABYTE).put(KEYS[0], features(KEYS[0], 40))
    (path,) = tmp_path.rglob("*.features")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert FeatureStore(tmp_path, 0, MEGABYTE).get(KEYS[0]) is None, length
    path.write_bytes(whole)
    assert FeatureStore(tmp_path, 0, MEGABYTE).get(KEYS[0]) is not None


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_takes_no_more_leaves_the_store_working_from_memory(tmp_path):
    """The system refuses to let a file grow beyond 8 KiB, as a full disk or a quota does."""
    code = f"""
import resource, signal, sys
sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
from pathlib import Path
from tests.reliability.stored import KEYS, MEGABYTE, features, same
from glyph_demo.store import FeatureStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
store = FeatureStore(Path({str(tmp_path)!r}), 16 * MEGABYTE, 16 * MEGABYTE)
for key in KEYS:
    store.put(key, features(key))
assert all(same(store.get(key), key) for key in KEYS)
assert store.disk_bytes == 0
assert not list(Path({str(tmp_path)!r}).rglob("*.*"))
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_full_disk_is_told_as_such_and_the_session_goes_on(save, monkeypatch):
    path = save("a.txt", "A line of the document.\n" * 90)
    session = DocumentSession(EchoEngine(), load_settings())
    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", no_space)
        session.open(path)
        with pytest.raises(GlyphError, match="disk_full"):
            list(session.ask("What is it?"))
    session.open(path)
    assert list(session.ask("What is it?"))
    session.close()


def no_space(*_):
    raise OSError(28, "No space left on device")


def nvml(**broken):
    """A library like pynvml for one card, some of whose functions fail."""
    module = types.ModuleType("pynvml")
    working = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetCudaDriverVersion_v2": lambda: 13000,
        "nvmlSystemGetDriverVersion": lambda: "580.1",
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetMemoryInfo": lambda handle: types.SimpleNamespace(total=80 << 30, free=70 << 30),
        "nvmlDeviceGetName": lambda handle: b"A card",
    }
    for name, function in (working | broken).items():
        setattr(module, name, function)
    return module


def gone(*_):
    raise RuntimeError("GPU is lost")  # pynvml's own errors are plain exceptions too


def test_a_card_that_answers_is_known(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", nvml())
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("glyph_demo.engines.weights.weights_here", lambda settings: Path("here"))
    assert [card.name for card in gpus()] == ["A card"]
    assert choose_engine(Settings()).name == "local"


@pytest.mark.parametrize("function", [name for name in vars(nvml()) if name.startswith("nvml")])
def test_a_card_that_is_lost_at_any_moment_is_no_card(function, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", nvml(**{function: gone}))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert gpus() == []
    assert choose_engine(Settings()).name == "pocket"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("model"), shard="200KB")


@pytest.mark.parametrize("state", ["missing", "empty", "half"])
def test_a_model_folder_half_downloaded_is_an_error_that_says_so(state, checkpoint, tmp_path):
    """Whatever file is missing or cut off, the engine starts or says why it does not; it never breaks down."""
    names = sorted(path.name for path in checkpoint.iterdir())
    assert sum(name.endswith(".safetensors") for name in names) > 1
    for number, name in enumerate(names):
        folder = tmp_path / str(number)
        folder.mkdir()
        for other in names:
            content = (checkpoint / other).read_bytes()
            if other != name:
                (folder / other).write_bytes(content)
            elif state != "missing":
                (folder / other).write_bytes(content[: len(content) // 2] if state == "half" else b"")
        settings = replace(Settings(), engine="local", model=str(folder), cache_dir=str(tmp_path / "cache"))
        assert not (starts(settings) and name.endswith(".safetensors")), "weights are never made up"


def test_a_download_that_is_completed_later_starts_as_if_it_had_never_been_broken(checkpoint, tmp_path):
    whole = replace(Settings(), engine="local", model=str(checkpoint), cache_dir=str(tmp_path / "cache"))
    files = sorted(checkpoint.iterdir(), key=lambda file: file.suffix == ".safetensors")  # weights come last
    (tmp_path / "model").mkdir()
    folder = replace(whole, model=str(tmp_path / "model"))
    for file in files:
        content = file.read_bytes()
        copy = tmp_path / "model" / file.name
        copy.write_bytes(content[: len(content) // 2])
        if file.suffix == ".safetensors":
            assert not starts(folder)
        copy.write_bytes(content)
    engine, expected = LocalEngine(folder, kv_bytes=1 << 22), LocalEngine(whole, kv_bytes=1 << 22)
    assert engine.identity == expected.identity
    engine.close()
    expected.close()


def complete(error):
    assert error.message.en.endswith(".")
    assert error.message.zh.endswith("。")


def starts(settings):
    """Whether the engine starts; if not, it has said why in both languages."""
    try:
        LocalEngine(settings, kv_bytes=1 << 22).close()
    except EngineError as error:
        complete(error)
        return False
    return True
