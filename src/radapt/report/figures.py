"""The figures of a report: each function receives numbers and returns SVG, and computes nothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from radapt.report.svg import INK, MARKERS, RULE, SERIES, SOFT, drawing, new_figure, quiet_axes, svg
from radapt.stats.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

LABELS, PLOT = 134.0, 180.0  # pixels of a forest plot: names at the left, then the plot, then the numbers


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a forest plot."""

    name: str
    note: str  # the estimate in words, at the right
    estimate: Estimate
    series: int
    conclusive: bool  # whether the verdict is better or worse; drawn as a full mark


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of a forest plot under one heading."""

    heading: str  # "" for none
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A strategy's scores by number of labelled images."""

    series: int
    images: tuple[int, ...]
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A ROC curve and its operating point."""

    series: int
    false_rates: Floats
    true_rates: Floats
    operating_point: tuple[float, float] | None  # (false positive rate, true positive rate) at the threshold
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The range that several figures share along one axis."""

    low: float
    high: float


def forest(groups: Sequence[Group], span: Span, *, unit: str, salt: str, about: str) -> Markup:
    """Draw differences in percentage points with their intervals, and a line at no difference."""
    lines = sum(bool(group.heading) + len(group.bars) for group in groups)
    width, row, top, bottom = 470.0, 26.0, 4.0, 46.0
    height = top + lines * row + bottom
    with drawing(salt):
        figure = new_figure(width, height)
        axes = figure.add_axes((LABELS / width, bottom / height, PLOT / width, lines * row / height))
        quiet_axes(axes, grid="x")
        axes.spines["left"].set_visible(False)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set(ylim=(lines - 0.5, -0.5), yticks=[], xlim=(100 * span.low, 100 * span.high))
        axes.set_xlabel(unit)
        at = 0
        for group in groups:
            if group.heading:
                _beside(axes, at, group.heading, -LABELS / PLOT, INK, "bold")
                at += 1
            for bar in group.bars:
                _bar(axes, at, bar, -(LABELS - 10 * bool(group.heading)) / PLOT)
                at += 1
        return svg(figure, about)


def learning_curve(
    lines: Sequence[Line],
    levels: Sequence[tuple[int, Estimate]],
    span: Span,
    *,
    unit: str,
    salt: str,
    about: str,
) -> Markup:
    """Draw scores against the number of labelled images, with bands.

    `levels`, a series and a score each, are of what needs no labels: dashed from side to side.
    """
    images = sorted({number for line in lines for number in line.images})
    with drawing(salt):
        figure = new_figure(470, 300)
        axes = figure.add_axes((54 / 470, 48 / 300, 400 / 470, 244 / 300))
        quiet_axes(axes)
        axes.set_xscale("log")
        step = min(0.03, 0.15 / (len(levels) + 1))  # of the width, to each mark at the sides
        room = step * (len(levels) + 1)
        reach = (images[-1] / images[0]) ** (room / (1 - 2 * room))
        axes.set_xlim(images[0] / reach, images[-1] * reach)
        axes.set_xticks(images, [f"{number:,}" for number in images])
        axes.set_xticks([], minor=True)
        axes.set(ylim=(100 * span.low, 100 * span.high), xlabel="labelled images (log scale)", ylabel=unit)
        for place, (series, level) in enumerate(levels):
            colour, at = SERIES[series], 100 * level.value
            axes.axhspan(100 * level.low, 100 * level.high, color=colour, alpha=0.14, linewidth=0)
            axes.axhline(at, color=colour, linestyle=(0, (4, 3)))
            for x in (step * (place + 0.5), 1 - step * (place + 0.5)):  # side by side, as lines may coincide
                _mark(axes, x, at, series)
        for line in lines:
            low, value, high = (
                [100 * getattr(estimate, name) for estimate in line.estimates]
                for name in ("low", "value", "high")
            )
            colour = SERIES[line.series]
            axes.fill_between(line.images, low, high, color=colour, alpha=0.14, linewidth=0)
            axes.plot(line.images, value, color=colour, marker=MARKERS[line.series], markersize=5)
        return svg(figure, about)


def roc(curves: Sequence[Curve], side: float, *, salt: str, about: str) -> Markup:
    """Draw ROC curves in a square with sides of `side` pixels; a mark at the operating point."""
    with drawing(salt):
        figure = new_figure(side, side)
        inner = (side - 64) / side
        axes = figure.add_axes((52 / side, 48 / side, inner, inner))
        quiet_axes(axes, grid="both")
        axes.plot([0, 100], [0, 100], color=RULE, linewidth=1, linestyle=(0, (4, 3)))
        for curve in curves:
            colour = SERIES[curve.series]
            axes.plot(
                100 * curve.false_rates,
                100 * curve.true_rates,
                color=colour,
                alpha=0.3 if curve.faint else 1,
                linewidth=0.9 if curve.faint else 1.6,
                clip_on=False,
            )
            if curve.operating_point is not None and not curve.faint:
                x, y = (100 * rate for rate in curve.operating_point)
                axes.plot([x], [y], color=colour, marker=MARKERS[curve.series], markersize=6, clip_on=False)
        ticks = [0, 25, 50, 75, 100]
        axes.set(xlim=(0, 100), ylim=(0, 100), xticks=ticks, yticks=ticks)
        axes.set(xlabel="1 − specificity, %", ylabel="sensitivity, %")  # noqa: RUF001
        return svg(figure, about)


