from dataclasses import replace

from benchmarks import batch
from glyph_demo.settings import load_settings
from tests.checkpoints import make_checkpoint


def test_every_batch_says_what_each_says_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "MOST", {"cpu": 4})
    monkeypatch.setattr(batch, "TOKENS", 6)
    monkeypatch.setattr(batch, "SIDE", 112)
    settings = load_settings(flags={"engine": "local", "model": str(make_checkpoint(tmp_path / "model"))})
    result = batch.run(replace(settings, cache_dir=str(tmp_path / "cache")))
    assert [row["batch"] for row in result["batches"]] == [1, 2, 4]
    assert all(row["same_tokens"] for row in result["batches"])
    assert result["largest"] == 4
    held = [row["kv_bytes"] for row in result["batches"]]
    assert held[0] < held[1] < held[2]
    assert all(row["throughput"] > 0 and row["later_question"]["latency"] > 0 for row in result["batches"])
