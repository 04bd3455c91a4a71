"""What runs on a CUDA device, run without one: on tensors that have shapes, dtypes and a device and hold nothing. A
tensor that was left in host memory, or is of another dtype than it meets, fails here as it would there."""

import pytest
import torch
from torch._subclasses import FakeTensorMode
from transformers import Glm4vForConditionalGeneration

from glyph_demo.decoding import attention
from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.decoder import Decoder, cache_argument
from glyph_demo.decoding.step import Step
from glyph_demo.models.precision import Precision, activations, adapt
from glyph_demo.models.random import byte_tokenizer
from tests.checkpoints import config

pytestmark = pytest.mark.skipif(not torch.version.cuda, reason="this torch knows no CUDA")
CUDA = torch.device("cuda", 0)


@pytest.fixture(params=["fp16", "bf16"])
def model(request, monkeypatch):
    def mask(queries: int, entries: int) -> torch.Tensor:
        return torch.ones(queries, entries, dtype=torch.bool, device=CUDA)

    # torch's own one cannot be made of tensors that hold nothing.
    monkeypatch.setattr(attention, "causal_lower_right", mask)
    precision: Precision = request.param
    settings = config("deep", "glm4v", byte_tokenizer(first_special=300), context=512)
    with torch.device("meta"):
        made = Glm4vForConditionalGeneration._from_config(settings, dtype=activations(precision)).eval()
    with FakeTensorMode(allow_non_fake_inputs=True):
        adapt(made.to_empty(device=CUDA), precision, CUDA)
        yield made


def filled(decoder: Decoder) -> KVArena:
    arena = decoder.arena()
    arena.reserve(40)
    arena.advance(30, 30)
    return arena


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("count", [1, 8, 12])
def test_a_prefill_stays_on_the_device(model, count, int8):
    decoder = Decoder(model, int8)
    assert (decoder.ahead, decoder.chunk) == (True, 4096)
    arena = filled(decoder)
    embeds = torch.zeros(1, count, model.config.text_config.hidden_size, dtype=model.dtype, device=CUDA)
    positions = torch.zeros(3, 1, count, dtype=torch.int64, device=CUDA)
    with torch.inference_mode():
        hidden = model.get_decoder()(
            inputs_embeds=embeds, position_ids=positions, **{cache_argument(model.get_decoder()): arena.cache}
        )[0]
    assert (hidden.device, hidden.dtype) == (CUDA, model.dtype)


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("count", [1, 8, 12])
def test_steps_stay_on_the_device(model, count, int8):
    decoder = Decoder(model, int8)
    decoder._step = Step(model.get_decoder(), 3)
    arena = filled(decoder)
    ids = torch.zeros(count, dtype=torch.int64, device=CUDA)
    logits = decoder.step(arena, ids)
    assert (logits.device, logits.dtype, logits.shape[0]) == (CUDA, torch.float32, count)
    together = decoder._step.together([(arena, ids), (filled(decoder), ids)])
    assert [row.device for row in together] == [CUDA, CUDA]


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("width", [1, 8])
def test_what_a_graph_captures_stays_on_the_device(model, width, int8):
    arena = filled(Decoder(model, int8))
    step = Step(model.get_decoder(), 3, "graph")
    at = torch.arange(width, device=CUDA) + 30
    with torch.inference_mode():
        hidden = step._run(torch.zeros(width, dtype=torch.int64, device=CUDA), at, step._attending(arena, at))
    assert (hidden.device, hidden.dtype) == (CUDA, model.dtype)