def training(
    histories: Sequence[Mapping[str, Sequence[float]]],
    series: int | None,
    losses: Span,
    scores: Span,
    *,
    salt: str,
    about: str,
) -> Markup:
    """Draw loss above accuracy by epoch, for one model and as many training seeds as there are.

    `series` is the colour of validation; None for that of the text.
    """
    with drawing(salt):
        figure = new_figure(222, 242)
        upper, lower = (figure.add_axes((42 / 222, y / 242, 174 / 222, 84 / 242)) for y in (140, 28))
        colour = INK if series is None else SERIES[series]
        epochs = max((len(history["number"]) for history in histories), default=1)
        for axes, name, span, scale in ((upper, "loss", losses, 1), (lower, "accuracy", scores, 100)):
            quiet_axes(axes)
            for index, history in enumerate(histories):
                _trace(axes, history, name, scale, colour, faint=index > 0)
            axes.set(xlim=(1, max(2, epochs)), ylim=(scale * span.low, scale * span.high))
            axes.set_title("loss" if name == "loss" else "accuracy, %", loc="left", color=INK, pad=6)
            axes.set_xticks([1, epochs] if epochs > 1 else [1])
            axes.locator_params(axis="y", nbins=4)
        upper.set_xticklabels([])
        lower.set_xlabel("epoch", labelpad=-9)
        return svg(figure, about)


def grey_histograms(lines: Sequence[tuple[int, Floats]], *, salt: str, about: str) -> Markup:
    """Draw how pixels are spread over the grey levels: a series and the shares of the pixels for each set."""
    with drawing(salt):
        figure = new_figure(620, 260)
        axes = figure.add_axes((54 / 620, 46 / 260, 552 / 620, 204 / 260))
        quiet_axes(axes)
        for series, shares in lines:
            greys = (np.arange(len(shares)) + 0.5) * 256 / len(shares)
            axes.plot(greys, 100 * shares, color=SERIES[series], drawstyle="steps-mid")
        axes.set(xlim=(0, 256), xticks=[0, 64, 128, 192, 255], xlabel="grey level")
        axes.set(ylabel="pixels, %")
        axes.set_ylim(bottom=0)
        return svg(figure, about)


def _beside(axes: "Axes", at: float, text: str, x: float, colour: str, weight: str = "normal") -> None:
    axes.text(
        x, at, text, transform=axes.get_yaxis_transform(), color=colour, weight=weight, va="center", ha="left"
    )


def _mark(axes: "Axes", x: float, at: float, series: int) -> None:
    """Set a strategy's mark at a share of the width."""
    axes.plot(
        [x],
        [at],
        color=SERIES[series],
        marker=MARKERS[series],
        markersize=5,
        transform=axes.get_yaxis_transform(),
    )


def _bar(axes: "Axes", at: int, bar: Bar, left: float) -> None:
    estimate, colour = bar.estimate, SERIES[bar.series]
    _beside(axes, at, bar.name, left, INK)
    _beside(axes, at, bar.note, 1 + 12 / PLOT, INK if bar.conclusive else SOFT)
    if math.isnan(estimate.value):
        return
    axes.plot(
        [100 * estimate.low, 100 * estimate.high], [at, at], color=colour, linewidth=2, solid_capstyle="butt"
    )
    axes.plot(
        [100 * estimate.value],
        [at],
        marker=MARKERS[bar.series],
        markersize=7,
        color=colour,
        markeredgewidth=1.6,
        fillstyle="full" if bar.conclusive else "none",
    )


def _trace(
    axes: "Axes", history: Mapping[str, Sequence[float]], name: str, scale: float, colour: str, *, faint: bool
) -> None:
    epochs = history["number"]
    alpha, width = (0.35, 0.8) if faint else (1, 1.6)
    for column, of in ((name, SOFT), (f"valid_{name}", colour)):
        values = [scale * value for value in history[column]]
        thin = width * (0.75 if of == SOFT else 1)
        axes.plot(epochs, values, color=of, alpha=alpha, linewidth=thin)
        if len(values) == 1:
            axes.plot(epochs, values, color=of, marker="o", markersize=3)
    best = [
        row for row, flag in enumerate(history["best"]) if flag and not math.isnan(history["valid_loss"][row])
    ]
    if best and not faint:
        kept = best[-1]  # the last that was the best so far
        value = scale * history[f"valid_{name}"][kept]
        axes.plot([epochs[kept]], [value], color=colour, marker="o", markersize=5, clip_on=False)
