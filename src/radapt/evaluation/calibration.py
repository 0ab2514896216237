"""Whether probabilities mean what they say: whether of the images given 30 %, 30 in 100 have the finding.

What is found here holds for images with the finding as common as on these; see
`radapt.evaluation.label_shift`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.predictions import Predictions
from radapt.stats.bootstrap import DRAWS, Measure, align, average_over_seeds, bootstrap, split_standard_error
from radapt.stats.estimate import Estimate
from radapt.stats.intervals import corrected_percentiles, percentiles, proportion_interval
from radapt.stats.logistic import fit_logistic, log_odds

Floats = NDArray[np.float64]
By = Literal["quantile", "width"]

_CHANCE_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the log odds that a model gives go with what images are."""

    intercept: Estimate  # calibration in the large: 0 is right, above 0 the scores are too low on the whole
    slope: Estimate  # 1 is right, below 1 the scores are too far apart: the model is too sure


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityCurve:
    """How many images of those with about one score have the finding; arrays have an entry a bin."""

    predicted: Floats  # mean score
    observed: Floats  # share with the finding
    low: Floats  # 95 % interval of that share
    high: Floats
    images: NDArray[np.int64]
    bins: str  # in words: how many, and of what


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """Expected calibration error, which means something only with its bins and with what chance gives."""

    value: float  # mean distance of score and share over the bins, weighted by images
    chance: float  # what it would be on average, on so many images, if the scores were right
    chance_high: float  # and in one of twenty cases at least
    bins: str

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.bins}; {self.chance:.3f} by chance, {self.chance_high:.3f} at most)"


@dataclass(frozen=True, slots=True)
class BrierParts:
    """A Brier score taken apart; `brier` is reliability - resolution + uncertainty + within."""

    brier: float
    reliability: float  # how far scores are from the share in their bin; less is better
    resolution: float  # how far these shares are from the whole; more is better
    uncertainty: float  # what always giving the share of the whole would score
    within: float  # what the scores' spread inside the bins adds; 0 where a bin is one score
    bins: str


def calibration(runs: Sequence[Predictions], *, draws: int = DRAWS, seed: int = 0) -> Calibration:
    """Estimate calibration intercept and slope.

    These are Cox's (1958, Biometrika 45:562), as Van Calster (2019, BMC Med. 17:230) names them. The slope is
    that of the log odds in a logistic regression of what images are on them, without penalty; the intercept
    is that of one in which the slope is 1. Patients are drawn without regard to class, since how common the
    finding is among them is part of what is asked. Slopes of bootstrap samples lie too high, so that their
    percentiles are corrected for it.

    Parameters
    ----------
    runs
        Predictions of two classes, or of one finding, of the same images by models of one or more seeds.
    draws, seed
        As for `radapt.stats.inference.estimate`.

    Returns
    -------
    Calibration
        Means over the runs; NaN where there is no one answer: a class without images, scores that tell the
        classes apart without error, or for the slope scores that are all alike.

    Raises
    ------
    AskedWrongly
        If there is no one finding, or the runs are of different images.
    """
    runs = [run.of_finding("Calibration") for run in align(runs, runs[:1])]
    return Calibration(
        _estimated(_intercept, runs, draws, seed), _estimated(_slope, runs, draws, seed, corrected=True)
    )


def reliability_curve(predictions: Predictions, *, bins: int = 10, by: By = "quantile") -> ReliabilityCurve:
    """Give the share with the finding, bin by bin of scores, each with a 95 % interval.

    The interval is that of `radapt.stats.intervals.proportion_interval`, by how much patients of the bin
    differ; where they do not, it is Wilson's on them.

    Parameters
    ----------
    predictions
        Of two classes, or of one finding.
    bins
        How many at most, 1 or more. Images of one score are never parted, so there may be fewer.
    by
        "quantile" for bins of about as many images, "width" for bins as wide; empty ones are left out.

    Raises
    ------
    AskedWrongly
        If there is no one finding, no image or no bin.
    """
    given = predictions.of_finding("A reliability curve")
    score, has = _score_and_truth(given)
    number, words = _binned(score, bins, by)
    images = np.bincount(number)
    predicted, observed = (np.bincount(number, weights=each) / images for each in (score, has))
    ends = np.array(
        [_share_interval(has[number == k], given.patients[number == k]) for k in range(len(images))]
    )
    return ReliabilityCurve(predicted, observed, ends[:, 0], ends[:, 1], images.astype(np.int64), words)


def expected_error(
    predictions: Predictions, *, bins: int = 15, by: By = "quantile", seed: int = 0
) -> ExpectedError:
    """Give the expected calibration error, beside what it would be by chance if every score were right.

    It is never 0 on a finite number of images, and more bins make it larger: there is no number of them that
    all agree on. Parameters and errors are those of `reliability_curve`.
    """
    score, has = _score_and_truth(predictions.of_finding("The expected calibration error"))
    number, words = _binned(score, bins, by)
    size = int(number.max()) + 1
    made = np.random.default_rng(seed).random((_CHANCE_DRAWS, len(score))) < score
    member = np.eye(size)[number]
    errors = np.abs((np.concatenate([has[None], made]) - score) @ member).sum(axis=1) / len(score)
    by_chance = errors[1:]
    return ExpectedError(
        float(errors[0]), float(by_chance.mean()), float(np.quantile(by_chance, 0.95)), words
    )


