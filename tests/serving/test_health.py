import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from glyph_demo.errors import EngineError
from tests.serving.pictures import base64_png


def test_ready_is_what_the_engine_is(serve):
    state = {"ready": False}

    def ready():
        if state["ready"] is None:
            raise EngineError("reader_missing", "Files are missing. Install them.", "缺少文件。请安装。")
        return state["ready"]

    with serve(ready=ready).client as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        loading = client.get("/readyz")
        assert (loading.status_code, loading.json()["error"]["code"]) == (503, "loading")
        assert loading.headers["Retry-After"]
        state["ready"] = True
        assert client.get("/readyz").json() == {"status": "ready", "model": "pocket"}
        state["ready"] = None
        broken = client.get("/readyz")
        assert (broken.status_code, broken.json()["error"]["code"]) == (503, "reader_missing")
        assert "Retry-After" not in broken.headers


def test_metrics_count_what_was_done(client):
    body = {"image": base64_png(1), "images": [base64_png(2)], "prompt": "?"}
    for _ in range(2):
        client.post("/api/v1/generate", json=body)
    client.post("/api/v1/generate", json={"prompt": "?", "image": base64_png(2)})
    client.get("/v1/nothing/there")
    text = client.get("/metrics").text
    figures = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert figures["glyph_requests_total", "/api/v1/generate", "200"] == 3
    assert figures["glyph_requests_total", "other", "404"] == 1
    assert figures["glyph_pages_total", "engine"] == 2
    assert figures["glyph_pages_total", "store"] == 1
    assert (figures["glyph_tokens_total", "given"], figures["glyph_tokens_total", "cached"]) == (30, 15)
    assert figures["glyph_first_token_seconds_count",] == 3
    assert figures["glyph_documents_open",] == 2
    assert figures["glyph_queue_running",] == figures["glyph_queue_waiting",] == 0
    assert figures["glyph_store_memory_bytes",] > 0
    assert figures["process_resident_memory_bytes",] > 1e6


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_what_explains_the_api_needs_no_other_host(client, path):
    text = client.get(path).text
    assert "/v1/chat/completions" in text
    assert "/api/v1/generate" in text
    assert not re.search(r"(src|href)=.?(https?:)?//", text)
    assert "stop_token_ids" in text
