"""How pages go through the vision tower: one interface, four runtimes. `eager` is transformers' tower, reads pages of
any size, and is what the others are measured by. `compiled` (torch.compile), `onnx` (ONNX Runtime: TensorRT, CUDA or
CPU) and `mixed` (compiled, with the matrix products of a float32 model in bfloat16, for CPUs that have them) are graphs
of one page size each, built in advance."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from glyph_demo.errors import EngineError, Message, ran_out_of_memory
from glyph_demo.models.base import LoadProgress, untold
from glyph_demo.models.tower import FixedTower, MixedTower

log = logging.getLogger(__name__)

Runtime = Literal["eager", "compiled", "onnx", "mixed"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
Graph = Callable[[torch.Tensor], torch.Tensor]

# Page sizes with a graph. Each compiled one counts against dynamo's limit of 8, each exported one holds the weights
# again. `Style.width_bucket` keeps the sizes of a document's pages few.
MAX_GRAPHS = 4

# How far a graph may be from the eager tower, as norm of the difference by norm of the result: a hundred times what
# float32 shows, and what a change of one rounding per layer makes of 16-bit types.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}


class Vision:
    """The tower `visual` of a transformers model."""

    def __init__(self, visual: Any) -> None:
        self._visual = visual
        self._graphs: dict[tuple[int, int], Graph] = {}
        self.mixed = False  # whether a page may have been read by `mixed`: its features are not float32's to rounding

    def read(self, pages: Sequence[tuple[torch.Tensor, int, int]]) -> list[torch.Tensor]:
        """Embeddings (high * wide / merge**2, hidden) of each page, given as patches (high * wide, values), high and
        wide: by the graph of its size where `prepare_runtime` made one, else by the eager tower, which takes all such
        pages in one call. Call it in inference mode."""
        pages = [(patches.to(self._visual.dtype), high, wide) for patches, high, wide in pages]
        plain = [page for page in pages if page[1:] not in self._graphs]
        eager = iter(self._eager(plain) if plain else ())
        return [
            self._graphs[high, wide](patches) if (high, wide) in self._graphs else next(eager)
            for patches, high, wide in pages
        ]

    def prepare_runtime(
        self, runtime: Runtime, identity: str, high: int, wide: int, folder: Path, progress: LoadProgress | None = None
    ) -> Message | None:
        """Have `runtime` read pages of `high` by `wide` patches from now on, in the precision of now. `identity` names
        weights and precision; `folder` keeps what is built; `progress` counts steps. Returns None, or, when eager has
        to go on, why."""
        report = progress or untold
        self._graphs.pop((high, wide), None)
        if runtime == "eager":
            return None
        try:
            if len(self._graphs) >= MAX_GRAPHS:
                raise _too_many()
            # Tensors made in inference mode can be neither exported nor compiled.
            with torch.inference_mode(False), torch.no_grad():
                self._graphs[high, wide] = self._build(runtime, identity, high, wide, folder, report)
            self.mixed = self.mixed or runtime == "mixed"
        except EngineError as error:
            log.warning("%s", error)
            return error.message
        return None

    def release(self) -> None:
        """Give the graphs' memory back. Needed before the precision changes."""
        self._graphs.clear()

    def _build(
        self, runtime: Runtime, identity: str, high: int, wide: int, folder: Path, report: LoadProgress
    ) -> Graph:
        def check(graph: Graph) -> None:
            self._check(runtime, graph, high, wide)

        try:
            if runtime == "onnx":
                from glyph_demo.models.vision_onnx import onnx_graph

                return onnx_graph(self._visual, identity, high, wide, folder, check, report)
            if runtime == "mixed":
                _require_bfloat16_products(self._visual)
            report(0, 1)
            tower = (MixedTower if runtime == "mixed" else FixedTower)(self._visual, high, wide).eval()
            compiled: Graph = torch.compile(tower, fullgraph=True, dynamic=False)
            check(compiled)
            report(1, 1)
            return compiled
        except EngineError:
            raise
        except Exception as error:  # compilers and providers have their own, and no common base
            if ran_out_of_memory(error):
                raise failed(runtime, "out of memory", "内存不足") from error
            log.info("building the %s vision runtime", runtime, exc_info=True)
            raise failed(runtime, type(error).__name__, type(error).__name__) from error

    def _check(self, runtime: Runtime, graph: Graph, high: int, wide: int) -> None:
        """Raises EngineError unless the graph gives what the eager tower gives, on noise."""
        width = self._visual.patch_embed.proj.weight[0].numel()
        generator = torch.Generator().manual_seed(0)
        with torch.inference_mode():  # as pages are read: a graph compiled for other tensors is compiled again for them
            noise = torch.randn(high * wide, width, generator=generator).to(self._visual.device, self._visual.dtype)
            expected, got = self._eager([(noise, high, wide)])[0].float(), graph(noise).float()
        error = float((got - expected).norm() / expected.norm())
        if (
            not error <= TOLERANCE[torch.bfloat16 if runtime == "mixed" else self._visual.dtype]
        ):  # also when it is not a number
            raise failed(runtime, f"its results differ by {error:.1e}", f"结果相差 {error:.1e}")

    def _eager(self, pages: Sequence[tuple[torch.Tensor, int, int]]) -> tuple[torch.Tensor, ...]:
        grid = torch.tensor([[1, high, wide] for _, high, wide in pages], device=self._visual.device)
        embeds = self._visual(torch.cat([patches for patches, _, _ in pages]), grid_thw=grid).pooler_output
        parts: tuple[torch.Tensor, ...] = embeds.split((grid.prod(-1) // self._visual.spatial_merge_size**2).tolist())
        return parts


def _require_bfloat16_products(visual: Any) -> None:
    """Raises EngineError where `mixed` would be no gain: in 16 bit, on a GPU, on a CPU that only imitates bfloat16."""
    if visual.dtype != torch.float32 or visual.device.type != "cpu":
        raise failed("mixed", "it is for float32 on a CPU", "它仅用于 CPU 上的 float32")
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        raise failed("mixed", "this processor has no bfloat16 products", "此处理器不支持 bfloat16 矩阵乘法")


def failed(runtime: Runtime, en: str, zh: str) -> EngineError:
    return EngineError(
        "vision_runtime_failed",
        f"The vision runtime '{runtime}' cannot be used here ({en}). Pages are read by the plain one, more slowly.",
        f"此处无法使用视觉运行时“{runtime}”({zh})。页面将由普通方式读取，速度较慢。",
    )


def _too_many() -> EngineError:
    return EngineError(
        "vision_sizes_full",
        f"There are fast vision graphs for {MAX_GRAPHS} page sizes already. Pages of other sizes are read more slowly; "
        "choose one style for all documents.",
        f"快速视觉图最多支持 {MAX_GRAPHS} 种页面尺寸，其他尺寸的页面读取较慢；请为所有文档使用同一种样式。",
    )
