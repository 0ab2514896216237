"""Who is told how long work is getting on: the command line draws a bar, a script hears nothing."""

from typing import Protocol


class Watch(Protocol):
    """Told what has begun and how far it is; must not slow the work down."""

    def begin(self, task: str, total: int, unit: str) -> None:
        """Say that a task of so many units (epochs, films) begins."""
        ...

    def advance(self, done: float, detail: str = "") -> None:
        """Say how many units of the task are done, with a word on how it goes."""
        ...

    def end(self) -> None:
        """Say that the task is over."""
        ...


class Silent:
    """Hears everything and says nothing."""

    def begin(self, task: str, total: int, unit: str) -> None:
        """Say nothing."""

    def advance(self, done: float, detail: str = "") -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


SILENT = Silent()
