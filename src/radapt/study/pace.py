"""How far a study is, and how long what is left of it may take."""

import time
from collections.abc import Mapping, Sequence

from radapt.study.plan import Cell, budget_name
from radapt.text import counted


class Pace:
    """Counts the cells of a study, and estimates the time left from those that were trained.

    Parameters
    ----------
    minutes
        How long the study may take from now on; None for as long as it takes.
    deadline
        The moment at which the time is up, see `deadline_after`; it goes before `minutes`.
    sizes
        The number of labelled images of each budget.
    """

    def __init__(
        self,
        minutes: float | None = None,
        deadline: float | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        self._sizes = sizes or {}
        self._ends = deadline_after(minutes) if deadline is None else deadline
        self.refused = False  # whether a model was not begun because the time was up
        self._seconds: dict[tuple[str, str], list[float]] = {}  # by strategy and budget
        self._began = 0.0

    def begin(self, cell: Cell, cells: Sequence[Cell]) -> str:
        """Return what a cell is called that begins now: `cell 5 of 11 (about 3 min of training left): head`.

        Parameters
        ----------
        cells
            All cells of the study, in the order of training.
        """
        self._began = time.monotonic()
        place = cells.index(cell)
        left = self.left(cells[place:])
        about = f" ({_about(left)} of training left)" if left is not None else ""
        return f"cell {place + 1} of {len(cells)}{about}: {words(cell, self._sizes)}"

    def end(self, cell: Cell) -> None:
        """Note that a cell is done."""
        self._seconds.setdefault(_kind(cell), []).append(time.monotonic() - self._began)

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._ends is not None and time.monotonic() >= self._ends

    def may_begin(self) -> bool:
        """Say whether a model may begin, which it may not once the time is up, and note it if not."""
        self.refused = self.refused or self.is_over
        return not self.refused

    def left(self, cells: Sequence[Cell]) -> float | None:
        """Estimate the seconds that cells will take; None before anything but a base model was trained.

        A strategy takes as long as it took before, and one that was not tried yet as long as the mean of
        the others.
        """
        times = {kind: sum(each) / len(each) for kind, each in self._seconds.items()}
        others = [seconds for (strategy, _), seconds in times.items() if strategy != "none"]
        if not others:
            return None
        mean = sum(others) / len(others)
        return sum(times.get(_kind(cell), mean) for cell in cells)


def deadline_after(minutes: float | None) -> float | None:
    """Return the moment so many minutes from now, in seconds of the monotonic clock; None for no limit."""
    return None if minutes is None else time.monotonic() + 60 * minutes


def words(cell: Cell, sizes: Mapping[str, int]) -> str:
    """Name a cell: `base model`, `head, 64 labels, fold 2, seed 1`, `head, all (499) labels, seed 0`."""
    if cell.is_base:
        return f"base model, seed {cell.seed}"
    name = budget_name(cell.budget, sizes[cell.budget]) if cell.budget in sizes else cell.budget
    budget = f"{name} labels" if name else ""
    fold = "" if cell.fold is None else f"fold {cell.fold}"
    return ", ".join(filter(None, [cell.strategy, budget, fold, f"seed {cell.seed}"]))


def _kind(cell: Cell) -> tuple[str, str]:
    return cell.strategy, cell.budget


def _about(seconds: float) -> str:
    return (
        f"about {counted(round(seconds), 's', 's')}" if seconds < 90 else f"about {round(seconds / 60):,} min"
    )
