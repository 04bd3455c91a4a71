"""Moves a page's features between the store and the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from numpy.typing import NDArray

from glyph_demo.models.transfer import Transfer, from_arrays, to_arrays
from glyph_demo.store import PageFeatures

_EMBEDS, _GRID = "embeds", "grid"


class EmbedsOnDevice:
    """A page's embeddings (tokens, hidden) on the device, and its `grid`: rows and columns."""

    def __init__(self, embeds: torch.Tensor, grid: tuple[int, int], transfer: Transfer) -> None:
        self.embeds = embeds
        self.grid = grid
        self._transfer = transfer

    @property
    def nbytes(self) -> int:
        return self.embeds.nbytes

    def arrays(self) -> Mapping[str, NDArray]:
        """See `store.OnDevice`. Nothing is copied before the mapping is read."""
        return _Arrays(lambda: self._transfer.to_host(self.embeds)(), self.grid)


class _Arrays(Mapping[str, NDArray]):
    """Embeddings and grid in host memory; reading the mapping waits for the copy of the embeddings."""

    def __init__(self, embeds: Callable[[], torch.Tensor], grid: tuple[int, int]) -> None:
        self._embeds: Callable[[], torch.Tensor] | None = embeds
        self._grid = grid
        self._here: dict[str, NDArray] = {}

    def __getitem__(self, name: str) -> NDArray:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, NDArray]:
        embeds = self._embeds
        if embeds is not None:
            self._here = {**to_arrays(_EMBEDS, embeds()), _GRID: torch.tensor(self._grid).numpy()}
            self._embeds = None
        return self._here


def features_of(embeds: torch.Tensor, grid: tuple[int, int], transfer: Transfer) -> PageFeatures:
    """Embeddings (tokens, hidden) that are complete on the device, as features. A device with memory of its own keeps
    them, and this starts the copy to host memory without waiting for it."""
    arrays = _Arrays(transfer.to_host(embeds), grid)
    return PageFeatures(arrays, device=EmbedsOnDevice(embeds, grid, transfer) if transfer.apart else None)


def grid_of(features: PageFeatures) -> tuple[int, int]:
    """Rows and columns of a page's embeddings."""
    if isinstance(features.device, EmbedsOnDevice):
        return features.device.grid
    rows, columns = (int(side) for side in features.arrays[_GRID])
    return rows, columns


def on_device(features: PageFeatures, transfer: Transfer) -> EmbedsOnDevice:
    """The page's embeddings on the device, copied there if they are not there yet."""
    if isinstance(features.device, EmbedsOnDevice):
        return features.device
    return EmbedsOnDevice(transfer.to_device(from_arrays(_EMBEDS, features.arrays)), grid_of(features), transfer)
