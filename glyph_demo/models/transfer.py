"""Arrays to the device and back: through pinned memory on a copy stream of its own with CUDA, in place on a CPU."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

_BFLOAT16 = "bfloat16"  # NumPy has none: its bits travel as uint16, and the array's name says so


class Transfer:
    """Copies between host and `device`. With CUDA a copy to the device runs beside what the device computes, and only
    the current stream waits for it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def to_device(self, array: NDArray[np.generic] | torch.Tensor) -> torch.Tensor:
        """The array on the device. On a CPU both share memory."""
        host = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
        if self._stream is None:
            return host
        pinned = host.pin_memory()
        with torch.cuda.stream(self._stream):
            there = pinned.to(self.device, non_blocking=True)
        current = torch.cuda.current_stream(self.device)
        current.wait_stream(self._stream)
        there.record_stream(current)
        return there

    def to_host(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor in host memory, complete. Waits for the current stream only."""
        if self._stream is None:
            return tensor
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        host.copy_(tensor, non_blocking=True)
        torch.cuda.current_stream(self.device).synchronize()
        return host


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
