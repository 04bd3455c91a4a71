"""What the cached engine is compared with: transformers, `generate` from scratch, every page and turn anew."""

from collections.abc import Sequence
from pathlib import Path

import torch
import transformers
from PIL import Image
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil
from transformers.models.glmga.image_processing_pil_glmga import GlmgaImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from glyph_demo.engines.base import AskOptions
from glyph_demo.rendering.page import Page


class Original:
    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForImageTextToText.from_pretrained(folder).eval()
        readers = {"qwen3_vl": Qwen2VLImageProcessorPil, "glmga": GlmgaImageProcessorPil}
        self.processor = readers.get(self.model.config.model_type, Glm4vImageProcessorPil).from_pretrained(folder)
        self.image = self.tokenizer.convert_ids_to_tokens(self.model.config.image_token_id)
        # What makes models that think by themselves answer at once.
        self.skip = "<think></think><answer>" if "<answer>" in self.tokenizer.get_vocab() else ""
        self.switchable = "enable_thinking" in self.tokenizer.get_chat_template()

    def prompt(self, tokens: list[int], turns: Sequence[tuple[str, list[int]]], question: str, thinking: bool) -> list:
        """Ids of the whole conversation; `tokens` are the visual tokens of every page."""
        messages = []
        for i, (asked, _) in enumerate([*turns, (question, [])]):
            messages.append({"role": "user", "content": [{"type": "text", "text": asked}]})
            if i < len(turns):
                messages.append({"role": "assistant", "content": f"@{i}@"})
        messages[0]["content"] = [{"type": "image"}] * len(tokens) + messages[0]["content"]
        switch = {"enable_thinking": thinking} if self.switchable else {}
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **switch)
        if not thinking and not self.switchable:
            text += self.skip
        for count in tokens:
            text = text.replace(self.image, "<image>" * count, 1)
        text = text.replace("<image>", self.image)
        ids: list[int] = []
        for i, (_, answer) in enumerate(turns):
            before, _, text = text.partition(f"@{i}@")
            ids += self.tokenizer.encode(before, add_special_tokens=False) + list(answer)
        return ids + self.tokenizer.encode(text, add_special_tokens=False)

    def answer(
        self, pages: Sequence[Page], turns: Sequence[tuple[str, list[int]]], question: str, options: AskOptions
    ) -> list[int]:
        """The greedy answer without its stop id."""
        read = self.processor([Image.fromarray(page.pixels) for page in pages], return_tensors="pt")
        counts = [int(grid.prod()) // 4 for grid in read["image_grid_thw"]]
        ids = torch.tensor([self.prompt(counts, turns, question, options.thinking)])
        out = self.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == self.model.config.image_token_id).int(),
            **read,
            max_new_tokens=options.max_new_tokens,
            do_sample=False,
            repetition_penalty=options.repetition_penalty,
        )
        said = out[0, ids.shape[1] :].tolist()
        return said[:-1] if said and said[-1] in self.model.generation_config.eos_token_id else said

    def shown(self, ids: Sequence[int]) -> list[int]:
        """An answer's ids without the white space it begins with."""
        first = next((i for i, token in enumerate(ids) if self.tokenizer.decode([token]).strip()), len(ids))
        return list(ids[first:])
