"""What each known model would take on this machine: bytes, pages that fit, and how long a page and a token take, worked
out from two rates that are measured in about two seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from glyph_demo import engines
from glyph_demo.bench.measure import matrix_rate, read_rate
from glyph_demo.engines.model_choices import Resources, model_choices
from glyph_demo.models import budget, memory
from glyph_demo.models.budget import Shape
from glyph_demo.models.download import hub_id
from glyph_demo.settings import Settings

_SIDE = 1024  # of matrices on a processor: large enough, and soon multiplied in a type that it has no instructions for
_ROOM = 4 << 30  # bytes free on a card: what is measured takes 2.5 GiB
MERGED = 4  # patches of a visual token, in all families
CONTEXT = 8_192  # tokens before the one that is decoded
PAGES_BEFORE = 1.5  # the one that is read; of a long document they are more, and a page takes longer
# What whole forwards with attention and norms reach of these rates: in `benchmarks estimates` on two kinds of CPU 0.52
# to 0.92 of the products' in float32, in bfloat16 0.23 (with AMX, where attention is not as fast) to 0.65, and 0.36 to
# 0.82 of the reading's.
MULTIPLIES, READS = {"bf16": 0.39}, 0.6
OTHERWISE = 0.7
ON_CPU = ("fp32", "bf16")


@dataclass(frozen=True, slots=True)
class Speed:
    """Bytes of weights that a matrix-vector product reads a second, and floating point operations a second of large
    matrix products."""

    read: float
    products: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """`page` are the seconds from a full page's image to its keys and values, `tokens` those of an answer a second."""

    page: float
    tokens: float


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model in a precision: bytes of its weights, full pages that fit beside them, 0 where it does not fit, and an
    estimate where it does and the machine was measured. `best` is the one to take here."""

    model: str
    precision: str
    weights: int
    pages: int
    estimate: Estimate | None = None
    best: bool = False


def model_rows(settings: Settings, here: Resources) -> list[ModelRow]:
    """A row for each known model and precision that can be had on the card that torch can use, else on the processor.
    The best is the first model in `budget.PREFERRED` with room for a document, in the precision that `budget.choose`
    would take; on a processor the fastest one with such room."""
    here = _usable(here)
    on_card = budget.ORDER if budget.can_quantise() else ("fp16",)
    names = ON_CPU if here.card is None else on_card
    halves = here.card is None and memory.keeps_halves(settings.inference.decode)
    speeds: dict[str, Speed | None] = {}
    rows = []
    for model in dict.fromkeys(hub_id(choice.model) for choice in model_choices() if choice.size):
        shape = _drawn(budget.shape_of(model), settings)
        for precision in names:
            weights = memory.weight_bytes(shape.parameters, shape.text, precision, halves)
            pages = _pages(shape, precision, here, settings)
            if pages and precision not in speeds:
                speeds[precision] = measure(precision, on_card=here.card is not None)
            speed = speeds.get(precision) if pages else None
            found = estimate(shape, precision, speed, settings.inference.decode) if speed else None
            rows.append(ModelRow(model, precision, weights, pages, found))
    best = _best_on_cpu(rows) if here.card is None else _best(rows, _room(here, settings), settings)
    return [replace(row, best=row is best) for row in rows]


def expected(settings: Settings, here: Resources) -> Estimate | None:
    """What to expect of the settings' model on the processor, if it is a known one and fits. Measures it. None where
    there is a card: to measure that takes memory from the model that is to come."""
    shape, asked = budget.SHAPES.get(hub_id(settings.model)), settings.inference.precision
    here = _usable(here)
    if here.card is not None or shape is None:
        return None
    precision = memory.on_processor(shape.parameters) if asked == "auto" else asked
    if precision not in ON_CPU:
        return None
    shape = _drawn(shape, settings)
    speed = measure(precision, on_card=False) if _pages(shape, precision, here, settings) else None
    return estimate(shape, precision, speed, settings.inference.decode) if speed else None


def brief(value: float) -> str:
    """Two digits, or all before the point."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _usable(here: Resources) -> Resources:
    """Without a card that torch cannot use."""
    return replace(here, card=None) if here.trouble else here


