"""What is asked of CUDA, and in which order, when a forward is captured. That a graph then replays right, and that its
memory stays its own, only a GPU can show."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from glyph_demo.decoding import graphs
from glyph_demo.decoding.decoder import Decoder
from tests.decoding.tiny import tiny_llama

CUDA = torch.device("cuda", 0)


@pytest.fixture
def asked(monkeypatch):
    """What is asked of torch.cuda, in order."""
    asked = []

    def named(name):
        return SimpleNamespace(name=name, wait_stream=lambda other: asked.append(f"{name} waits for {other.name}"))

    def stream(device):
        made = sum(1 for entry in asked if entry == "new stream")
        asked.append("new stream")
        return named(f"stream {made}")

    @contextmanager
    def on(stream):
        asked.append(f"on {stream.name}")
        yield

    @contextmanager
    def graph(graph, pool, stream, capture_error_mode):
        asked.append(f"capture on {stream.name}, {pool}, {capture_error_mode}")
        try:
            yield
        finally:
            asked.append("captured")

    graphs._stream.cache_clear()
    for name, made in {
        "Stream": stream,
        "stream": on,
        "graph": graph,
        "CUDAGraph": object,
        "current_stream": lambda device: named("current"),
    }.items():
        monkeypatch.setattr(torch.cuda, name, made)
    monkeypatch.setattr(torch._C, "_cuda_clearCublasWorkspaces", lambda: asked.append("clear"), raising=False)
    yield asked
    graphs._stream.cache_clear()


def test_no_graph_shares_a_workspace_of_cublas_with_another(asked):
    def forward():
        asked.append("forward")
        return torch.ones(1)

    for pool in (None, "pool"):
        graphs.capture(forward, CUDA, pool)
        assert asked == [
            *(["new stream"] if pool is None else []),  # one for all: a workspace is its own by being forgotten
            "stream 0 waits for current",
            "on stream 0",
            "forward",
            "current waits for stream 0",
            "clear",
            f"capture on stream 0, {pool}, thread_local",
            "forward",
            "captured",
            "clear",
        ]
        asked.clear()


def test_workspaces_go_when_a_capture_fails(asked):
    def forward():
        if any(entry.startswith("capture") for entry in asked):
            raise RuntimeError("operation not permitted when stream is capturing")

    with pytest.raises(RuntimeError, match="capturing"):
        graphs.capture(forward, CUDA, None)
    assert asked[-2:] == ["captured", "clear"]


@pytest.fixture
def cudnn_allowed():
    before = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(True)
    yield
    torch.backends.cuda.enable_cudnn_sdp(before)


@pytest.mark.parametrize(("device", "allowed"), [(CUDA, False), (torch.device("cpu"), True)])
def test_a_decoder_on_cuda_attends_without_cudnn(monkeypatch, cudnn_allowed, device, allowed):
    model = tiny_llama(4, 2)
    monkeypatch.setattr(type(model), "device", device)
    Decoder(model)
    assert torch.backends.cuda.cudnn_sdp_enabled() is allowed
