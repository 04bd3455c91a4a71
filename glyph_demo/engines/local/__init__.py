"""The full engine: a vision-language model on this machine encodes each page once and answers from its KV cache."""
