"""The full-size engine: a vision-language model on this machine reads every page once and answers from its KV cache."""
