"""The most bytes that a computation holds at a time, counted on tensors that have shapes and hold nothing."""

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

META = torch.device("meta")


class Peak(TorchDispatchMode):
    """Counts the tensors on the device "meta" that are made inside it. `most` is their most bytes at a time. Numbers in
    host memory that meet them become shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self._now = 0
        self._held: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if any(isinstance(each, torch.Tensor) and each.is_meta for each in tree_leaves((args, kwargs))):
            args, kwargs = tree_map(_shape, (args, kwargs))
        result = func(*args, **kwargs)
        for made in tree_leaves(result):
            if isinstance(made, torch.Tensor) and made.is_meta:
                self._count(made.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._held:
            self._held[key] = storage.nbytes()
            self._now += storage.nbytes()
            self.most = max(self.most, self._now)
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self._now -= self._held.pop(key)


class _InHostMemory(TorchFunctionMode):
    """Sizes and places, which code reads, are made where they can be read."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.arange) and kwargs.get("device") == META:
            kwargs["device"] = "cpu"
        return func(*args, **kwargs)


@contextlib.contextmanager
def peak() -> Iterator[Peak]:
    with torch.inference_mode(), _InHostMemory(), Peak() as counted:
        yield counted


def _shape(value: Any) -> Any:
    return torch.empty_like(value, device=META) if isinstance(value, torch.Tensor) and not value.is_meta else value
