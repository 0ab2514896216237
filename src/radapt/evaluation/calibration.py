"""Calibration: whether 30 in 100 of the images scored 0.3 have the finding.

Results apply only to images with the same prevalence of the finding; for others see
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
    """Calibration intercept and slope of a model's log odds."""

    intercept: Estimate  # calibration in the large: 0 is ideal, above 0 the scores are too low on average
    slope: Estimate  # 1 is ideal, below 1 the scores are too extreme: the model is overconfident


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityCurve:
    """Observed share of positives per bin of scores; each array has shape (bins,)."""

    predicted: Floats  # mean score
    observed: Floats  # share of images with the finding
    low: Floats  # lower and upper end of its 95 % interval
    high: Floats
    images: NDArray[np.int64]  # number of images
    bins: str  # description: number and kind of bins


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """Expected calibration error, with its bins and its value for a perfectly calibrated model."""

    value: float  # mean |mean score - share of positives| over the bins, weighted by images
    chance: float  # its mean on as many images if the scores were perfectly calibrated
    chance_high: float  # the 95 % quantile in that case
    bins: str

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.bins}; {self.chance:.3f} by chance, {self.chance_high:.3f} at most)"


@dataclass(frozen=True, slots=True)
class BrierParts:
    """Decomposed Brier score: `brier` = reliability - resolution + uncertainty + within."""

    brier: float
    reliability: float  # mean squared distance of mean score and share of positives per bin; lower is better
    resolution: float  # variance of the bins' shares around the prevalence; higher is better
    uncertainty: float  # Brier score of always predicting the prevalence
    within: float  # contribution of the spread of scores inside bins; 0 where each bin is one score
    bins: str


def calibration(runs: Sequence[Predictions], *, draws: int = DRAWS, seed: int = 0) -> Calibration:
    """Estimate calibration intercept and slope.

    Cox (1958, Biometrika 45:562), named as in Van Calster (2019, BMC Med. 17:230). The slope comes from an
    unpenalised logistic regression of the labels on the log odds; the intercept from the same regression
    with the slope fixed at 1. The bootstrap resamples patients without stratifying by class, because the
    prevalence is part of calibration. Bootstrap slopes are biased upwards, so their percentiles are
    bias-corrected.

    Parameters
    ----------
    runs
        Predictions of two classes, or of one finding, for the same images, one for each training seed.
    draws, seed
        As for `radapt.stats.inference.estimate`.

    Returns
    -------
    Calibration
        Means over the runs; NaN where not defined: a class without images, scores that separate the classes
        perfectly, or, for the slope, scores that are all equal.

    Raises
    ------
    AskedWrongly
        If there is more than one finding, or the runs are of different images.
    """
    runs = [run.of_finding("Calibration") for run in align(runs, runs[:1])]
    return Calibration(
        _estimated(_intercept, runs, draws, seed), _estimated(_slope, runs, draws, seed, corrected=True)
    )


def reliability_curve(predictions: Predictions, *, bins: int = 10, by: By = "quantile") -> ReliabilityCurve:
    """Return the share of images with the finding per bin of scores, with 95 % intervals.

    Intervals are by `radapt.stats.intervals.proportion_interval`, from the variance between the patients of a
    bin; where that is 0, Wilson's interval with the number of patients.

    Parameters
    ----------
    predictions
        Predictions of two classes, or of one finding.
    bins
        Maximum number of bins, at least 1. Images of equal score share a bin, so there may be fewer.
    by
        "quantile" for bins of about equally many images, "width" for equal width; empty bins are dropped.

    Raises
    ------
    AskedWrongly
        If there is more than one finding, or there are no images or no bins.
    """
    labelled = predictions.of_finding("A reliability curve")
    score, has = _score_and_truth(labelled)
    number, words = _binned(score, bins, by)
    images = np.bincount(number)
    predicted, observed = (np.bincount(number, weights=each) / images for each in (score, has))
    ends = np.array(
        [_share_interval(has[number == k], labelled.patients[number == k]) for k in range(len(images))]
    )
    return ReliabilityCurve(predicted, observed, ends[:, 0], ends[:, 1], images.astype(np.int64), words)


def expected_error(
    predictions: Predictions, *, bins: int = 15, by: By = "quantile", seed: int = 0
) -> ExpectedError:
    """Return the expected calibration error, and its distribution for a perfectly calibrated model.

    On a finite number of images it is above 0 even for a perfectly calibrated model, and it grows with the
    number of bins, for which there is no standard. Parameters and errors as for `reliability_curve`.
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
    """Decompose the Brier score (Murphy 1973, J. Appl. Meteorol. 12:595).

    Parameters
    ----------
    predictions
        Predictions of two classes, or of one finding.
    bins
        Maximum number of bins; None for one bin per distinct score, as in Murphy. Wider bins add a term for
        the spread of scores inside them (Stephenson 2008, Weather Forecast. 23:752).
    by
        As for `reliability_curve`.

    Raises
    ------
    AskedWrongly
        If there is more than one finding, or there are no images or no bins.
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
    if np.ptp(odds) == 0:  # the slope is not identified
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
            "not defined on these images: a class is missing, all scores are equal, or they separate the "
            "classes perfectly"
        )
        return Estimate(math.nan, math.nan, math.nan, len(first), everyone, method=words)
    by_run = bootstrap(measure, runs, draws=draws, seed=seed, by_class=False)
    by_run = by_run[:, np.isfinite(by_run).all(axis=0)]
    if by_run.shape[1] < draws / 2:
        words = "no interval: not defined on most bootstrap samples, since there are too few images"
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
    left = f", without {less:,} samples in which it is not defined" if less else ""
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


def _truth(predictions: Predictions) -> Floats:
    truth: Floats = (predictions.labels == predictions.positive).astype(np.float64)
    return truth


def _score_and_truth(predictions: Predictions) -> tuple[Floats, Floats]:
    if not len(predictions):
        raise AskedWrongly("Calibration is measured on images, at least one. Got none.")
    return predictions.scores[:, predictions.positive], _truth(predictions)


def _binned(score: Floats, bins: int, by: By) -> tuple[NDArray[np.intp], str]:
    """Return the bin index of each image, (n,), without empty bins, and a description of the bins."""
    if bins < 1:
        raise AskedWrongly(f"The number of bins is 1 or more. Got {bins}.")
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(score, inner)) if by == "quantile" else inner
    numbers = np.searchsorted(edges, score, side="right")
    there, number = np.unique(numbers, return_inverse=True)
    kind = "about equally many images" if by == "quantile" else "equal width"
    return number.reshape(-1), f"{len(there)} bins of {kind}"


def _share_interval(has: Floats, patients: NDArray[np.str_]) -> tuple[float, float]:
    names, patient = np.unique(patients, return_inverse=True)
    share, people = float(has.mean()), len(names)
    moved = np.bincount(patient.reshape(-1), weights=has - share)
    spread = people / max(1, people - 1) * float(np.square(moved).sum()) / len(has) ** 2
    return proportion_interval(share, math.sqrt(spread), people)
