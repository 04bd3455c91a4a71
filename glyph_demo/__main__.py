import sys

from glyph_demo.cli import main

sys.exit(main())
