"""What is used of other packages beyond their documented interface. Each is there, and is as it is used; its line says
what breaks in the app when it is not."""

import dataclasses
import inspect
import json
from pathlib import Path

import gradio as gr
import pytest
import torch
import transformers
from gradio.data_classes import CancelBody, PredictBody
from gradio.routes import App
from tokenizers import AddedToken, Tokenizer, decoders, models
from transformers.cache_utils import Cache, CacheLayerMixin
from transformers.models.glm4v import modeling_glm4v
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil, smart_resize
from transformers.models.llama import modeling_llama
from transformers.models.qwen3_vl import modeling_qwen3_vl
from transformers.vision_utils import get_vision_position_ids
from uvicorn import Config, Server
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tests.fakes import finished

MODELINGS = [modeling_glm4v, modeling_llama]


def takes(function, *names):
    return set(names) <= set(inspect.signature(function).parameters)


def has(owner, *names):
    return all(hasattr(owner, name) for name in names)


def test_decoder_layers_have_the_parts_that_a_step_runs():
    """Breaks: decoding goes by the model's own forward, more slowly, with a notice."""
    with torch.device("meta"):
        glm = modeling_glm4v.Glm4vTextDecoderLayer(transformers.Glm4vConfig().text_config, 0)
        llama = modeling_llama.LlamaDecoderLayer(transformers.LlamaConfig(), 0)
    for layer in (glm, llama):
        assert has(layer, "input_layernorm", "post_attention_layernorm", "mlp", "self_attn")
        assert has(layer.self_attn, "q_proj", "k_proj", "v_proj", "o_proj", "head_dim", "scaling", "layer_idx")
        assert has(layer.input_layernorm, "variance_epsilon")
    assert has(glm, "post_self_attn_layernorm", "post_mlp_layernorm")
    assert has(glm.mlp, "gate_up_proj", "down_proj", "activation_fn")
    assert all(takes(module.apply_rotary_pos_emb, "q", "k", "cos", "sin") for module in MODELINGS)


def test_a_text_model_s_forward_takes_a_cache_and_passes_on_what_it_does_not_know():
    """Breaks: nothing is prefilled; without the second, answers have no evidence."""
    for forward in (modeling_glm4v.Glm4vTextModel.forward, modeling_llama.LlamaModel.forward):
        parameters = inspect.signature(forward).parameters
        assert {"cache", "past_key_values"} & set(parameters)
        assert takes(forward, "inputs_embeds", "position_ids", "use_cache")
        assert any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())


def test_qwen3vl_takes_deep_features_by_name_and_normalises_queries_and_keys():
    """Breaks: Qwen3-VL reads no page; without the norms, it decodes by its own forward, with a notice."""
    assert takes(modeling_qwen3_vl.Qwen3VLTextModel.forward, "visual_pos_masks", "deepstack_visual_embeds")
    output = modeling_qwen3_vl.BaseModelOutputWithDeepstackFeatures
    assert {"pooler_output", "deepstack_features"} <= {field.name for field in dataclasses.fields(output)}
    with torch.device("meta"):
        layer = modeling_qwen3_vl.Qwen3VLTextDecoderLayer(transformers.Qwen3VLConfig().text_config, 0)
    assert has(layer.self_attn, "q_norm", "k_norm", "head_dim", "scaling")
    assert takes(modeling_qwen3_vl.apply_rotary_pos_emb, "q", "k", "cos", "sin")


def test_a_cache_is_made_of_layers_that_update_and_tell_their_sizes():
    """Breaks: the KV arena, and with it the local engine and phrasing."""
    assert takes(Cache.__init__, "layers")
    abstract = {"lazy_initialization", "update", "get_mask_sizes", "get_seq_length"}
    assert abstract <= set(CacheLayerMixin.__abstractmethods__) <= abstract | {"get_max_length", "get_max_cache_shape"}


def test_workspaces_of_cublas_can_be_forgotten():
    """Breaks: on CUDA, decoding goes without graphs, with a notice."""
    assert "def _cuda_clearCublasWorkspaces() -> None" in (Path(torch.__file__).parent / "_C/__init__.pyi").read_text()


def test_a_config_says_which_attention_a_model_runs():
    """Breaks: keys and values are repeated for every query head, and decoding goes by the model's own forward."""
    with torch.device("meta"):
        model = modeling_llama.LlamaModel(transformers.LlamaConfig(num_hidden_layers=1))
    assert model.config._attn_implementation == "sdpa"
    assert has(transformers.AttentionInterface, "register")
    assert has(transformers.AttentionMaskInterface, "register")


def test_the_tower_of_glm4v_has_the_parts_of_a_graph_of_one_page_size():
    """Breaks: the vision runtimes compiled, onnx and mixed; eager reads, with a notice."""
    with torch.device("meta"):
        tower = modeling_glm4v.Glm4vVisionModel(transformers.Glm4vConfig().vision_config)
    assert has(tower, "blocks", "merger", "patch_embed", "downsample", "embeddings", "rotary_pos_emb")
    assert has(tower, "post_conv_layernorm", "post_layernorm", "spatial_merge_size")
    assert has(tower.blocks[0].attn, "qkv", "proj", "num_heads", "scaling")
    assert has(tower.blocks[0], "norm1", "norm2", "mlp")
    assert get_vision_position_ids(torch.tensor([[1, 4, 2]]), 2).shape == (8, 2)


