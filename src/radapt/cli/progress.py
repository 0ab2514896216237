"""Progress on standard error: a bar on a terminal, elsewhere a line for each task."""

import atexit
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from radapt.cli.printing import Detail, settings, write_log
from radapt.progress import SILENT, Watch
from radapt.text import counted, visible

NAMED = ("cell", "step")  # units of tasks whose name says all


def watcher() -> Watch:
    """Return a bar if standard error is a terminal, else lines; nothing if the command is to be quiet."""
    if settings.detail == Detail.QUIET:
        return SILENT
    if sys.stderr.isatty() and settings.detail == Detail.NORMAL and settings.log is None:
        return Bar()
    return Lines(parts=settings.detail == Detail.VERBOSE)


class Reading:
    """Shows how far a data set is read, under its name, and counts the images read now."""

    def __init__(self, data: Path) -> None:
        self._watch, self._task = watcher(), f"reading {data.name}"
        self.total, self.before = 0, -1  # images, and those of them that were read before

    def say(self, sentence: str) -> None:
        """Show the sentence."""
        self._watch.say(sentence)

    def begin(self, task: str, total: int, unit: str) -> None:  # noqa: ARG002
        """Show the task by the name of the data set."""
        self.total = total
        self._watch.begin(self._task, total, unit)

    def advance(self, done: float, detail: str = "") -> None:
        """Show how many images are read."""
        if self.before < 0:
            self.before = int(done)
        self._watch.advance(done, detail)

    def end(self) -> None:
        """Show that all are read."""
        self._watch.end()


class Bar:
    """A line for each task, with a bar, the time left and the part of the task that is under way."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.1f}/{task.total:.0f} {task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=Console(stderr=True),
        )
        self._line: TaskID | None = None
        self._depth = 0  # tasks under way, one within the other
        atexit.register(self._progress.stop)  # or an error would leave the terminal without its cursor

    def say(self, sentence: str) -> None:
        """Print the sentence, above the bar if there is one."""
        self._progress.console.print(visible(sentence), markup=False, emoji=False, highlight=False)

    def begin(self, task: str, total: int, unit: str) -> None:
        """Draw a new bar, or let the bar of the task under way show this part of it."""
        self._depth += 1
        units = unit if total == 1 else f"{unit}s"
        if self._line is None:
            self._progress.start()
            self._line = self._progress.add_task(visible(task), total=total, unit=units, detail="")
        else:
            self._progress.reset(self._line, total=total, unit=units, detail=visible(task))

    def advance(self, done: float, detail: str = "") -> None:
        """Move the bar."""
        if self._line is not None:
            self._progress.update(self._line, completed=done)
            if detail:
                self._progress.update(self._line, detail=visible(detail))

    def end(self) -> None:
        """Leave the bar as it stands, unless this was only a part of a task."""
        self._depth = max(0, self._depth - 1)
        if self._line is None or self._depth:
            return
        total = self._progress.tasks[self._line].completed
        self._progress.update(self._line, total=total or 1, completed=total or 1)
        self._progress.stop()
        self._line = None


@dataclass(slots=True)
class _Task:
    """A task under way."""

    name: str
    total: int
    unit: str
    began: float


class Lines:
    """A line when a task ends, and once in ten seconds while it goes on; with `parts` one for each part too.

    After the first minutes a line comes after a tenth of the time so far, so that those of a night are few.
    """

    EVERY = 6.0  # seconds; the next report comes a little later

    def __init__(self, *, parts: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._parts, self._began = parts, time.monotonic()
        self._tasks: list[_Task] = []  # each within the one before
        self._done, self._detail, self._printed = 0.0, "", self._began

    def say(self, sentence: str) -> None:
        """Print the sentence."""
        self._print(sentence)

    def begin(self, task: str, total: int, unit: str) -> None:
        """Start a task, without printing."""
        if not self._tasks:
            self._detail = ""
        self._done = 0.0
        self._tasks.append(_Task(task, total, unit, time.monotonic()))

    def advance(self, done: float, detail: str = "") -> None:
        """Print how far the task is, if it is time for a line."""
        self._done, self._detail = done, detail or self._detail
        now = time.monotonic()
        if self._tasks and now - self._printed >= max(self.EVERY, (now - self._began) / 10):
            task = self._tasks[-1]
            left = (now - task.began) * (task.total / done - 1) if done else None
            about = "" if left is None else f", about {left:.0f} s left"
            much = f"{done:,.1f}".removesuffix(".0")
            self._report(f"{much} of {counted(task.total, task.unit)}{about}")

    def end(self) -> None:
        """Print how much was done in what time."""
        if not self._tasks:
            return
        if len(self._tasks) == 1 or self._parts:
            task = self._tasks[-1]
            self._report("" if task.unit in NAMED else counted(round(self._done), task.unit))
        self._tasks.pop()
        self._done = 1.0

    def _report(self, done: str) -> None:
        seconds = f"{time.monotonic() - self._tasks[-1].began:.1f} s"
        name = ": ".join(task.name for task in self._tasks)
        self._print(f"{name}: {', '.join(filter(None, [done, seconds, self._detail]))}")

    def _print(self, line: str) -> None:
        self._printed = time.monotonic()
        self._console.print(visible(line), markup=False, emoji=False)
        write_log(visible(line))
