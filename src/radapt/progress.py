"""Progress reporting: the command line shows a bar, Python callers see nothing by default."""

from typing import Protocol


class Watch(Protocol):
    """Receives progress reports; its methods must return quickly.

    A task that begins before another has ended is a part of that one.
    """

    def say(self, sentence: str) -> None:
        """Report a sentence on the work, before or between tasks."""
        ...

    def begin(self, task: str, total: int, unit: str) -> None:
        """Report the start of a task of `total` units (epochs, images)."""
        ...

    def advance(self, done: float, detail: str = "") -> None:
        """Report the number of units done so far, with a short text such as the current loss."""
        ...

    def end(self) -> None:
        """Report the end of the task."""
        ...


class Silent:
    """Ignores all reports."""

    def say(self, sentence: str) -> None:
        """Do nothing."""

    def begin(self, task: str, total: int, unit: str) -> None:
        """Do nothing."""

    def advance(self, done: float, detail: str = "") -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class Steps:
    """A task whose units are done one by one: call it after each."""

    def __init__(self, watch: Watch, task: str, total: int, unit: str) -> None:
        self._watch, self._done = watch, 0
        watch.begin(task, total, unit)

    def __call__(self) -> None:
        """Report that one more unit is done."""
        self._done += 1
        self._watch.advance(self._done)

    def end(self) -> None:
        """Report the end of the task."""
        self._watch.end()


class Within:
    """Reports the progress of a training as a fraction of one unit of a longer task.

    Work before the training (computing features) and a second training are not reported, so that the
    progress of the longer task never goes back.
    """

    def __init__(self, watch: Watch, done: int) -> None:
        self._watch, self._done = watch, done  # units of the longer task done before this one
        self._epochs, self._furthest = 0, 0.0

    def say(self, sentence: str) -> None:
        """Report the sentence."""
        self._watch.say(sentence)

    def begin(self, task: str, total: int, unit: str) -> None:  # noqa: ARG002
        """Store the number of epochs; other units are not reported."""
        self._epochs = total if unit == "epoch" else 0

    def advance(self, done: float, detail: str = "") -> None:  # noqa: ARG002
        """Report the share of the epochs that is done."""
        if self._epochs and done / self._epochs > self._furthest:
            self._furthest = min(1.0, done / self._epochs)
            self._watch.advance(self._done + self._furthest)

    def end(self) -> None:
        """Do nothing: the longer task goes on."""


SILENT = Silent()
