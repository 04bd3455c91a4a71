"""The remote engine against a server that is not ours: `transformers serve` with a small LLaVA, whose image processor,
unlike Glm4v's, that server loads without torchvision."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from glyph_demo.engines.base import AskOptions, Finished, Token
from glyph_demo.engines.remote import RemoteEngine
from glyph_demo.session import DocumentSession
from glyph_demo.settings import load_settings

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for part in m.content %}{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
IMAGE_TOKENS = 16  # of one page: (56 / 14) squared


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    import torch
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    from glyph_demo.models.random import byte_tokenizer

    folder = tmp_path_factory.mktemp("llava")
    tokenizer = byte_tokenizer(300, TEMPLATE)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**size, image_size=56, patch_size=14).to_dict(),
        text_config=LlamaConfig(**size, vocab_size=len(tokenizer) + 8, max_position_embeddings=2048).to_dict(),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=IMAGE_TOKENS,
    )
    torch.manual_seed(0)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        image_token="<image>",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def server(checkpoint, tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(checkpoint)]
    log = (tmp_path_factory.mktemp("log") / "serve.log").open("w+")
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=2).close()
            break
        except urllib.error.HTTPError:
            break  # it answers
        except OSError:
            assert process.poll() is None, log.seek(0) or log.read()
            time.sleep(0.2)
    yield f"{url}/v1"
    process.terminate()
    process.wait(20)


def test_a_document_in_turns_over_a_server_of_someone_elses_making(server, tmp_path):
    file = tmp_path / "report.txt"
    file.write_text("The pilot cost twelve euros.\n" * 200)
    settings = load_settings(
        flags={
            "engine": "remote",
            "remote.urls": server,
            "cache_dir": str(tmp_path / "cache"),
            "rendering.style": "clear",
        }
    )
    session = DocumentSession(RemoteEngine(settings), settings)
    try:
        session.open(file)
        session.current.wait()
        pages = len(session.current.pages)
        first, second = (list(session.ask(question, AskOptions(max_new_tokens=6))) for question in ("What?", "Who?"))
    finally:
        session.close()
        session.engine.close()
    assert pages >= 3
    for events in (first, second):
        assert any(isinstance(event, Token) for event in events)
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert finished.usage.output == 6
        assert finished.usage.input > pages * IMAGE_TOKENS
    # The second request held the first turn as well.
    assert second[-1].usage.input > first[-1].usage.input + 6
