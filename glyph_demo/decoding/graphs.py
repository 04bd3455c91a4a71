"""What CUDA is set to before a model decodes, and capture of forwards as CUDA graphs.

A captured matrix product keeps the address of cuBLAS's workspace, and torch keeps one workspace for each stream. When a
graph goes, torch 2.13 frees the workspaces of the stream that it was captured on, which another graph may still use
(https://github.com/pytorch/pytorch/issues/193402). Streams of their own do not help: `torch.cuda.Stream()` is one of 32
that come round again, and each would keep a workspace of 8 MiB, on Hopper 32. So all graphs are captured on one stream,
and workspaces are forgotten before and after each capture. A graph's workspace then is memory of its own pool, which
nobody but the graph holds, and there is none of the stream to free."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

_capturing = threading.Lock()  # the stream takes one at a time; models have a lock each


def prepare_cuda() -> None:
    """Leave cuDNN out of `scaled_dot_product_attention`. Torch prefers it on compute capability 9 and 10, and it makes
    a plan for every shape: decoding without graphs has a new one each token, and a plan can take 0.4 s
    (https://github.com/modelscope/FunASR/issues/3704)."""
    torch.backends.cuda.enable_cudnn_sdp(False)


def capture(forward: Callable[[], torch.Tensor], device: torch.device, pool: Any) -> tuple[Any, torch.Tensor]:
    """A torch.cuda.CUDAGraph of `forward` in the memory `pool`, or in a new one if that is None, and the result that a
    replay writes. `forward` runs once before."""
    with _capturing:
        stream = _stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            forward()  # compiles, and has libraries make what they make once
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        torch._C._cuda_clearCublasWorkspaces()
        try:
            with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
                result = forward()
        finally:
            torch._C._cuda_clearCublasWorkspaces()
        return graph, result


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)
