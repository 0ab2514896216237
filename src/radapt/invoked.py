"""The command that is under way, as runs record it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_COMMAND: ContextVar[str] = ContextVar("command", default="from Python")


def command() -> str:
    """Give the command line without the folders that its paths lie in; `from Python` where there is none."""
    return _COMMAND.get()


@contextmanager
def under_way(line: str) -> Iterator[None]:
    """Let runs that are finished in the block record this command line."""
    before = _COMMAND.set(line)
    try:
        yield
    finally:
        _COMMAND.reset(before)
