"""How pages go through the vision tower: one interface, four runtimes, and `auto`, which takes the fastest one that
gives on a GPU what `eager` gives, and `eager` on a CPU. `eager` is transformers' tower, reads pages of
any size, and is what the others are measured by. `compiled` (torch.compile), `onnx` (ONNX Runtime: TensorRT, CUDA or
CPU) and `mixed` (compiled, with the matrix products of a float32 model in bfloat16, for CPUs that have them) are graphs
of one page size each, built in advance."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch

from glyph_demo.errors import EngineError, Message, ran_out_of_memory
from glyph_demo.models.base import LoadProgress, untold
from glyph_demo.models.budget import TOWER_PATCHES
from glyph_demo.models.tower import FixedTower, MixedTower

log = logging.getLogger(__name__)

Runtime = Literal["auto", "eager", "compiled", "onnx", "mixed"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)[1:]  # those that `auto` may stand for, and `mixed`
Graph = Callable[[torch.Tensor], torch.Tensor]
Page = tuple[torch.Tensor, int, int]  # patches (high * wide, values), high and wide

# Page sizes with a graph. Each compiled one counts against dynamo's limit of 8, each exported one holds the weights
# again. `Style.width_bucket` keeps the sizes of a document's pages few.
MAX_GRAPHS = 4

# How far a graph may be from the eager tower, as norm of the difference by norm of the result: a hundred times what
# float32 shows, and what a change of one rounding per layer makes of 16-bit types.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}


class Rung(NamedTuple):
    """A runtime to try; `provider` is ONNX Runtime's."""

    runtime: Runtime
    provider: str = ""

    @property
    def name(self) -> str:
        """Such as `onnx (CUDA)`."""
        return f"{self.runtime} ({self.provider.removesuffix('ExecutionProvider')})" if self.provider else self.runtime