def _drawn(shape: Shape, settings: Settings) -> Shape:
    return shape.within(settings.inference.image_size, settings.inference.kv == "int8")


def _room(here: Resources, settings: Settings) -> int:
    """Bytes that a model may take of the card, else of memory."""
    if here.card is not None:
        return engines.room_on_card(here.card, settings)
    limit = int(settings.inference.memory_limit_gb * 1e9)
    return min(here.memory_free, limit or here.memory_free)


def _pages(shape: Shape, precision: str, here: Resources, settings: Settings) -> int:
    room = _room(here, settings)
    if here.card is not None:
        return budget.tokens_that_fit(shape, precision, room) // shape.page_tokens
    plan = memory.plan(shape.parameters, shape.text, precision, room, memory.keeps_halves(settings.inference.decode))
    return plan.pages * memory.PAGE_TOKENS // shape.page_tokens if plan.fits else 0


def _best(rows: list[ModelRow], room: int, settings: Settings) -> ModelRow | None:
    for model in budget.PREFERRED:
        shape = _drawn(budget.shape_of(model), settings)
        precision = budget.choose(shape, room, budget.can_quantise()).precision
        if precision:
            return next(row for row in rows if (row.model, row.precision) == (model, precision))
    return None


def _best_on_cpu(rows: list[ModelRow]) -> ModelRow | None:
    """The one that soonest reads a page: all are slow there."""
    fitting = [row for row in rows if row.pages * budget.shape_of(row.model).page_tokens >= budget.LEAST_TOKENS]
    return min(fitting, key=lambda row: row.estimate.page if row.estimate else inf, default=None)


def measure(precision: str, on_card: bool) -> Speed | None:
    """The rates of the first card, or of the processor with the threads that torch has. None of a card that has no room
    to measure in."""
    import torch

    if on_card and torch.cuda.mem_get_info()[0] < _ROOM:
        return None
    device = torch.device("cuda" if on_card else "cpu")
    dtype = {"fp32": torch.float32, "fp16": torch.float16}.get(precision, torch.bfloat16)
    threads = 1 if on_card else torch.get_num_threads()  # on a CPU a rate is one of CPU seconds
    side = None if on_card else (_SIDE,) * 3
    return Speed(read_rate(dtype, device), threads * matrix_rate(dtype, device, side))


def estimate(shape: Shape, precision: str, speed: Speed, decode: str = "auto") -> Estimate:
    """What follows from a machine's rates with `decode`, see Inference. A page costs the products of its patches with
    the vision tower's weights and of its tokens with the text model's, and both attentions; a token reads the text
    model's weights and CONTEXT keys and values."""
    text, vision, tokens = shape.text, shape.vision, shape.page_tokens
    layers, vocabulary = (
        text["num_hidden_layers"] * memory.layer_numbers(text),
        text["vocab_size"] * text["hidden_size"],
    )
    tower = shape.parameters - layers - vocabulary * (1 if text.get("tie_word_embeddings") else 2)
    patches = tokens * MERGED
    work = 2 * tower * patches + 4 * patches**2 * vision["hidden_size"] * vision["depth"]
    heads = text["num_attention_heads"] * memory.head_dim(text)
    entries = (PAGES_BEFORE + 0.5) * tokens  # and half of the page itself, whose tokens attend to those before them
    work += 2 * layers * tokens + 4 * tokens * entries * heads * text["num_hidden_layers"]
    kept = "fp16" if precision == "fp32" and memory.keeps_halves(decode) else precision
    head = vocabulary * memory.ITEMSIZE[kept]
    read = memory.weight_bytes(layers, text, kept) + head + CONTEXT * memory.kv_bytes(text, precision)
    return Estimate(work / (MULTIPLIES.get(precision, OTHERWISE) * speed.products), READS * speed.read / read)
