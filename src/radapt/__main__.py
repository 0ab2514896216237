"""Where the process begins: `python -m radapt`, and the script `radapt`."""

import _signal  # type: ignore[import-not-found]  # built in, whereas `signal` first imports `enum`
import os
from types import FrameType


def _leave(number: int, _: FrameType | None) -> None:
    """End the process on Ctrl-C while the command line is still being imported."""
    os.write(2, b"radapt: Stopped before anything was done.\n")
    os._exit(128 + number)


if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _leave)


def main() -> None:
    """Run the command line, with signal handlers installed before the rest is imported."""
    from radapt.cli import stopping

    stopping.install()
    from radapt.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