class Vision:
    """The tower `visual` of a transformers model."""

    def __init__(self, visual: Any) -> None:
        self._visual = visual
        self._graphs: dict[tuple[int, int], Graph] = {}
        self.runtime = "eager"  # what reads the pages of the size prepared last
        self.mixed = False  # whether a page may have been read by `mixed`: its features are not float32's to rounding

    def read(self, pages: Sequence[Page]) -> list[torch.Tensor]:
        """Embeddings (high * wide / merge**2, width) of each page, see `Encoded`, given as patches (high * wide,
        values), high and wide: by the graph of its size where `prepare_runtime` made one, else by the eager tower,
        which takes such pages together up to TOWER_PATCHES, so that their number does not decide how much memory is
        needed. Call it in inference mode."""
        pages = [(patches.to(self._visual.dtype), high, wide) for patches, high, wide in pages]
        plain = [page for page in pages if page[1:] not in self._graphs]
        eager = (embeds for some in _groups(plain) for embeds in self._eager(some))
        return [
            self._graphs[high, wide](patches) if (high, wide) in self._graphs else next(eager)
            for patches, high, wide in pages
        ]

    def prepare_runtime(
        self,
        runtime: Runtime,
        identity: str,
        high: int,
        wide: int,
        folder: Path,
        progress: LoadProgress | None = None,
        again: bool = True,
    ) -> Message | None:
        """Have `runtime` read pages of `high` by `wide` patches from now on, in the precision of now. `identity` names
        weights and precision; `folder` keeps what is built; `progress` counts steps; `again` says whether `auto` may
        hold the weights a second time. Returns None, or, where one that was to be faster could not be had, which one
        reads and why."""
        report = progress or untold
        self._graphs.pop((high, wide), None)
        self.runtime = "eager"
        failures: list[Message] = []
        rungs = self._rungs(runtime, again)
        if rungs and not hasattr(self._visual, "post_conv_layernorm"):
            return None if runtime == "auto" else _instead("eager", [_other_tower(rungs[-1].name)])
        for rung in rungs:
            try:
                if len(self._graphs) >= MAX_GRAPHS:
                    raise _too_many()
                # Tensors made in inference mode can be neither exported nor compiled.
                with torch.inference_mode(False), torch.no_grad():
                    self._graphs[high, wide] = self._build(rung, identity, high, wide, folder, report)
                self.mixed = self.mixed or rung.runtime == "mixed"
                self.runtime = rung.name
                return _instead(rung.name, failures) if failures else None
            except EngineError as error:  # noqa: PERF203  the next rung
                log.warning("%s: %s", rung.name, error)
                failures.append(error.message)
        return _instead("eager", failures) if failures else None

    def _rungs(self, runtime: Runtime, again: bool) -> list[Rung]:
        """What to try, in order, before eager."""
        if runtime == "eager" or (runtime == "auto" and self._visual.device.type != "cuda"):
            return []
        if runtime in ("compiled", "mixed"):
            return [Rung(runtime)]
        if runtime == "auto" and not again:
            return [Rung("compiled")]
        try:
            from glyph_demo.models.vision_onnx import providers

            found = [Rung("onnx", provider) for provider in providers(self._visual.device)]
        except ImportError:  # ONNX Runtime, or a library that it needs
            found = []
        return [*found, Rung("compiled")] if runtime == "auto" else found or [Rung("onnx", "")]

    def release(self) -> None:
        """Give the graphs' memory back. Needed before the precision changes."""
        self._graphs.clear()

    def _build(self, rung: Rung, identity: str, high: int, wide: int, folder: Path, report: LoadProgress) -> Graph:
        runtime = rung.runtime

        def check(graph: Graph) -> None:
            self._check(rung, graph, high, wide)

        try:
            if runtime == "onnx":
                from glyph_demo.models.vision_onnx import onnx_graph

                if not rung.provider:
                    raise failed("onnx", "onnxruntime-gpu is not installed", "未安装 onnxruntime-gpu")
                return onnx_graph(self._visual, identity, high, wide, folder, check, report, rung.provider)
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
                raise failed(rung.name, "out of memory", "内存不足") from error
            log.info("building the %s vision runtime", rung.name, exc_info=True)
            raise failed(rung.name, type(error).__name__, type(error).__name__) from error

    def _check(self, rung: Rung, graph: Graph, high: int, wide: int) -> None:
        """Raises EngineError unless the graph gives what the eager tower gives, on noise."""
        width = self._visual.patch_embed.proj.weight[0].numel()
        generator = torch.Generator().manual_seed(0)
        with torch.inference_mode():  # as pages are read: a graph compiled for other tensors is compiled again for them
            noise = torch.randn(high * wide, width, generator=generator).to(self._visual.device, self._visual.dtype)
            expected, got = self._eager([(noise, high, wide)])[0].float(), graph(noise).float()
        error = float((got - expected).norm() / expected.norm())
        most = TOLERANCE[torch.bfloat16 if rung.runtime == "mixed" else self._visual.dtype]
        if not error <= most:  # also when it is not a number
            raise failed(rung.name, f"its results differ by {error:.1e}", f"结果相差 {error:.1e}")

    def _eager(self, pages: Sequence[Page]) -> tuple[torch.Tensor, ...]:
        grid = torch.tensor([[1, high, wide] for _, high, wide in pages], device=self._visual.device)
        output = self._visual(torch.cat([patches for patches, _, _ in pages]), grid_thw=grid)
        embeds = torch.cat([output.pooler_output, *getattr(output, "deepstack_features", ())], dim=-1)
        parts: tuple[torch.Tensor, ...] = embeds.split((grid.prod(-1) // self._visual.spatial_merge_size**2).tolist())
        return parts


def _groups(pages: Sequence[Page]) -> Iterator[list[Page]]:
    """The pages in order, in groups of at most TOWER_PATCHES; a larger page is alone."""
    group: list[Page] = []
    for page in pages:
        if group and sum(len(patches) for patches, _, _ in [*group, page]) > TOWER_PATCHES:
            yield group
            group = []
        group.append(page)
    if group:
        yield group


def _require_bfloat16_products(visual: Any) -> None:
    """Raises EngineError where `mixed` would be no gain: in 16 bit, on a GPU, on a CPU that only imitates bfloat16."""
    if visual.dtype != torch.float32 or visual.device.type != "cpu":
        raise failed("mixed", "it is for float32 on a CPU", "它仅用于 CPU 上的 float32")
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        raise failed("mixed", "this processor has no bfloat16 products", "此处理器不支持 bfloat16 矩阵乘法")


def failed(runtime: str, en: str, zh: str) -> EngineError:
    return EngineError(
        "vision_runtime_failed",
        f"The vision runtime '{runtime}' cannot be used here ({en}).",
        f"此处无法使用视觉运行时“{runtime}”（{zh}）。",
    )


def _instead(name: str, failures: Sequence[Message]) -> Message:
    """What a reader is told of the runtimes that failed before the one of this name."""
    en, zh = " ".join(failure.en for failure in failures), "".join(failure.zh for failure in failures)
    return Message(f"Pages are read by '{name}', more slowly. {en}", f"页面由“{name}”读取，速度较慢。{zh}")


def _other_tower(name: str) -> Message:
    """`tower` has Glm4v's alone."""
    return failed(name, "this model has another vision tower than Glyph's", "该模型的视觉塔与 Glyph 不同").message


def _too_many() -> EngineError:
    return EngineError(
        "vision_sizes_full",
        f"There are fast vision graphs for {MAX_GRAPHS} page sizes already. Pages of other sizes are read more slowly; "
        "choose one style for all documents.",
        f"快速视觉图最多支持 {MAX_GRAPHS} 种页面尺寸，其他尺寸的页面读取较慢；请为所有文档使用同一种样式。",
    )
