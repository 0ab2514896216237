"""Figures for a notebook: training curves, scores with intervals, histograms of scores."""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure as _Figure
from numpy.typing import NDArray

Interval = tuple[float, float, float]  # a value, and the ends of its interval
Floats = NDArray[np.float64]

NO_MATH: Any = {"text.parse_math": False}  # a class may be called $x$; newer Matplotlib types every key
BINS = 20  # of a histogram of probabilities


class Figure(_Figure):
    """A Matplotlib figure that shows itself in a notebook, with or without `%matplotlib inline`."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure; labels of ticks, which come into being only now, are no mathematics either."""
        with rc_context(NO_MATH):
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=100)
        return file.getvalue()


def new_figure(width: float = 7.0, height: float = 3.0) -> Figure:
    """Return an empty figure of this size in inches."""
    return Figure(figsize=(width, height), layout="constrained")


@rc_context(NO_MATH)
def curves(panels: Mapping[str, Mapping[str, Sequence[float]]], *, x: str) -> Figure:
    """Draw lines over 1, 2, ... in a panel for each name, such as the loss and the accuracy by epoch."""
    figure = new_figure(4.0 * len(panels))
    for axes, (name, lines) in zip(_row(figure, len(panels)), panels.items(), strict=True):
        drawn = [axes.plot(range(1, len(values) + 1), values)[0] for values in lines.values()]
        axes.set(xlabel=x, ylabel=name)
        _legend(axes, zip(lines, drawn, strict=True))
    return figure


@rc_context(NO_MATH)
def intervals(values: Mapping[str, Interval], *, x: str, zero: bool = False) -> Figure:
    """Draw values with their intervals below each other; with `zero` a line at no difference."""
    known = {name: each for name, each in values.items() if not math.isnan(each[0])}
    figure = new_figure(7.0, 1.0 + 0.3 * len(known))
    axes = figure.add_subplot()
    for place, (value, low, high) in enumerate(known.values()):
        axes.plot([low, high], [place, place], color="C0")
        axes.plot([value], [place], "o", color="C0")
    if zero:
        axes.axvline(0, color="grey", linewidth=1)
    axes.set(xlabel=x, yticks=range(len(known)), yticklabels=list(known), ylim=(len(known) - 0.5, -0.5))
    return figure


@rc_context(NO_MATH)
def steps(
    lines: Mapping[str, Sequence[tuple[str, Interval]]],
    *,
    x: str,
    y: str,
    levels: Mapping[str, float] | None = None,
) -> Figure:
    """Draw a line of values with intervals over named steps for each name, and broken lines at `levels`."""
    names = list(dict.fromkeys(step for line in lines.values() for step, _ in line))
    figure = new_figure(8.0, 4.0)
    axes = figure.add_subplot()
    drawn: list[tuple[str, Any]] = [
        (label, axes.axhline(level, linestyle=style, color="grey", linewidth=1))
        for style, (label, level) in zip(cycle(("--", ":")), (levels or {}).items(), strict=False)
    ]
    for number, (label, line) in enumerate(lines.items()):
        beside = 0.05 * (number - (len(lines) - 1) / 2)  # or the intervals of several lines would hide others
        places = [names.index(step) + beside for step, _ in line]
        middle = [value for _, (value, _, _) in line]
        below, above = ([abs(each[1 + end] - each[0]) for _, each in line] for end in (0, 1))
        bars = axes.errorbar(places, middle, [below, above], marker="o", markersize=4, capsize=2)
        drawn.append((label, bars))
    axes.set(xlabel=x, ylabel=y, xticks=range(len(names)), xticklabels=names)
    _legend(axes, drawn, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))  # beside the lines
    return figure


@rc_context(NO_MATH)
def roc(lines: Mapping[str, tuple[Floats, Floats]]) -> Figure:
    """Draw ROC curves: false and true positive rates from (0, 0) to (1, 1)."""
    figure = new_figure(4.0, 4.0)
    axes = figure.add_subplot()
    drawn = [axes.plot(false, true)[0] for false, true in lines.values()]
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle=":")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", aspect="equal")
    _legend(axes, zip(lines, drawn, strict=True))
    return figure


@rc_context(NO_MATH)
def score_histograms(panels: Mapping[str, tuple[Floats, NDArray[np.bool_]]]) -> Figure:
    """Draw the scores (n,) for each class, apart for the images that are of it and those that are not."""
    figure = new_figure(4.0 * len(panels))
    for axes, (name, (scores, own)) in zip(_row(figure, len(panels)), panels.items(), strict=True):
        drawn = [axes.hist(scores[of], bins=BINS, range=(0, 1), alpha=0.6)[2] for of in (own, ~own)]
        axes.set(xlabel=f"score for {name}", ylabel="images")
        _legend(axes, zip((name, f"not {name}"), drawn, strict=True))
    return figure


def _legend(axes: Axes, drawn: Iterable[tuple[str, Any]], **how: Any) -> None:
    """Name what was drawn; Matplotlib would leave out labels that begin with an underscore."""
    named = list(drawn)
    places = [str(place) for place in range(len(named))]
    legend = axes.legend([each for _, each in named], places, frameon=False, **how)
    for text, (label, _) in zip(legend.get_texts(), named, strict=True):
        text.set_text(label)


def _row(figure: Figure, count: int) -> Iterable[Axes]:
    axes: Iterable[Axes] = figure.subplots(1, count, squeeze=False)[0]
    return axes
