"""What more labelled images are worth: the learning curve of a strategy.

A score that grows with the number of labelled images n is described by an inverse power law, a - b * n**-c:
a is what it comes to in the end, b how far off it begins, c how fast it gets there. Fitting it by weighted
least squares follows Figueroa, Zeng-Treitler, Kandula & Ngo 2012 (BMC Medical Informatics and Decision Making
12:8); here the weights are those of the spread of each score, and the band comes from fitting every bootstrap
sample anew.

In simulations with three to five budgets the band held the true curve in 93 to 96 cases of 100, at the
budgets and up to four times the largest. Where the truth was flat it did so in 88 to 93, and a gain was
claimed in 5 at most.

Shapes: m budgets, B draws, G powers.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.evaluation.scores import Outcome
from radapt.metrics.table import metric as find_metric
from radapt.stats.bootstrap import MIN_DRAWS
from radapt.stats.estimate import points
from radapt.stats.inference import bootstrap_scores
from radapt.stats.intervals import LEVEL
from radapt.text import listed

Floats = NDArray[np.float64]

MIN_BUDGETS = 3  # as many as the law has numbers
MAX_EXTRAPOLATION = (
    2  # a curve is told beyond so many times its largest budget, or below 1 in so many, as a guess
)

_POWERS = np.geomspace(0.05, 2.0, 300)  # of c, 1.2 % apart: between two of them the curve hardly moves
_LEAST_SPREAD = 1e-3  # of a score: a tenth of a point, below which no weight grows
_SHOWN = 5e-4  # a smaller gain is written as 0.0 points
_MOST = 10**9  # images: with more, there are not so many to label
_DRAWN = 33  # places at which a curve is written down


@dataclass(frozen=True, slots=True)
class Forecast:
    """A score or a gain that a curve expects, and the interval that it lies in."""

    value: float  # of a score in [0, 1]; of a gain 0.008 is 0.8 points
    low: float
    high: float
    extrapolated: bool  # whether it lies so far from the budgets that were tried that it is a guess


@dataclass(frozen=True, slots=True)
class RequiredImages:
    """How many labelled images a curve expects a score to take."""

    images: int
    low: int
    high: int | None  # None where it may be that no number of images is enough
    extrapolated: bool


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A fitted learning curve: a - b * n**-c for n labelled images, never below 0."""

    metric: str
    budgets: tuple[int, ...]  # labelled images, rising
    scores: tuple[float, ...]  # the mean of the draws at each
    a: float  # what the score comes to in the end, at most 1
    b: float  # 0 or more; 0 where more images showed no gain
    c: float  # in [0.05, 2]
    refits: Floats  # (3, B): a, b and c of every draw

    def at(self, images: float) -> Forecast:
        """Give the score that so many labelled images (1 or more) lead to, with its 95 % band."""
        value, drawn = self._scores(images)
        return self._expected(value, drawn, images)

    def gain(self, images: float, more: float = 1) -> Forecast:
        """Give what so many further labelled images are worth to who has `images`, with its 95 % interval.

        The curve cannot fall, so the interval never reaches below 0: where its lower end is 0, no gain is
        shown.
        """
        value, drawn = self._scores(images)
        later, later_drawn = self._scores(images + more)
        return self._expected(later - value, later_drawn - drawn, images, images + more)

    def needed(self, score: float) -> RequiredImages | None:
        """Say with how many labelled images a score is reached; None if the curve stays below it.

        A number of images above 10**9 counts as never.
        """
        images = _needed(np.array([[self.a], [self.b], [self.c]]), score)[0]
        if math.isinf(images):
            return None
        drawn = _needed(self.refits, score)
        outside = (1 - LEVEL) / 2
        low = min(images, float(np.quantile(drawn, outside, method="lower")))
        high = max(images, float(np.quantile(drawn, 1 - outside, method="higher")))
        return RequiredImages(
            int(images), int(low), None if math.isinf(high) else int(high), self._beyond(images)
        )

    def as_dict(self) -> dict[str, Any]:
        """Give what a page needs, ready for JSON: the law, the scores it was fitted to, and its band.

        The band is given at up to 33 numbers of images from the smallest budget to twice the largest.
        """
        grid = np.geomspace(self.budgets[0], MAX_EXTRAPOLATION * self.budgets[-1], _DRAWN).round().astype(int)
        return {
            "metric": self.metric,
            "budgets": list(self.budgets),
            "scores": list(self.scores),
            "a": self.a,
            "b": self.b,
            "c": self.c,
            "band": [{"images": images, **asdict(self.at(images))} for images in np.unique(grid).tolist()],
        }

    def _scores(self, images: float) -> tuple[float, Floats]:
        if images < 1:
            raise AskedWrongly(f"A learning curve begins at one labelled image. Got {images:g}.")
        fitted = np.array([[self.a], [self.b], [self.c]])
        return float(_law(fitted, images)[0]), _law(self.refits, images)

    def _expected(self, value: float, drawn: Floats, *images: float) -> Forecast:
        outside = (1 - LEVEL) / 2
        low, high = (float(end) for end in np.quantile(drawn, [outside, 1 - outside]))
        return Forecast(value, min(value, low), max(value, high), any(map(self._beyond, images)))

    def _beyond(self, images: float) -> bool:
        return images > MAX_EXTRAPOLATION * self.budgets[-1] or images * MAX_EXTRAPOLATION < self.budgets[0]


