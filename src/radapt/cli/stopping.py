"""Ctrl-C and SIGTERM end a command with one sentence, from its first moment on.

While a command works, a signal raises an exception, so that unfinished files are cleaned up. Before that, and
while Python imports a module, an exception would be printed as a traceback or turned into another error: then
the process exits at once.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_IMPORT = "<frozen importlib._bootstrap>"  # the file name of the frames of an import

_sentence = "Stopped before anything was done."  # printed where the process exits at once
_is_working = False
_log: Callable[[str], None] | None = None  # also gets the sentence where the process exits at once


class Ended(KeyboardInterrupt):
    """A request to end the process (SIGTERM)."""


def install() -> None:
    """Handle SIGINT and SIGTERM from now on, except where the process was started to ignore them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)


def ignore() -> None:
    """Ignore all further signals, since the process is about to end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def working(sentence: str, log: Callable[[str], None]) -> Iterator[None]:
    """Let signals raise exceptions during the block; from here on, exits at once print and log `sentence`."""
    global _sentence, _is_working, _log
    _sentence, _is_working, _log = sentence, True, log
    try:
        yield
    finally:
        _is_working = False


def _handle(number: int, frame: FrameType | None) -> None:
    if _is_working and not _is_import(frame):
        raise KeyboardInterrupt if number == signal.SIGINT else Ended
    with suppress(Exception):
        sys.stdout.flush()
        show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # a progress bar hides it
        os.write(2, f"{show_cursor}radapt: {_sentence}\n".encode())
    with suppress(Exception):
        if _log is not None:
            _log(f"radapt: {_sentence}")
    os._exit(128 + number)


def _is_import(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False
