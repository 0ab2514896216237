"""Ctrl-C and SIGTERM end a command in a sentence, from its first moment on.

While a command works, a signal is an exception, so that what is being written is tidied up. Before it works,
and while Python imports something, an exception would come out as a traceback or as another error: there the
process is left at once.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_BEFORE = "Stopped before anything was done."
_IMPORT = "<frozen importlib._bootstrap>"  # the file of the frames that an import runs in

_said = _BEFORE  # what is told where the process is left at once
_works = False


class Ended(KeyboardInterrupt):
    """A request to end the process (SIGTERM), taken as Ctrl-C is."""


def heed() -> None:
    """Take signals from now on, but those that whoever started the process has it ignore."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is usual:
            signal.signal(number, _on)


def ignore() -> None:
    """Heed no further signal: the end is near."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def working(said: str) -> Iterator[None]:
    """Let signals be exceptions during the block; `said` is what else is told of a stop from here on."""
    global _said, _works
    _said, _works = said, True
    try:
        yield
    finally:
        _works = False


def _on(number: int, frame: FrameType | None) -> None:
    if _works and not _is_import(frame):
        raise KeyboardInterrupt if number == signal.SIGINT else Ended
    with suppress(Exception):
        sys.stdout.flush()
        shown = "\x1b[?25h" if sys.stderr.isatty() else ""  # a bar hides the cursor
        os.write(2, f"{shown}radapt: {_said}\n".encode())
    os._exit(128 + number)


def _is_import(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False
