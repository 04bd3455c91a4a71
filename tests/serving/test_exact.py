"""The API and a model: what a client gets for its pictures is what transformers' `generate` says about them, and a
conversation continues in the KV cache."""

import base64
import io

import numpy as np
import openai
import pytest
import torch
from PIL import Image

from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.rendering.page import Page
from glyph_demo.settings import load_settings
from tests.checkpoints import make_checkpoint
from tests.engines.original import Original
from tests.serving.pictures import encoded, noise

pytestmark = pytest.mark.usefixtures("one_thread")
GREEDY = {"temperature": 0, "extra_body": {"repetition_penalty": 1.0}}
EITHER = pytest.mark.parametrize("folder", ["glm4v", "qwen3_vl"], indirect=True)


@pytest.fixture(scope="module")
def folder(request, tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("model"), "wide", getattr(request, "param", "glm4v"))


@pytest.fixture
def client(serve, folder, tmp_path):
    flags = {"model": str(folder)}
    engine = LocalEngine(load_settings(flags={**flags, "cache_dir": str(tmp_path)}), kv_bytes=1 << 26)
    return openai.OpenAI(base_url=serve(engine, **flags).address + "/v1", api_key="none")


def part(data, kind="png"):
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}}


def text(question):
    return {"type": "text", "text": question}


@EITHER
def test_greedy_answers_about_pictures_of_clients_are_those_of_transformers(client, folder):
    original = Original(folder)
    options = AskOptions(max_new_tokens=8, repetition_penalty=1.0)
    jpeg = encoded(noise(3, 150, 100), "JPEG")
    pictures = [(encoded(noise(1, 200, 84)), "png"), (encoded(noise(2, 60, 230, 1)), "png"), (jpeg, "jpeg")]
    pages = [Page(0, np.asarray(Image.open(io.BytesIO(data)))) for data, _ in pictures]
    content = [*(part(data, kind) for data, kind in pictures), text("What is on these pages?")]
    messages = [{"role": "user", "content": content}]
    answer = client.chat.completions.create(model="m", messages=messages, max_tokens=8, **GREEDY)
    expected = original.answer(pages, [], "What is on these pages?", options)
    assert answer.choices[0].message.content == original.tokenizer.decode(original.shown(expected)).lstrip()
    assert answer.usage.completion_tokens == len(expected)


def test_a_conversation_continues_its_cache_in_a_stream_too(client):
    messages = [{"role": "user", "content": [part(encoded(noise(1, 140, 140))), text("What is this?")]}]
    first = client.chat.completions.create(model="m", messages=messages, max_tokens=8, **GREEDY)
    assert first.usage.completion_tokens == 8
    messages.append({"role": "assistant", "content": first.choices[0].message.content})
    messages.append({"role": "user", "content": "And then?"})
    options = {"model": "m", "messages": messages, "max_tokens": 8, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(stream=True, **options, **GREEDY))
    usage = chunks[-1].usage
    new = usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens
    before = first.usage.prompt_tokens + first.usage.completion_tokens
    assert new <= usage.prompt_tokens - before + 1, "only what was not said before, and the last token of the answer"
    again = client.chat.completions.create(model="m", messages=messages, max_tokens=8, **GREEDY)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert again.choices[0].message.content == said


@EITHER
def test_pictures_between_texts_and_in_later_turns_are_answered_as_by_transformers(client, folder):
    original = Original(folder)
    data = [encoded(noise(seed, 140, 84)) for seed in range(4)]
    options = {"max_new_tokens": 8, "do_sample": False}

    def expected(messages, used):
        read = original.processor([Image.open(io.BytesIO(data[number])) for number in used], return_tensors="pt")
        plain = [
            {**m, "content": [{**p, "type": p["type"].removesuffix("_url")} for p in m["content"]]}
            if isinstance(m["content"], list)
            else m
            for m in messages
        ]
        rendered = original.tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)
        before, *behind = rendered.split(original.image)
        ids = original.tokenizer.encode(before, add_special_tokens=False)
        for grid, rest in zip(read["image_grid_thw"], behind, strict=True):
            ids += [original.model.config.image_token_id] * (int(grid.prod()) // 4)
            ids += original.tokenizer.encode(rest, add_special_tokens=False)
        ids = torch.tensor([ids])
        kinds = (ids == original.model.config.image_token_id).int()
        out = original.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=kinds, **read, **options
        )
        said = [i for i in out[0, ids.shape[1] :].tolist() if i not in original.model.generation_config.eos_token_id]
        return original.tokenizer.decode(said).strip()

    def said(messages):
        answer = client.chat.completions.create(model="m", messages=messages, max_tokens=8, **GREEDY)
        return answer.choices[0].message.content.strip(), answer.usage

    png = [part(one) for one in data]
    messages = [{"role": "user", "content": [text("Is "), png[0], text(" like "), png[1], png[2], text("?")]}]
    assert said(messages)[0] == expected(messages, (0, 1, 2))
    messages += [{"role": "assistant", "content": "No."}, {"role": "user", "content": "Why?"}]
    second, usage = said(messages)
    assert second == expected(messages, (0, 1, 2))
    new = usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens
    assert new < 60, "the pages stand where they stood"
    messages += [{"role": "assistant", "content": "So."}, {"role": "user", "content": [text("And "), png[3]]}]
    assert said(messages)[0] == expected(messages, (0, 1, 2, 3))
    front = [{"role": "user", "content": [png[0], text("What?")]}, {"role": "assistant", "content": "That."}]
    front += [{"role": "user", "content": [png[1], text(" or this?")]}]
    assert said(front)[0] == expected(front, (0, 1))


def test_a_stop_ends_the_work_and_its_tokens_are_counted(client):
    messages = [{"role": "user", "content": [part(encoded(noise(1, 140, 140))), text("What is this?")]}]
    whole = client.chat.completions.create(model="m", messages=messages, max_tokens=12, **GREEDY)
    said = whole.choices[0].message.content
    stop = said[3]
    cut = client.chat.completions.create(model="m", messages=messages, max_tokens=12, stop=stop, **GREEDY)
    assert cut.choices[0].message.content == said[: said.index(stop)]
    assert cut.choices[0].finish_reason == "stop"
    assert cut.usage.completion_tokens < whole.usage.completion_tokens


def test_a_prompt_over_the_models_context_is_refused_and_the_next_is_answered(client):
    for content in ([text("x" * 5000)], [*(part(encoded(noise(i, 500, 500))) for i in range(20)), text("?")]):
        messages = [{"role": "user", "content": content}]
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model="m", messages=messages, max_tokens=4)
        assert (caught.value.status_code, caught.value.code) == (413, "context_full")
    messages = [{"role": "user", "content": "Hello?"}]
    assert client.chat.completions.create(model="m", messages=messages, max_tokens=4).choices