def fit_curve(budgets: Sequence[int], draws: Floats, *, metric: str = "accuracy") -> Curve | None:
    """Fit the learning curve of one strategy.

    The law is linear in a and b, so for each of 300 powers c the best of them follow at once, within
    a <= 1 and b >= 0, and the c that leaves least is taken (variable projection, Golub & Pereyra 1973, SIAM
    J. Numer. Anal. 10:413). Every draw is fitted so, all at once. A budget counts as the inverse of the
    variance of its draws.

    Parameters
    ----------
    budgets
        m numbers of labelled images, 1 or more, no two alike, in any order.
    draws
        (m, B) scores in [0, 1]: those of B bootstrap samples, 40 or more, at each budget. One column is one
        sample at all budgets, so that what is hard for all of them does not bend the curve. The scores of a
        few training seeds are no such draws; `curve_of` makes draws of them. Columns with NaN are left out.
    metric
        What the scores are of, for the sentences.

    Returns
    -------
    Curve | None
        None with fewer than three budgets, to which any such law could be bent; of two, show the difference.

    Raises
    ------
    AskedWrongly
        If the shapes do not fit, budgets are alike or below 1, scores lie outside [0, 1], or there are too
        few draws.
    """
    draws = np.asarray(draws, dtype=np.float64)
    if draws.ndim != 2 or len(draws) != len(budgets):
        raise AskedWrongly(
            f"A learning curve needs a row of draws for each budget. Got {len(budgets)} budgets and draws of "
            f"the shape {draws.shape}."
        )
    if len(set(budgets)) < len(budgets) or min(budgets, default=1) < 1:
        raise AskedWrongly(
            "The budgets of a learning curve are different numbers of images. "
            f"Got {listed(map(str, budgets))}."
        )
    draws = draws[:, ~np.isnan(draws).any(axis=0)]
    if draws.shape[1] < MIN_DRAWS:
        raise AskedWrongly(f"The band of a curve needs {MIN_DRAWS} draws or more. Got {draws.shape[1]}.")
    if draws.size and not 0 <= draws.min() <= draws.max() <= 1:
        raise AskedWrongly(
            f"The scores of a learning curve lie between 0 and 1. Got {draws.min():g} to {draws.max():g}."
        )
    if len(budgets) < MIN_BUDGETS:
        return None
    order = np.argsort(budgets)
    images, draws = np.asarray(budgets, dtype=np.float64)[order], draws[order]
    weights = 1 / np.maximum(draws.var(axis=1, ddof=1), _LEAST_SPREAD**2)
    means = draws.mean(axis=1)
    a, b, c = _fits(images, means[:, None], weights)[:, 0].tolist()
    return Curve(
        metric=metric,
        budgets=tuple(int(each) for each in images),
        scores=tuple(means.tolist()),
        a=a,
        b=b,
        c=c,
        refits=_fits(images, draws, weights),
    )


