"""The figure of a study's first screen: scores by number of labelled images, between two bands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from radapt.report.svg import INK, MARKERS, SERIES, SOFT, drawing, new_figure, quiet_axes, svg
from radapt.stats.estimate import Estimate
from radapt.text import cut_middle, told_apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZES = {False: (960.0, 400.0), True: (350.0, 400.0)}  # pixels, wide and narrow
_MARGINS = {False: (58.0, 210.0), True: (44.0, 12.0)}  # pixels at the left and the right of the axes
_BOTTOM, _TOP = 50.0, 14.0
_LINE = 17.0  # pixels between the names at the right
_LONGEST = 30  # characters of such a name


@dataclass(frozen=True, slots=True)
class Band:
    """The score of the base model on one side."""

    domain: str  # "source" or "target"
    name: str  # of the data set
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Point:
    """A strategy's score with so many labelled images."""

    budget: int
    estimate: Estimate
    recommended: bool


@dataclass(frozen=True, slots=True)
class Path:
    """The scores of one strategy."""

    strategy: str
    series: int
    points: tuple[Point, ...]


def draw(
    bands: Sequence[Band],
    paths: Sequence[Path],
    names: Mapping[int, str],
    *,
    unit: str,
    scale: float,
    narrow: bool,
    about: str,
) -> Markup:
    """Draw the scores of strategies against the number of labelled images, and the base model as bands.

    Budgets have equal distances, since they are few and often multiples of one another; `names` has what
    they are called. `scale` is 100 where scores are written in percent.
    """
    width, height = _SIZES[narrow]
    left, right = _MARGINS[narrow]
    budgets = sorted({point.budget for path in paths for point in path.points})
    with drawing(f"overview-{'narrow' if narrow else 'wide'}"):
        figure = new_figure(width, height)
        box = (
            left / width,
            _BOTTOM / height,
            (width - left - right) / width,
            (height - _BOTTOM - _TOP) / height,
        )
        axes = figure.add_axes(box)
        quiet_axes(axes)
        axes.set_xlim(-0.5, len(budgets) - 0.5)
        axes.set_xticks(range(len(budgets)), [names.get(number, f"{number:,}") for number in budgets])
        axes.set(xlabel="labelled images", ylabel=unit)
        for band in bands:
            _band(axes, band, scale)
        for path in paths:
            _path(axes, path, [_place(path, point.budget, paths, budgets) for point in path.points], scale)
        if narrow:
            _name_bands(axes, bands, scale)
        else:
            _name(axes, bands, paths, scale, height - _BOTTOM - _TOP)
        return svg(figure, about)


def _place(path: Path, budget: int, paths: Sequence[Path], budgets: Sequence[int]) -> float:
    """Return where a score stands: at its budget, beside the other scores with as many labels."""
    there = [each.strategy for each in paths if budget in {point.budget for point in each.points}]
    step = 0.02 * len(budgets)  # of the width in all, whatever the number of budgets
    return budgets.index(budget) + step * (there.index(path.strategy) - (len(there) - 1) / 2)


def _band(axes: "Axes", band: Band, scale: float) -> None:
    colour, at = INK if band.domain == "source" else SERIES[0], scale * band.estimate.value
    axes.axhspan(scale * band.estimate.low, scale * band.estimate.high, color=colour, alpha=0.12, linewidth=0)
    axes.axhline(
        at, color=colour, linestyle=(0, (1, 2)) if band.domain == "source" else (0, (4, 3)), linewidth=1.2
    )


def _path(axes: "Axes", path: Path, places: Sequence[float], scale: float) -> None:
    colour = SERIES[path.series]
    values = [scale * point.estimate.value for point in path.points]
    axes.plot(places, values, color=colour, marker=MARKERS[path.series], markersize=6, linewidth=1.3)
    for place, value, point in zip(places, values, path.points, strict=True):
        ends = [scale * point.estimate.low, scale * point.estimate.high]
        axes.plot([place, place], ends, color=colour, linewidth=2.2, alpha=0.45, solid_capstyle="butt")
        if point.recommended:
            axes.plot(
                [place], [value], marker="o", markersize=15, fillstyle="none", color=INK, markeredgewidth=1.8
            )


def _name(axes: "Axes", bands: Sequence[Band], paths: Sequence[Path], scale: float, height: float) -> None:
    """Write the names of strategies and bands at the right, each near its last point, none over another."""
    values, called = [scale * band.estimate.value for band in bands], _names_of(bands)
    names = [(value, name, SOFT) for value, name in zip(values, called, strict=True)]
    names += [(scale * path.points[-1].estimate.value, path.strategy, SERIES[path.series]) for path in paths]
    low, high = axes.get_ylim()
    line = _LINE / height * (high - low)
    names.sort()
    spread = _apart([value for value, _, _ in names], line, low, high)
    for at, (_, name, colour) in zip(spread, names, strict=True):
        short, across = cut_middle(name, _LONGEST), axes.get_yaxis_transform()
        axes.text(1.015, at, short, transform=across, color=colour, va="center", fontsize=11.5)


def _name_bands(axes: "Axes", bands: Sequence[Band], scale: float) -> None:
    """Write at the left what each band is: above the line of the higher, and below that of the lower."""
    higher = max(bands, key=lambda band: band.estimate.value)
    for band, name in zip(bands, _names_of(bands), strict=True):
        axes.annotate(
            name,
            (0.0, scale * band.estimate.value),
            xycoords=axes.get_yaxis_transform(),
            xytext=(3, 3 if band is higher else -3),
            textcoords="offset points",
            va="bottom" if band is higher else "top",
            color=SOFT,
            fontsize=11,
        )


def _names_of(bands: Sequence[Band]) -> list[str]:
    """Return what bands are called: by their data sets, or their domains if these would look the same."""
    begin = "base model on "
    domains = [band.domain for band in bands]
    return [
        begin + name for name in told_apart([band.name for band in bands], _LONGEST - len(begin), domains)
    ]


def _apart(values: Sequence[float], line: float, low: float, high: float) -> list[float]:
    """Move rising values so that each is `line` above the last, and none beyond the ends if they fit."""
    places = list(values)
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + line)
    limit = high - line / 2
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - line
    return [max(place, low + line * (index + 0.5)) for index, place in enumerate(places)]