def test_image_processors_rescale_and_normalise_one_array():
    """Breaks: pages become other patches than the model was trained on."""
    processor = Glm4vImageProcessorPil()
    assert has(processor, "rescale", "normalize", "do_rescale", "do_normalize", "image_mean", "image_std", "resample")
    assert processor.size["shortest_edge"] < processor.size["longest_edge"]
    assert takes(smart_resize, "num_frames", "height", "width", "temporal_factor", "factor", "min_pixels", "max_pixels")


def test_loading_can_be_followed_through_a_hook_of_its_bars():
    """Breaks: loading a model shows no progress, and draws bars in the terminal."""
    logging = transformers.utils.logging
    previous = logging.set_tqdm_hook(print)
    assert logging.set_tqdm_hook(previous) is print
    assert has(logging, "EmptyTqdm", "disable_progress_bar")


def test_a_tokenizer_s_model_tells_its_state():
    """Breaks: control tokens in questions and documents would count as such."""
    made = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    made.add_special_tokens([AddedToken("<x>", special=True)])
    assert {"vocab", "merges"} <= set(json.loads(made.model.__getstate__()))
    assert [token.content for token in made.get_added_tokens_decoder().values()] == ["<x>"]
    assert made.encode_batch_fast(["ab"], add_special_tokens=False)[0].ids == [2]
    made.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=made)
    assert isinstance(fast.backend_tokenizer.decoder, decoders.ByteLevel)


def test_onednn_multiplies_over_weights_in_its_own_layout():
    """Breaks: on x86 CPUs an answer depends, by rounding, on who else is being answered; the vision runtime mixed."""
    assert isinstance(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported(), bool)
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    weight, rows = torch.randn(32, 16), torch.randn(4, 16)
    laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, 64)
    assert laid_out.is_mkldnn
    product = torch.ops.mkldnn._linear_pointwise(rows, laid_out, None, "none", [], "")
    torch.testing.assert_close(product, rows @ weight.T)


@pytest.fixture(scope="module")
def frontend():
    """The code and the styles that Gradio's page loads."""
    folder = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    return "\n".join(f.read_text(encoding="utf-8") for f in folder.iterdir() if f.suffix in (".css", ".js"))


@pytest.mark.parametrize(
    ("name", "breaks"),
    {
        "toggle-button": "the button of the settings has no name",
        "bubble-wrap": "the conversation scrolls within itself and is not followed",
        "message-wrap": "the same",
        "message-content": "copy buttons copy nothing",
        "icon-button-wrapper": "buttons that lead nowhere stand over the conversation",
        "tab-wrapper": "an empty bar of tabs is shown",
        "html-container": "texts are set in from the side",
        "input-container": "the question's box has another frame",
        "submit-button": "the button to ask is not ours",
        "stop-button": "stop and ask are shown at once",
        "message-buttons-": "icons under the conversation are named in the browser's language",
        "range-input": "sliders are named in English",
        "reset-button": "the same",
        "chevron-left": "the settings' button is an arrow",
    }.items(),
)
def test_gradio_s_page_has_the_classes_that_ours_names(name, breaks, frontend):
    assert name in frontend, f"without .{name}: {breaks}"


def test_gradio_has_the_routes_that_the_door_lets_through():
    """Breaks: the window gets 404 for what it needs."""
    with gr.Blocks() as blocks:
        gr.Textbox()
    waiting, paths = list(App.create_app(blocks).routes), set()
    while waiting:
        route = waiting.pop()
        waiting += getattr(getattr(route, "original_router", None), "routes", [])
        paths.add(getattr(route, "path", "").removeprefix("/gradio_api"))
    asked = {"/queue/join", "/queue/data", "/run/{api_name}", "/cancel", "/heartbeat/{session_hash}", "/app_id"}
    assert asked | {"/login", "/config", "/theme.css"} <= paths


def test_an_event_has_the_fields_that_the_door_passes_on():
    """Breaks: clicks and questions are refused, or passed on without what they say."""
    assert {"session_hash", "fn_index", "data", "event_data", "trigger_id"} <= set(PredictBody.model_fields)
    assert {"session_hash", "fn_index", "event_id"} <= set(CancelBody.model_fields)


def test_blocks_know_their_events_and_whether_they_are_launched():
    """Breaks: the door knows no event and refuses all; Gradio does not check paths in events."""
    with gr.Blocks() as blocks:
        gr.Button().click(lambda: None)
    assert blocks.has_launched is False
    assert [bool(event.fn) for event in blocks.fns.values()] == [True]
    assert takes(gr.Radio.preprocess, "payload")
    assert takes(gr.Dropdown.preprocess, "payload")


def test_a_connection_tells_its_request_and_a_server_its_connections():
    """Breaks: idle connections are never closed; the end waits for streams that do not end."""
    config = Config(lambda scope: None, loop="asyncio")
    config.load()
    server = Server(config)
    assert server.server_state.connections == set()

    async def connected():
        return AutoHTTPProtocol(config=config, server_state=server.server_state, app_state={})

    connection = finished(connected())
    assert has(connection, "connection_made", "connection_lost", "data_received")
    assert (connection.cycle, connection.connections) == (None, server.server_state.connections)
    assert has(connection, "transport")
    cycle = inspect.getmodule(AutoHTTPProtocol).RequestResponseCycle
    assert {"more_body", "response_complete"} <= set(cycle.__init__.__code__.co_names)
