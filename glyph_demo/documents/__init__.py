"""Uploads to Documents: `extraction.extract`."""
