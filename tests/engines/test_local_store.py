"""What open documents hold: keys and values within their budget, and of page features what the store has, on a device
of its own (here a part of this machine's memory), in memory and on disk."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import psutil
import pytest
import torch

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.local.document import LocalDocument
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.engines.local.pages import EmbedsOnDevice
from glyph_demo.models import vision_language
from glyph_demo.models.transfer import Transfer
from glyph_demo.settings import merge
from glyph_demo.store import FeatureStore, PageFeatures, feature_key
from tests.answers import joined

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = AskOptions(max_new_tokens=3)
PAGE_BYTES = 204 * 64 * 4  # tokens, hidden, float32
PLACES = 780  # for keys and values


class Apart(Transfer):
    """A device with memory of its own. `log` has the copies to host memory that were begun and looked at."""

    log: ClassVar[list[str]] = []

    def __init__(self, device: torch.device) -> None:
        super().__init__(device, apart=True)

    def to_host(self, tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
        self.log.append("begun")
        give = super().to_host(tensor)

        def wait() -> torch.Tensor:
            self.log.append("looked at")
            return give()

        return wait


@pytest.fixture
def apart(monkeypatch):
    monkeypatch.setattr(vision_language, "Transfer", Apart)
    monkeypatch.setattr(Apart, "log", [])


@pytest.fixture
def session(local_settings, tmp_path, apart):
    """Room for the keys and values of three pages, the features of one on the device, of two in memory and of two on
    disk."""
    settings = merge(local_settings, {"store.open_documents": 4, "rendering.dpi": 40})
    engine = LocalEngine(settings, kv_bytes=PLACES * LocalEngine(settings).decoder.bytes_per_entry)
    store = FeatureStore(tmp_path / "features", *[int(2.5 * PAGE_BYTES)] * 2, int(1.5 * PAGE_BYTES))
    made = DocumentSession(engine, settings, store)
    made.others = features()  # of other tests in this process
    yield made
    made.close()
    assert engine.nbytes == 0


def write(folder: Path, number: int) -> Path:
    path = folder / f"{number}.txt"
    path.write_text(f"Story {number}. " * 1600)  # two pages
    return path


def said(session: DocumentSession, question: str = "What is it?") -> str:
    return joined(session.ask(question, SHORT))


def features() -> list[PageFeatures]:
    gc.collect()
    return [f for f in gc.get_objects() if type(f) is PageFeatures]


def alive(session: DocumentSession) -> int:
    """Bytes of all page features that are in this process since the session began; those that share arrays count
    once."""
    ours = [each for each in features() if all(each is not other for other in session.others)]
    return sum({id(array): array.nbytes for each in ours for array in each.arrays.values()}.values())


def on_device() -> int:
    """Bytes of all embeddings on the device that something holds, the storage behind them counted."""
    gc.collect()
    storages = [o.embeds.untyped_storage() for o in gc.get_objects() if type(o) is EmbedsOnDevice]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def inside_the_budgets(session: DocumentSession) -> None:
    store, engine = session.store, session.engine
    assert engine.nbytes <= engine.pool.budget
    assert alive(session) == store.memory_bytes <= store.memory_bytes_limit
    assert on_device() == store.device_bytes <= store.device_bytes_limit
    on_disk = sum(file.stat().st_size for file in store._folder.rglob("*.features")) if store._folder else 0
    assert on_disk == store.disk_bytes <= store.disk_bytes_limit


def test_open_documents_hold_no_features_beside_the_store_s_and_answer_the_same_after_eviction(session, tmp_path):
    first = {}
    for number in range(4):
        identifier = session.open(write(tmp_path, number))
        first[identifier] = said(session)
        inside_the_budgets(session)
    encoded: list[str] = []
    encode = session.engine.encode
    session.engine.encode = lambda page: encoded.append(page.digest) or encode(page)
    for identifier, answer in first.items():
        assert session.select(identifier).state == "ready"
        session.undo()
        assert said(session) == answer
        inside_the_budgets(session)
    assert session.store.device_bytes, "what came back is on the device"
    assert encoded, "some were neither in memory nor on disk, and were read again from their pictures"


def opened(session: DocumentSession, path: Path) -> str:
    identifier = session.open(path)
    session.current.wait()
    return identifier


def roomy(session: DocumentSession) -> FeatureStore:
    session.store = FeatureStore(session.settings.cache_path / "roomy", 1 << 24, 1 << 24, 1 << 24)
    return session.store


def test_the_first_prefill_does_not_wait_for_the_copy_in_host_memory(session, tmp_path):
    roomy(session)
    append = LocalDocument.append

    def logged(document: LocalDocument, features: PageFeatures) -> None:
        append(document, features)
        Apart.log.append("prefilled")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalDocument, "append", logged)
        opened(session, write(tmp_path, 0))
    assert Apart.log == ["begun", "prefilled", "looked at"] * 2


def test_a_page_on_the_device_is_taken_from_there_and_one_from_elsewhere_stays_there(session, tmp_path):
    store, path = roomy(session), write(tmp_path, 0)
    opened(session, path)
    reading = session.current
    assert reading.kept() == "device"
    answer, sizes = (
        said(session),
        [store.get(feature_key(view.digest, session.engine.identity)).device.nbytes for view in reading.pages],
    )
    sent: list[int] = []
    transfer = session.engine.model.transfer
    to_device = transfer.to_device
    transfer.to_device = lambda array: sent.append(array.nbytes) or to_device(array)
    opened(session, path)
    assert (said(session), sent) == (answer, [])
    store.clear_device()
    assert reading.kept() == "memory"
    opened(session, path)
    assert (said(session), sent) == (answer, sizes)
    assert reading.kept() == "device"
    assert store.device_bytes == sum(sizes)


def test_the_device_is_emptied_when_memory_runs_out(session, tmp_path):
    store, engine = roomy(session), session.engine
    opened(session, write(tmp_path, 0))
    assert on_device() == store.device_bytes > PAGE_BYTES
    engine.relieve()
    assert on_device() == store.device_bytes == 0
    assert store.memory_bytes


def test_a_closed_engine_leaves_nothing_on_the_device(local_settings, tmp_path, apart):
    session = DocumentSession(LocalEngine(local_settings), local_settings)
    opened(session, write(tmp_path, 0))
    assert session.store.device_bytes
    session.close()
    session.engine.close()
    assert on_device() == session.store.device_bytes == 0


def test_keys_and_values_leave_room_for_what_is_kept_on_the_device(local_settings, monkeypatch):
    settings = merge(local_settings, {"inference.memory_limit_gb": 0.6})
    wide, narrow = (merge(settings, {"store.device_mb": megabytes}) for megabytes in (0, 200))
    assert LocalEngine(wide).pool.budget == LocalEngine(narrow).pool.budget, "a CPU keeps none"
    monkeypatch.setattr(vision_language, "Transfer", Apart)
    assert LocalEngine(wide).pool.budget - LocalEngine(narrow).pool.budget == 200 << 20


@pytest.mark.long
def test_a_hundred_rounds_over_twelve_documents_stay_inside_every_budget(session, tmp_path):
    files = [write(tmp_path, number) for number in range(12)]
    process = psutil.Process()
    before = 0
    for i in range(100):
        identifier = session.open(files[i * 5 % 12])
        assert said(session)
        inside_the_budgets(session)
        if i % 3:
            session.remove(identifier)
        if i == 30:
            before = process.memory_info().rss
    assert process.memory_info().rss - before < 16 << 20
