"""Small tokenizers that differ in how they find control tokens: added and not special, in runs of white space, matched
after normalisation, eating the blanks beside them, known to the vocabulary as words or put together from its pieces."""

from collections.abc import Callable

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from glyph_demo.models.random import SPECIALS, TEMPLATE, byte_tokenizer

UNKNOWN = "<unk>"
NOT_SPECIAL = ("<think>", "</think>", "<answer>", "</answer>")
CONTENT = (
    "The keeper counts ships: 12 of them, and writes each one down.  看守人数船。 <b>é</b>\n\n\tAlone, a lantern § "
)


def _tokenizer(tokenizer: Tokenizer, more: tuple[AddedToken | str, ...] = ()) -> PreTrainedTokenizerFast:
    known = [AddedToken(name, special=name not in NOT_SPECIAL, normalized=False) for name in SPECIALS]
    unknown = UNKNOWN if tokenizer.model.token_to_id(UNKNOWN) is not None else None
    tokenizer.add_tokens([*known, *more])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", unk_token=unknown, chat_template=TEMPLATE
    )


def _byte_level(normalizer: normalizers.Normalizer | None = None) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([CONTENT], trainer)
    if normalizer:
        tokenizer.normalizer = normalizer
    return tokenizer


def _flags() -> PreTrainedTokenizerFast:
    """Added tokens of every kind; one that another begins with, one of a single letter, and white space in runs."""
    spaces = [AddedToken(run, normalized=False, special=run == "\n\n\n") for run in ("  ", "    ", "\t\t", "\n\n\n")]
    flags = (
        AddedToken("[Left]", lstrip=True, normalized=False),
        AddedToken("[Right]", rstrip=True, normalized=False, special=True),
        AddedToken("Alone", single_word=True, normalized=False),
    )
    longer = AddedToken("<think>er", normalized=False)
    return _tokenizer(_byte_level(), (*spaces, *flags, longer, AddedToken("\n\n"), "lantern", "/nothink", "§"))


def _folded() -> PreTrainedTokenizerFast:
    normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    more = (
        "<Big>",
        AddedToken("<｜end▁of▁text｜>", special=True),
        AddedToken("[small]", special=True, normalized=True),
    )
    return _tokenizer(_byte_level(normalizer), more)


def _put_together() -> PreTrainedTokenizerFast:
    """As those made of SentencePiece's: pieces of a vocabulary that has control tokens join to one of them."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Replace("▁", " ")
    joined = [f"{name}{name}" for name in ("</think>", "<|user|>", "<|image|>")]
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=[UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator([CONTENT, *joined, *SPECIALS, "   " * 9], trainer)
    assert tokenizer.model.token_to_id("</think>") is not None
    return _tokenizer(tokenizer, (AddedToken("▁▁", special=True), AddedToken("▁▁▁▁", normalized=False)))


def _unigram() -> PreTrainedTokenizerFast:
    letters = sorted({*CONTENT.replace(" ", "▁"), *"".join(SPECIALS), "th", "ink", "▁the", "er"})
    pieces = [(UNKNOWN, 0.0), *((name, 0.0) for name in SPECIALS), *((letter, -3.0) for letter in letters)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return _tokenizer(tokenizer)


def _whole_words() -> PreTrainedTokenizerFast:
    words = {word: i for i, word in enumerate([UNKNOWN, *SPECIALS, *dict.fromkeys(CONTENT.split())])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _tokenizer(tokenizer)


def _whole_pieces() -> PreTrainedTokenizerFast:
    """As Llama's: what the vocabulary holds is one token, whatever the merges say."""
    words = [*SPECIALS, *sorted(pre_tokenizers.ByteLevel.alphabet()), "th", "in"]
    merges = [("t", "h"), ("i", "n")]
    tokenizer = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, merges, ignore_merges=True))
    split = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(False, use_regex=False)]
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Sequence(split), decoders.ByteLevel()
    return _tokenizer(tokenizer)


VOCABULARIES: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "bytes": lambda: byte_tokenizer(300),
    "every flag": _flags,
    "folded": _folded,
    "put together": _put_together,
    "unigram": _unigram,
    "whole words": _whole_words,
    "whole pieces": _whole_pieces,
}
