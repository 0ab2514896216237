"""Progress on standard error: a bar on a terminal, elsewhere a line for each task."""

import atexit
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from radapt.progress import Watch
from radapt.text import counted, visible


def watcher() -> Watch:
    """Return a bar if standard error is a terminal, else lines."""
    return Bar() if sys.stderr.isatty() else Lines()


class Reading:
    """Shows how far a data set is read, under its name, and counts the images read now."""

    def __init__(self, data: Path) -> None:
        self._watch, self._task = watcher(), f"reading {data.name}"
        self.total, self.before = 0, -1  # images, and those of them that were read before

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
    """A bar with the time left."""

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
        self._task: TaskID | None = None
        atexit.register(self._progress.stop)  # or an error would leave the terminal without its cursor

    def begin(self, task: str, total: int, unit: str) -> None:
        """Draw a new bar."""
        self._progress.start()
        units = unit if total == 1 else f"{unit}s"
        self._task = self._progress.add_task(visible(task), total=total, unit=units, detail="")

    def advance(self, done: float, detail: str = "") -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.update(self._task, completed=done)
            if detail:
                self._progress.update(self._task, detail=visible(detail))

    def end(self) -> None:
        """Leave the bar as it stands."""
        if self._task is not None:
            total = self._progress.tasks[self._task].completed
            self._progress.update(self._task, total=total or 1, completed=total or 1)
        self._progress.stop()
        self._task = None


class Lines:
    """A line when a task ends, and every half minute while it goes on."""

    EVERY = 30.0  # seconds

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._task, self._total, self._unit, self._detail = "", 1, "", ""
        self._done, self._began, self._printed = 0.0, 0.0, 0.0

    def begin(self, task: str, total: int, unit: str) -> None:
        """Start a task, without printing."""
        self._task, self._total, self._unit, self._detail, self._done = task, total, unit, "", 0.0
        self._began = self._printed = time.monotonic()

    def advance(self, done: float, detail: str = "") -> None:
        """Print how far the task is, every half minute."""
        self._done, self._detail = done, detail or self._detail
        if time.monotonic() - self._printed >= self.EVERY:
            self._printed = time.monotonic()
            left = (self._printed - self._began) * (self._total / max(done, 1e-9) - 1)
            self._say(f"{done:.1f} of {counted(self._total, self._unit)}, about {left:.0f} s left")

    def end(self) -> None:
        """Print how much was done in what time."""
        self._say(counted(round(self._done), self._unit))

    def _say(self, what: str) -> None:
        seconds = time.monotonic() - self._began
        detail = f", {self._detail}" if self._detail else ""
        line = f"{self._task}: {what}, {seconds:.1f} s{detail}"
        self._console.print(visible(line), markup=False, emoji=False)
