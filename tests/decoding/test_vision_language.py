"""The same arena and loop serve a vision-language model: pages come as embeddings with three-axis M-RoPE positions."""

import pytest
import torch
from transformers import Glm4vConfig, Glm4vForConditionalGeneration

from glyph_demo.decoding.decoder import Decoder, Segment, text
from glyph_demo.decoding.prefix import Answering, CachedPrefix
from glyph_demo.decoding.suffixes import Suffixes
from tests.decoding.tiny import NEVER

GRID = (4, 6)  # rows and columns of visual tokens on a page; a page takes 6 positions for its 24 tokens


@pytest.fixture(scope="module")
def glm():
    torch.manual_seed(0)
    config = Glm4vConfig(
        text_config={
            "vocab_size": 97,
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "initializer_range": 0.15,
            "pad_token_id": 0,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 0.5,
                "mrope_section": [1, 1, 2],
            },
        },
        vision_config={"depth": 1, "hidden_size": 32, "num_heads": 2, "out_hidden_size": 64, "intermediate_size": 64},
        image_token_id=90,
        image_start_token_id=91,
        image_end_token_id=92,
        video_token_id=93,
        video_start_token_id=94,
        video_end_token_id=95,
    )
    return Glm4vForConditionalGeneration(config).eval()


def page(seed: int) -> Segment:
    rows, columns = GRID
    embeds = torch.randn(rows * columns, 64, generator=torch.Generator().manual_seed(seed))
    axes = torch.meshgrid(torch.arange(1), torch.arange(rows), torch.arange(columns), indexing="ij")
    return Segment((90,) * (rows * columns), lambda: embeds, torch.stack([axis.flatten() for axis in axes]))


def recomputed(glm: Glm4vForConditionalGeneration, segments: list[Segment], steps: int) -> list[int]:
    """Greedy tokens after `segments`, every one from a forward over everything with positions worked out here."""
    answer: list[int] = []
    while len(answer) < steps:
        embeds, positions, start = [], [], 0
        for segment in [*segments, *(text([token]) for token in answer)]:
            plain = glm.get_input_embeddings()(torch.tensor(segment.ids))
            embeds.append(plain if segment.embeds is None else segment.embeds())
            own = torch.arange(len(segment.ids)).expand(3, -1) if segment.positions is None else segment.positions
            positions.append(own + start)
            start = int(positions[-1].max()) + 1
        with torch.inference_mode():
            hidden = glm.model.language_model(
                inputs_embeds=torch.cat(embeds)[None], position_ids=torch.cat(positions, 1)[:, None], use_cache=False
            ).last_hidden_state
            answer.append(int(glm.lm_head(hidden[0, -1]).argmax()))
    return answer


def test_turns_over_page_images_equal_recomputing_everything(glm):
    decoder = Decoder(glm)
    assert decoder.prepare_step() is None
    assert decoder.position_axes == 3
    head, pages = text([1, 2, 3]), [page(1), page(2)]
    prefix = CachedPrefix(decoder, decoder.arena(), [head, *pages], NEVER)
    how = Answering(max_tokens=6)

    first = list(prefix.complete([7, 8, 9], how))
    assert first == recomputed(glm, [head, *pages, text([7, 8, 9])], 6)
    assert [mark.position for mark in prefix._marks] == [0, 3, 9, 15]

    history = [7, 8, 9, *first, 4]
    assert list(prefix.complete([*history, 11], how)) == recomputed(glm, [head, *pages, text([*history, 11])], 6)

    prefix.append(page(3))
    expected = recomputed(glm, [head, *pages, page(3), text([*history, 12, 13])], 6)
    assert list(prefix.complete([*history, 12, 13], how)) == expected
    prefix.release()
    assert list(prefix.complete([*history, 12, 13], how)) == expected


def test_drafts_behind_page_images_change_nothing_but_the_forwards(glm):
    decoder = Decoder(glm)
    assert decoder.prepare_step() is None
    segments = [text([1, 2, 3]), page(1), page(2)]
    expected = recomputed(glm, [*segments, text([7, 8, 9])], 20)
    prefix = CachedPrefix(decoder, decoder.arena(), segments, NEVER)
    assert list(prefix.complete([7, 8, 9], Answering(20, draft=Suffixes(expected)))) == expected
    assert prefix.completion.speculation.forwards <= 10
    following = [7, 8, 9, *expected, 4, 11]
    assert list(prefix.complete(following, Answering(6))) == recomputed(glm, [*segments, text(following)], 6)
