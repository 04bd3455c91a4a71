"""The embedded engine `pocket`: OCR, retrieval and a small language model."""