def brier_parts(predictions: Predictions, *, bins: int | None = None, by: By = "quantile") -> BrierParts:
    """Take the Brier score apart (Murphy 1973, J. Appl. Meteorol. 12:595).

    Parameters
    ----------
    predictions
        Of two classes, or of one finding.
    bins
        How many bins of scores; if not given, each score is a bin of its own, as Murphy has it. In wider bins
        the spread of scores inside them is a part too (Stephenson 2008, Weather Forecast. 23:752).
    by
        As for `reliability_curve`.

    Raises
    ------
    AskedWrongly
        If there is no one finding, no image or no bin.
    """
    score, has = _score_and_truth(predictions.of_finding("A decomposition of the Brier score"))
    if bins is None:
        number = np.unique(score, return_inverse=True)[1].reshape(-1)
        words = "a bin for each score"
    else:
        number, words = _binned(score, bins, by)
    images = np.bincount(number)
    mean_score, mean_has = (np.bincount(number, weights=each) / images for each in (score, has))
    share, whole = images / len(score), has.mean()
    off, apart = score - mean_score[number], has - mean_has[number]
    return BrierParts(
        brier=float(np.square(score - has).mean()),
        reliability=float(share @ np.square(mean_score - mean_has)),
        resolution=float(share @ np.square(mean_has - whole)),
        uncertainty=float(whole * (1 - whole)),
        within=float((off**2 - 2 * off * apart).mean()),
        bins=words,
    )


def _slope(predictions: Predictions, weights: Floats) -> Floats:
    odds, has = log_odds(predictions), _truth(predictions)
    if np.ptp(odds) == 0:  # any slope would do
        return np.full(len(weights), np.nan)
    return fit_logistic(np.stack([odds, np.ones_like(odds)], axis=1), has, weights)[:, 0]


def _intercept(predictions: Predictions, weights: Floats) -> Floats:
    odds, has = log_odds(predictions), _truth(predictions)
    return fit_logistic(np.ones((len(odds), 1)), has, weights, offset=odds)[:, 0]


def _estimated(
    measure: Measure, runs: Sequence[Predictions], draws: int, seed: int, *, corrected: bool = False
) -> Estimate:
    first = runs[0]
    patients = [np.unique(first.patients[first.labels == c]).size for c in (0, 1)]
    everyone = np.unique(first.patients).size
    whole = np.ones((1, len(first)))
    scores = np.array([measure(run, whole)[0] if min(patients) else math.nan for run in runs])
    value = float(scores.mean())
    if math.isnan(value) or min(patients) < 2:
        words = (
            "not defined on these images: a class is missing, the scores are all alike, or they part the "
            "classes without error"
        )
        return Estimate(math.nan, math.nan, math.nan, len(first), everyone, method=words)
    by_run = bootstrap(measure, runs, draws=draws, seed=seed, by_class=False)
    by_run = by_run[:, np.isfinite(by_run).all(axis=0)]
    if by_run.shape[1] < draws / 2:
        words = "not defined on most bootstrap samples of these images, which are too few"
        return Estimate(value, math.nan, math.nan, len(first), everyone, method=words)
    samples = average_over_seeds(by_run, np.random.default_rng([seed, 1]))
    if corrected:
        kind, ends = "bias-corrected percentiles", corrected_percentiles(value, samples, min(patients))
    else:
        kind, ends = "percentiles", percentiles(samples, min(patients))
    low, high = map(float, ends)
    images_part, runs_part = split_standard_error(by_run.mean(axis=0), scores)
    also = f", and of {len(runs)} training runs" if len(runs) > 1 else ""
    less = draws - samples.size
    left = f"; {less:,} samples in which it is not defined were left out" if less else ""
    words = f"{kind} of {draws:,} bootstrap samples of patients{also}{left}"
    return Estimate(
        value,
        min(value, low),
        max(value, high),
        len(first),
        everyone,
        method=words,
        se=float(samples.std(ddof=1)),
        se_test_set=images_part,
        se_seeds=runs_part,
    )


def _truth(given: Predictions) -> Floats:
    truth: Floats = (given.labels == given.positive).astype(np.float64)
    return truth


def _score_and_truth(given: Predictions) -> tuple[Floats, Floats]:
    if not len(given):
        raise AskedWrongly("Calibration is told from images. Got none.")
    return given.scores[:, given.positive], _truth(given)


def _binned(score: Floats, bins: int, by: By) -> tuple[NDArray[np.intp], str]:
    """Give each image the number of its bin, (n,), of those that have images, and the bins in words."""
    if bins < 1:
        raise AskedWrongly(f"Scores are put into one bin or more. Got {bins}.")
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(score, inner)) if by == "quantile" else inner
    numbers = np.searchsorted(edges, score, side="right")
    there, number = np.unique(numbers, return_inverse=True)
    kind = "about as many images" if by == "quantile" else "equal width"
    return number.reshape(-1), f"{len(there)} bins of {kind}"


def _share_interval(has: Floats, patients: NDArray[np.str_]) -> tuple[float, float]:
    names, patient = np.unique(patients, return_inverse=True)
    share, people = float(has.mean()), len(names)
    moved = np.bincount(patient.reshape(-1), weights=has - share)
    spread = people / max(1, people - 1) * float(np.square(moved).sum()) / len(has) ** 2
    return proportion_interval(share, math.sqrt(spread), people)
