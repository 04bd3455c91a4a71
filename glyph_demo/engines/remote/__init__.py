"""The engine that draws pages here and has an OpenAI-compatible server read them."""
