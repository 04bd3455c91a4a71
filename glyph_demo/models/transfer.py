"""Arrays to the device and back: through pinned memory on a copy stream of its own with CUDA, in place on a CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

_BFLOAT16 = "bfloat16"  # NumPy has none: its bits travel as uint16, and the array's name says so


class Transfer:
    """Copies between host and `device`. With CUDA they run on a stream of their own beside what the device computes,
    and only what needs a copy waits for it. `apart` says that the device has memory of its own, as all but a CPU have;
    tests give a CPU some."""

    def __init__(self, device: torch.device, apart: bool | None = None) -> None:
        self.device = device
        self.apart = device.type == "cuda" if apart is None else apart
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def to_device(self, array: NDArray[np.generic] | torch.Tensor) -> torch.Tensor:
        """The array on the device; the current stream waits for it. Both share memory where the device is not apart."""
        host = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
        if self._stream is None:
            return host.clone() if self.apart else host
        pinned = host.pin_memory()
        with torch.cuda.stream(self._stream):
            there = pinned.to(self.device, non_blocking=True)
        torch.cuda.current_stream(self.device).wait_stream(self._stream)
        return self.used(there)

    def to_host(self, tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
        """Start to copy a tensor that is complete. Returns a function that waits for the copy and returns it, in host
        memory."""
        if self._stream is None:
            copy = tensor.clone() if self.apart else tensor
            return lambda: copy
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        with torch.cuda.stream(self._stream):
            host.copy_(tensor, non_blocking=True)
            self.used(tensor)
            done = self._stream.record_event()

        def wait() -> torch.Tensor:
            done.synchronize()
            return host

        return wait

    @contextlib.contextmanager
    def behind(self) -> Iterator[None]:
        """Run the block on the copy stream, behind all that the device has been told to compute."""
        if self._stream is None:
            yield
            return
        self._stream.wait_stream(torch.cuda.default_stream(self.device))
        with torch.cuda.stream(self._stream):
            yield

    def used(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor. Its memory is not reused before the current stream is done with it."""
        if self._stream is not None:
            tensor.record_stream(torch.cuda.current_stream(self.device))
        return tensor

    @contextlib.contextmanager
    def beside(self) -> Iterator[Callable[[], None]]:
        """Run the block on the copy stream. Yields a function that has the then current stream wait for the block."""
        if self._stream is None:
            yield lambda: None
            return
        done = torch.cuda.Event()
        with torch.cuda.stream(self._stream):
            yield lambda: torch.cuda.current_stream(self.device).wait_event(done)
            done.record()


def to_arrays(name: str, tensor: torch.Tensor) -> dict[str, NDArray[np.generic]]:
    """A host tensor as a named array; bfloat16 as its bits in uint16 under `name.bfloat16`."""
    if tensor.dtype == torch.bfloat16:
        return {f"{name}.{_BFLOAT16}": tensor.view(torch.uint16).numpy()}
    return {name: tensor.numpy()}


def from_arrays(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> torch.Tensor:
    """What `to_arrays` was given."""
    if name in arrays:
        return torch.from_numpy(np.require(arrays[name], requirements="W"))
    return torch.from_numpy(np.require(arrays[f"{name}.{_BFLOAT16}"], requirements="W")).view(torch.bfloat16)
