"""A small random model, and the oracle: the same model run over all ids from nothing, without any cache."""

from collections.abc import Sequence

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from glyph_demo.decoding.decoder import Decoder
from glyph_demo.decoding.step import Runtime

VOCABULARY = 97
NEVER: frozenset[int] = frozenset()  # the stop ids of a model that never stops
SHAPES = {"plain heads": (4, 4), "grouped heads": (9, 3)}


def tiny_llama(heads: int, kv_heads: int, seed: int = 0) -> LlamaForCausalLM:
    """Three layers, head_dim 8, room for 320 tokens; weights drawn wide so that argmax is decisive."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=8 * heads,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=320,
        initializer_range=0.15,
    )
    return LlamaForCausalLM(config).eval()


class Oracle:
    """Recomputes everything for every token."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model

    def logits(self, ids: Sequence[int]) -> torch.Tensor:
        with torch.inference_mode():
            return self._model(torch.tensor([list(ids)]), use_cache=False).logits[0, -1]

    def answer(self, ids: Sequence[int], stop_ids: frozenset[int], max_tokens: int) -> tuple[list[int], torch.Tensor]:
        """The greedy answer, and the logits (steps, vocabulary) that chose its tokens and its stop id."""
        answer: list[int] = []
        rows = []
        while len(answer) < max_tokens:
            rows.append(self.logits([*ids, *answer]))
            best, second = rows[-1].topk(2).values
            assert best - second > 1e-4, "this model is not decisive enough to compare tokens"
            token = int(rows[-1].argmax())
            if token in stop_ids:
                break
            answer.append(token)
        return answer, torch.stack(rows)


class RecordingDecoder(Decoder):
    """A Decoder that remembers the logits it gave and the tokens it computed since its step was prepared."""

    def __init__(self, model: PreTrainedModel, runtime: Runtime = "eager") -> None:
        super().__init__(model)
        self.rows: list[torch.Tensor] = []
        self.computed = 0
        self.notice = self.prepare_step(runtime)
        self.rows.clear()
        self.computed = 0

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        logits = super().logits(hidden)
        self.rows.extend(logits.reshape(-1, logits.shape[-1]))
        return logits

    def extend(self, arena, embeds, positions):
        self.computed += len(embeds)
        return super().extend(arena, embeds, positions)

    def _together(self, rows):
        self.computed += sum(len(ids) for _, ids in rows)
        return super()._together(rows)
