"""Who is told how long work is getting on: the command line draws a bar, a script hears nothing."""

from typing import Protocol


class Watch(Protocol):
    """Told what has begun and how far it is; must not slow the work down."""

    def begin(self, task: str, total: int, unit: str) -> None:
        """Say that a task of so many units (epochs, images) begins."""
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


class Within:
    """Hears how far training is in one unit of a longer task, and tells whoever watches that one.

    What comes before the training (features computed once) and a second training are not told of: the
    longer task never goes back.
    """

    def __init__(self, watch: Watch, done: int) -> None:
        self._watch, self._done = watch, done  # units of the longer task that were done before
        self._epochs, self._furthest = 0, 0.0

    def begin(self, task: str, total: int, unit: str) -> None:  # noqa: ARG002
        """Remember how many epochs there are."""
        self._epochs = total if unit == "epoch" else 0

    def advance(self, done: float, detail: str = "") -> None:  # noqa: ARG002
        """Tell of the share of the epochs that is done."""
        if self._epochs and done / self._epochs > self._furthest:
            self._furthest = min(1.0, done / self._epochs)
            self._watch.advance(self._done + self._furthest)

    def end(self) -> None:
        """Say nothing: the longer task goes on."""


SILENT = Silent()
