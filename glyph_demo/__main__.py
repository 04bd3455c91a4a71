"""`python -m glyph_demo`, and the command glyph-demo of an installed package."""

import signal
import sys
from types import FrameType


def main() -> int:
    """Run the command line. Returns the exit code, 130 where an interrupt ended it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a job in a shell's background ignores it
        signal.signal(signal.SIGINT, _interrupted)
    try:
        from glyph_demo.cli import main

        code = main()
    except KeyboardInterrupt:
        code = 130
    if signal.getsignal(signal.SIGINT) is _interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, which cleans up but waits for a model that is being loaded. A second Ctrl-C ends the
    process at once."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
