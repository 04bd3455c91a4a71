"""Entry for `python app.py` and for a Hugging Face Space, which runs just that. Takes the flags of `serve`."""

import os
import sys

from glyph_demo.cli import main

if __name__ == "__main__":
    space = ["--host", "0.0.0.0"] if "SPACE_ID" in os.environ else []  # a Space's proxy reaches the app from outside
    sys.exit(main(["serve", *space, *sys.argv[1:]]))