def curve_of(
    outcomes: Iterable[Outcome],
    strategy: str,
    *,
    metric: str = "accuracy",
    domain: str = "target",
    draws: int = 2000,
    seed: int = 0,
) -> Curve | None:
    """Fit the learning curve of a study's strategy, from its predictions at every budget.

    All budgets are scored on the same bootstrap samples of patients, and of training seeds where there are
    several, see `radapt.stats.inference.bootstrap_scores`.

    Returns
    -------
    Curve | None
        None with fewer than three budgets of labelled images, or where the metric is not defined or does not
        grow from 0 to 1, as the law does.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If the predictions are of different images, or the metric does not suit the classes.
    """
    mine = [outcome for outcome in outcomes if outcome.strategy == strategy and outcome.budget > 0]
    about = find_metric(metric)
    if len(mine) < MIN_BUDGETS or about.lower_is_better or about.range != (0.0, 1.0):
        return None
    runs = [outcome.predictions[domain] for outcome in mine]
    scores = bootstrap_scores(metric, runs, draws=draws, seed=seed)
    if scores.shape[1] < MIN_DRAWS:
        return None
    return fit_curve([outcome.budget for outcome in mine], scores, metric=metric)


def describe_gain(curve: Curve, images: int, more: int = 100) -> str:
    """Say what so many further labelled images are worth, or that no gain can be shown.

    As in: `At 256 images, 100 more are worth +0.8 points [0.1, 1.9] of accuracy.`
    """
    gain = curve.gain(images, more)
    have = f"At {images:,} {'image' if images == 1 else 'images'}"
    size = f"{points(gain.value, gain.low, gain.high)} of {find_metric(curve.metric).words}"
    if gain.low < _SHOWN:
        said = f"{have}, no gain from {more:,} more can be shown: {size}."
    else:
        said = f"{have}, {more:,} more {'is' if more == 1 else 'are'} worth {size}."
    if not gain.extrapolated:
        return said
    first, last = curve.budgets[0], curve.budgets[-1]
    return f"{said} This is an extrapolation: {first:,} to {last:,} images were tried."


def _law(fits: Floats, images: float) -> Floats:
    """Give the (B,) scores that (3, B) fits expect."""
    a, b, c = fits
    return np.asarray(np.maximum(a - b * images**-c, 0.0), dtype=np.float64)


def _needed(fits: Floats, score: float) -> Floats:
    """Give the (B,) numbers of images with which (3, B) fits reach a score; infinite where they never do."""
    a, b, c = fits
    short = a - score
    images = np.full(len(a), np.inf)
    rises = short > 0
    with np.errstate(over="ignore"):
        np.power(b / np.where(rises, short, 1.0), 1 / c, out=images, where=rises)
    images[(b == 0) & (short >= 0)] = 1.0
    if score <= 0:
        images[:] = 1.0
    images = np.maximum(1.0, np.ceil(images - 1e-6))
    return np.where(images > _MOST, np.inf, images)


def _fits(images: Floats, scores: Floats, weights: Floats) -> Floats:
    """Fit (m, B) scores by least squares with (m,) weights; give (3, B) values of a, b and c."""
    shares = weights / weights.sum()
    x = images[:, None] ** -_POWERS  # (m, G)
    mean_x, mean_y = shares @ x, shares @ scores
    weighted = shares[:, None] * (x - mean_x)
    spread_x = (weighted * (x - mean_x)).sum(axis=0)[:, None]
    spread_y = shares @ (scores - mean_y) ** 2
    common = weighted.T @ (scores - mean_y)  # (G, B)
    b = -common / spread_x
    a = mean_y + b * mean_x[:, None]
    left = spread_y - common**2 / spread_x
    # Where the best a lies above 1, the best within the bound has a = 1.
    square = (shares @ x**2)[:, None]
    steep = ((shares[:, None] * x).T @ (1 - scores)) / square
    above, falling = a > 1, b <= 0
    a, b = np.where(above, 1.0, a), np.where(above, steep, b)
    left = np.where(above, shares @ (1 - scores) ** 2 - steep**2 * square, left)
    # And where scores fall with more images, it is their mean.
    a, b, left = np.where(falling, mean_y, a), np.where(falling, 0.0, b), np.where(falling, spread_y, left)
    best, columns = left.argmin(axis=0), np.arange(scores.shape[1])
    return np.stack([a[best, columns], b[best, columns], _POWERS[best]])
