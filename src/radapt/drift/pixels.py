"""Grey statistics of images, measured on pixels before any model, and a test of whether they differ.

A trained trunk becomes invariant to many changes of images: brightness, shear, mirroring. These statistics
are not. They are too few to reconstruct an image from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.drift.two_samples import DRAWS, PermutedSides, TestResult, within
from radapt.shift.filters import averaged

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]

CELLS = 6  # to a side, for an image's coarsest shape

# For each statistic: what it is, and a description of images with less and with more of it.
GREYS: dict[str, tuple[str, str, str]] = {
    "mean": ("mean grey", "darker", "brighter"),
    "spread": ("standard deviation of grey", "less contrast", "more contrast"),
    "dark": ("5 % quantile of grey", "darker darks", "brighter darks"),
    "middle": ("median grey", "darker", "brighter"),
    "bright": ("95 % quantile of grey", "darker brights", "brighter brights"),
    "black": ("share of black pixels", "fewer black pixels", "more black pixels"),
    "white": ("share of white pixels", "fewer white pixels", "more white pixels"),
    "levels": ("grey levels in use", "fewer grey levels", "more grey levels"),
    "flat": ("share of neighbouring pixels of equal grey", "fewer even areas", "more even areas"),
    "noise": ("noise in grey levels", "less noise", "more noise"),
    "fine": ("fine detail, 90 % quantile in grey levels", "less fine detail", "more fine detail"),
    "specks": ("finest detail, 99.9 % quantile in grey levels", "fewer sharp spots", "more sharp spots"),
    "sharpness": ("fine detail as a share of coarser detail", "less sharp", "sharper"),
    "across": (
        "log ratio of horizontal to vertical gradients",
        "more horizontal fine lines",
        "more vertical fine lines",
    ),
    "coarse": (
        "log ratio of horizontal to vertical gradients of 4 x 4 pixel means",
        "more horizontal coarse structure",
        "more vertical coarse structure",
    ),
    "slant": (
        "slant of fine lines (-1 left, 1 right)",
        "fine lines slant more to the left",
        "fine lines slant more to the right",
    ),
    "lean": (
        "slant of coarse structure (-1 left, 1 right)",
        "coarse structure slants more to the left",
        "coarse structure slants more to the right",
    ),
    "blocks": ("steps at the edges of 8 x 8 pixel blocks", "weaker JPEG blocks", "stronger JPEG blocks"),
    "side": ("mean grey of the right half minus the left", "right half darker", "right half brighter"),
    "foot": ("mean grey of the lower half minus the upper", "lower half darker", "lower half brighter"),
    "centre": ("mean grey of the centre minus the whole", "centre darker", "centre brighter"),
    "border": ("mean grey of the border", "darker border", "brighter border"),
    "corners": ("mean grey of the corners", "darker corners", "brighter corners"),
    "tilt": ("tilt of the principal axis of brightness, in degrees", "less tilted", "more tilted"),
    "width": ("spread of brightness across, as a share of the width", "narrower", "wider"),
}
NAMES = (*GREYS, *(f"cell-{row + 1}-{column + 1}" for row in range(CELLS) for column in range(CELLS)))

_DIGITS = 4  # decimals that are kept: later ones may differ from machine to machine
_CHUNK = 64  # images
_WHITE = 255
_NEAR = 4  # pixels within so many grey levels of black or white count as black or white
_OFFSET = 8  # grey levels added to both terms of the odds of white to black
_SAME = 1e-9
_QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class GreyDifference:
    """The difference in one grey statistic between two sets of images."""

    name: str  # of `NAMES`
    spread: bool  # whether its variation between images differs most, rather than its median
    reference: float  # median over images; if `spread`, the interquartile range
    new: float
    p: float  # corrected for the number of statistics

    def as_dict(self) -> dict[str, str | float]:
        """Return a value for JSON."""
        compared = "middle half" if self.spread else "median"
        numbers = {"reference": self.reference, "new": self.new, "p": self.p}
        return {"name": self.name, "compared": compared, **numbers}

    def __str__(self) -> str:
        if self.name in GREYS:
            what, less, more = GREYS[self.name]
        else:
            _, row, column = self.name.split("-")
            what = f"cell {row} from the top and {column} from the left, of {CELLS} x {CELLS}"
            less, more = "locally darker", "locally brighter"
        numbers = f"{self.new:.3g} against {self.reference:.3g}"
        if self.spread:
            varies = "more" if self.new >= self.reference else "less"
            return f"{varies} variation between images: {what}, interquartile range {numbers}"
        return f"{more if self.new >= self.reference else less}: {what} {numbers}"


def grey_statistics(pixels: NDArray[np.uint8]) -> Floats:
    """Measure images (n, height, width); return (n, d), a column for each of `NAMES`.

    Grey is 0 (black) to 1 (white), or 0 to 255 where `GREYS` says "grey levels". A cell is the mean log-odds
    of white to black there less that of the image, since an uneven exposure is additive on that scale.
    """
    from radapt.shift.estimate import statistics

    levels = {"mean", "spread", "dark", "middle", "bright", "border"}
    table = {
        name: values / _WHITE if name in levels else values for name, values in statistics(pixels).items()
    }
    parts = [_measured(pixels[start : start + _CHUNK]) for start in range(0, len(pixels), _CHUNK)]
    table |= {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    numbers = np.stack([table[name] for name in NAMES], axis=1)
    return np.round(numbers, _DIGITS).astype(np.float32)


def compare_greys(greys: Floats, permuted: PermutedSides) -> tuple[TestResult, list[GreyDifference]]:
    """Compare grey statistics, (n, d), by ranks within strata.

    Each column, and each of the combined columns of `_combined`, gives Wilcoxon's statistic of location and
    Mood's of spread (1954, Ann. Math. Stat. 25:514) in standard errors, summed over strata. The test's
    statistic is the largest, compared with the largest under permutations of rows (Westfall & Young 1993,
    "Resampling-based multiple testing"), which controls the family-wise error rate.

    Returns
    -------
    TestResult, list[GreyDifference]
        The test, and each column's difference in location or spread, whichever is clearer; clearest first.
    """
    rows = greys.astype(np.float64)
    centred = within(rows, permuted)
    columns = np.concatenate([centred, _combined(centred)], axis=1)
    scores = np.empty((len(rows), 2 * columns.shape[1]))
    variance = 0.0
    for each in permuted.strata:
        scores[each] = _rank_scores(columns[each])
        new = int(permuted.new[each, 0].sum())
        variance += new * (len(each) - new) / (len(each) - 1)
    observed = np.abs(scores.T @ permuted.weights) * permuted.size / np.sqrt(variance)
    chance = np.sort(observed[:, 1:].max(axis=0))
    above = len(chance) - np.searchsorted(chance, observed[:, 0] - _SAME)
    p = (above + 1) / (DRAWS + 1)
    location, spread = observed[:, 0].reshape(2, -1)[:, : rows.shape[1]]
    ofs = p.reshape(2, -1)
    differ = [
        _differing(column, rows[:, column], permuted, bool(wide), float(ofs[int(wide), column]))
        for column, wide in enumerate(spread > location)
    ]
    order = np.argsort(-np.maximum(location, spread), kind="stable")
    return TestResult(float(observed[:, 0].max()), float(p.min())), [differ[column] for column in order]


def _differing(column: int, values: Reals, permuted: PermutedSides, spread: bool, p: float) -> GreyDifference:
    """Measure how a column differs in its median or its spread, with strata weighted alike on both sides."""
    of = []
    for side in (~permuted.new[:, 0], permuted.new[:, 0]):
        low, middle, high = np.quantile(
            values[side], _QUARTERS, weights=np.abs(permuted.weights[side, 0]), method="inverted_cdf"
        )
        of.append(float(high - low if spread else middle))
    return GreyDifference(NAMES[column], spread, of[0], of[1], p)


def _combined(rows: Reals) -> Reals:
    """Return columns combined of several: slopes of exposure, their size, and each image's distance.

    The slopes, across and down, are those of the cells by generalised least squares, which gives less weight
    to variation by anatomy; the distance is Mahalanobis's from the mean image. All are computed of both sides
    together, so permutations remain valid.
    """
    from sklearn.covariance import LedoitWolf

    scaled = (rows - rows.mean(axis=0)) / (rows.std(axis=0) + _SAME)
    cells = scaled[:, len(GREYS) :]
    place = np.linspace(-1, 1, CELLS)
    ramps = np.stack([np.tile(place, CELLS), np.repeat(place, CELLS)], axis=1)
    ramps /= rows[:, len(GREYS) :].std(axis=0)[:, None] + _SAME
    slopes = cells @ LedoitWolf().fit(cells).precision_ @ ramps
    slopes /= slopes.std(axis=0) + _SAME
    unlike = LedoitWolf().fit(scaled).mahalanobis(scaled)
    return np.column_stack([slopes, np.hypot(*slopes.T), unlike])


def _rank_scores(columns: Reals) -> Reals:
    """Return standardised ranks and squared ranks, (n, 2 d); zeros for a constant column."""
    from scipy.stats import rankdata

    ranks = rankdata(columns, axis=0)
    ranks -= ranks.mean(axis=0)
    squares = ranks**2
    scores: Reals = np.concatenate([ranks, squares - squares.mean(axis=0)], axis=1)
    scores /= np.maximum(scores.std(axis=0), _SAME)
    return scores


def _measured(images: NDArray[np.uint8]) -> Mapping[str, Reals]:
    """Measure the statistics that `radapt.shift.estimate.statistics` lacks."""
    from radapt.shift.estimate import residual

    levels = images.astype(np.float32)
    _, height, width = levels.shape
    mean = levels.mean(axis=(1, 2))
    half, foot = width // 2, height // 2
    quarter, eighth = (max(1, height // 4), max(1, width // 4)), (max(1, height // 8), max(1, width // 8))
    outer = [
        levels[:, rows, columns].mean(axis=(1, 2))
        for rows in (slice(eighth[0]), slice(-eighth[0], None))
        for columns in (slice(eighth[1]), slice(-eighth[1], None))
    ]
    grain = np.abs(residual(levels)).reshape(len(images), -1)
    across, down = (np.diff(levels, axis=axis) for axis in (2, 1))
    same = [(steps == 0).mean(axis=(1, 2)) for steps in (across, down)]
    steps = np.abs(across)
    coarse = _coarser(levels, 4)
    used = np.stack([np.bincount(image.reshape(-1), minlength=_WHITE + 1) > 0 for image in images])
    odds = torch.from_numpy(np.log((levels + _OFFSET) / (_WHITE + _OFFSET - levels)))
    cells = averaged(averaged(odds, CELLS, 1), CELLS, 2).numpy().reshape(len(images), -1)
    cells = cells - cells.mean(axis=1, keepdims=True)
    middle = levels[:, quarter[0] : height - quarter[0], quarter[1] : width - quarter[1]]
    table = {
        "black": (images <= _NEAR).mean(axis=(1, 2)),
        "white": (images >= _WHITE - _NEAR).mean(axis=(1, 2)),
        "levels": used.sum(axis=1),
        "flat": np.mean(same, axis=0),
        "fine": np.quantile(grain, 0.9, axis=1),
        "specks": np.quantile(grain, 0.999, axis=1),
        "across": _edges(levels),
        "coarse": _edges(coarse),
        "slant": _slant(levels),
        "lean": _slant(_coarser(levels, 2)),
        "blocks": np.log((steps[:, :, 7::8].mean(axis=(1, 2)) + 0.5) / (steps.mean(axis=(1, 2)) + 0.5)),
        "side": (levels[:, :, width - half :].mean(axis=(1, 2)) - levels[:, :, :half].mean(axis=(1, 2)))
        / _WHITE,
        "foot": (levels[:, height - foot :].mean(axis=(1, 2)) - levels[:, :foot].mean(axis=(1, 2))) / _WHITE,
        "centre": (middle.mean(axis=(1, 2)) - mean) / _WHITE,
        "corners": np.mean(outer, axis=0) / _WHITE,
        **dict(zip(NAMES[len(GREYS) :], cells.T, strict=True)),
    }
    return {name: np.asarray(values, dtype=np.float64) for name, values in table.items()}


def _coarser(levels: Floats, times: int) -> Floats:
    """Average squares of `times` x `times` pixels."""
    count, height, width = levels.shape
    whole = levels[:, : height // times * times, : width // times * times]
    means: Floats = whole.reshape(count, height // times, times, width // times, times).mean(axis=(2, 4))
    return means


def _edges(levels: Floats) -> Reals:
    """Return the log-ratio of mean steps across and down; half a grey level is added to both."""
    across, down = (np.abs(np.diff(levels, axis=axis)).mean(axis=(1, 2)) for axis in (2, 1))
    ratio: Reals = np.log((across + 0.5) / (down + 0.5))
    return ratio


def _slant(levels: Floats) -> Reals:
    """Return how edges lean, by the structure tensor: to the right by 45 degrees is 1, to the left -1."""
    across = levels[:, 1:-1, 2:] - levels[:, 1:-1, :-2]
    down = levels[:, 2:, 1:-1] - levels[:, :-2, 1:-1]
    both = 2 * (across * down).mean(axis=(1, 2))
    share: Reals = both / ((across**2 + down**2).mean(axis=(1, 2)) + 1)
    return share
