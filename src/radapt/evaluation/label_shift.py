"""The prevalence elsewhere, estimated from scores alone, and probabilities corrected for it.

It assumes label shift: images of a class look the same in both places, and only the prevalence differs.

Shapes: B bootstrap samples, n images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.evaluation.recalibration import Map, Recalibrator
from radapt.labels import stratify
from radapt.predictions import Predictions
from radapt.stats.bootstrap import check_draws, draw_from, groups_of, one_group
from radapt.stats.estimate import Estimate
from radapt.stats.intervals import holm, percentiles
from radapt.stats.logistic import fit_logistic, log_odds
from radapt.text import listed

Floats = NDArray[np.float64]

MIN_PATIENTS = 10  # of each class, to compare its scores
NEVER = 1e-9  # smaller shares are none
ALPHA = 0.05  # adjusted p-value below which scores of a class differ between source and target

_HALVINGS = 50
_SUM_WEIGHT = 1e3  # weight of the equation that shares add up to 1; that scores agree weighs 1
_SOURCE_WEIGHT = 0.03  # weight of the equations that shares are those of the source
_CHUNK = 2**20  # weights in memory at a time


@dataclass(frozen=True, slots=True)
class LabelShiftCheck:
    """Whether the scores of a class have one distribution in both places, as the estimate assumes."""

    passed: bool | None  # None where it cannot be checked
    text: str  # a sentence

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class LabelShift:
    """The prevalence in the source and, estimated from scores, in the target."""

    prevalence: Estimate  # in the target
    source: float  # in the source
    calibration_map: Map  # from scores to probabilities that are calibrated in the source
    check: LabelShiftCheck
    classes: tuple[str, ...]

    def correction(self) -> Recalibrator:
        """Return the map from scores of target images to probabilities, for the estimated prevalence.

        Raises
        ------
        AskedWrongly
            If the estimated prevalence is 0 or 1.
        """
        if not NEVER < self.prevalence.value < 1 - NEVER:
            raise AskedWrongly(
                "Scores cannot be corrected for a finding that none or all of the images have. Its "
                f"estimated prevalence is {self.prevalence.value:.3f}."
            )
        intercept = self.calibration_map.c + _odds(self.prevalence.value) - _odds(self.source)
        words = f"{self.prevalence.n:,} unlabelled images of {self.prevalence.patients:,} target patients"
        return Recalibrator("label-shift", self.classes, (replace(self.calibration_map, c=intercept),), words)


def estimate_label_shift(
    source: Predictions,
    target: Predictions,
    *,
    labelled: Predictions | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> LabelShift:
    """Estimate the prevalence among target images, without their labels.

    First the scores are calibrated on the source (bias-corrected temperature scaling, for two classes a
    logistic regression; Alexandari, Kundaje & Shrikumar 2020, arXiv 1901.06852). Then the prevalence is
    estimated by maximum likelihood, as Saerens, Latinne & Decaestecker (2002, Neural Comput. 14:21) do by
    expectation-maximisation; here it is the root of a decreasing function, found by bisection. The interval
    repeats both on bootstrap samples of source and target patients.

    Parameters
    ----------
    source
        Of two classes, or of one label: labelled images that the model was not trained on.
    target
        Of the same classes. Its labels are not used.
    labelled
        Target images with labels, to check the assumption on; a few will do.
    draws, seed
        How many bootstrap samples, 40 or more, and the random seed.

    Raises
    ------
    AskedWrongly
        If there is no one finding, the classes differ, a class of the source has no image, the target has
        none, or the source's scores separate its classes perfectly (in the source or most bootstrap samples
        of it), so that they cannot be calibrated.
    """
    check_draws(draws)
    classes = source.classes
    source, target = source.of_finding("Label shift"), target.of_finding("Label shift")
    _check(source, target)
    fit = _fit(source, np.ones((1, len(source))))
    if np.isnan(fit).any():
        raise AskedWrongly(
            "The scores of the source separate its classes perfectly, and so cannot be calibrated. "
            "More source images would help."
        )
    source_prevalence = float((source.labels == source.positive).mean())
    value = float(
        _max_likelihood_prevalence(
            log_odds(target), np.ones((1, len(target))), fit, np.array([source_prevalence])
        )[0]
    )
    samples, effective_n = _samples(source, target, draws, seed)
    less = draws - len(samples)
    if less > draws / 2:
        raise AskedWrongly(
            f"In {less:,} of {draws:,} bootstrap samples of the source its scores separate the classes "
            "perfectly, so that an estimate would have no interval. More source images would help."
        )
    low, high = percentiles(samples, effective_n).clip(0.0, 1.0)
    prevalence = Estimate(
        value,
        min(value, float(low)),
        max(value, float(high)),
        len(target),
        np.unique(target.patients).size,
        method=f"percentiles of {len(samples):,} bootstrap samples of source and of target patients"
        + f"; {less:,} in which the source's scores separate its classes perfectly were left out"
        * bool(less),
        se=float(samples.std(ddof=1)),
    )
    known = None if labelled is None else labelled.of_finding("Label shift")
    slope, intercept = map(float, fit[0])
    calibration_map = Map(slope, slope, intercept)
    return LabelShift(
        prevalence, source_prevalence, calibration_map, check_label_shift(source, known), classes
    )


def estimate_shares(source: Floats, strata: NDArray[np.int64], target: Floats) -> dict[int, float]:
    """Estimate the share of each stratum of the source among target images, from mean scores.

    These are the shares with which the strata's mean scores come nearest the target's, each score divided by
    its standard deviation (black-box shift estimation: Lipton, Wang & Smola 2018, ICML); of several such
    solutions the one nearest the shares in the source (Deville & Särndal 1992, JASA 87:376). It is for any
    number of classes or labels, and for scores that separate them perfectly.

    Parameters
    ----------
    source, target
        (m, k) and (n, k), scores of images that the model was not trained on.
    strata
        (m,), the stratum of each source image: images with the same labels are one.
    """
    from scipy.optimize import nnls

    kinds, counts = np.unique(strata, return_counts=True)
    source_shares = counts / len(strata)
    means = np.stack([source[strata == kind].mean(axis=0) for kind in kinds], axis=1)
    spread = source.std(axis=0) + NEVER
    near = _SOURCE_WEIGHT / np.sqrt(source_shares)
    left = np.vstack([means / spread[:, None], np.full(len(kinds), _SUM_WEIGHT), np.diag(near)])
    right = np.concatenate([target.mean(axis=0) / spread, [_SUM_WEIGHT], near * source_shares])
    shares, _ = nnls(left, right)
    shares /= shares.sum()
    return {int(kind): float(share) for kind, share in zip(kinds, shares, strict=True)}


def check_label_shift(source: Predictions, labelled: Predictions | None) -> LabelShiftCheck:
    """Compare the scores of each class in source and target, patient by patient (Kolmogorov-Smirnov, Holm).

    Parameters
    ----------
    source
        Of two classes.
    labelled
        Target images with labels; None if there are none.
    """
    from scipy.stats import ks_2samp

    here = _by_class(source)
    there = [np.zeros(0), np.zeros(0)] if labelled is None else _by_class(labelled)
    few = min(map(len, [*here, *there]))
    if few < MIN_PATIENTS:
        return LabelShiftCheck(
            None,
            "This estimate assumes that images of a class look alike in source and target, which could not "
            f"be checked. The check needs labelled images of {MIN_PATIENTS} patients of each class on both "
            f"sides: the source has {_counted(source, here)}, the labelled target images "
            f"{_counted(source, there)}.",
        )
    p = holm([float(ks_2samp(one, other).pvalue) for one, other in zip(here, there, strict=True)])
    unlike = [f"{source.classes[c]} (p {p[c]:.2g})" for c in (0, 1) if p[c] < ALPHA]
    if unlike:
        return LabelShiftCheck(
            False,
            f"Scores differ between source and target within {' and '.join(unlike)}: the images look "
            "different, and not only their mixture, so this estimate does not hold.",
        )
    counts = " and ".join(f"{len(scores)}" for scores in there)
    return LabelShiftCheck(
        True,
        f"Within each class the scores of source and target could not be distinguished (p {min(p):.2g}), "
        f"on {counts} labelled target patients.",
    )


def _fit(source: Predictions, weights: Floats) -> Floats:
    """Calibrate source scores: slope and intercept, (B, 2), for (B, n) weights."""
    odds = log_odds(source)
    positive = (source.labels == source.positive).astype(np.float64)
    return fit_logistic(np.stack([odds, np.ones_like(odds)], axis=1), positive, weights)


def _samples(source: Predictions, target: Predictions, draws: int, seed: int) -> tuple[Floats, int]:
    """Estimate the prevalence in bootstrap samples, and the patients in the smallest group it depends on."""
    rng = np.random.default_rng([seed, 0])
    of_source = groups_of(stratify(source.labels), source.patients)
    of_target = one_group(target.patients)
    positive = (source.labels == source.positive).astype(np.float64)
    odds = log_odds(target)
    step = max(1, _CHUNK // max(len(source), len(target)))
    parts = []
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        weights = draw_from(of_source, rows, rng)
        source_prevalence = weights @ positive / weights.sum(axis=1)
        target_weights = draw_from(of_target, rows, rng)
        parts.append(
            _max_likelihood_prevalence(odds, target_weights, _fit(source, weights), source_prevalence)
        )
    samples = np.concatenate(parts)
    by_class = [np.unique(source.patients[source.labels == c]).size for c in (0, 1)]
    return samples[np.isfinite(samples)], max(2, min(*by_class, np.unique(target.patients).size))


def _max_likelihood_prevalence(
    odds: Floats, weights: Floats, fit: Floats, source_prevalence: Floats
) -> Floats:
    """Estimate the prevalence, (B,), for (B, n) weights of target images.

    Parameters
    ----------
    odds
        (n,), log odds by the model.
    fit
        (B, 2), slope and intercept that calibrate them in the source.
    source_prevalence
        (B,).
    """
    from scipy.special import expit

    chance = expit(fit[:, :1] * odds + fit[:, 1:])
    positive = chance / source_prevalence[:, None]  # likelihood of the image, up to a factor, by class
    negative = (1 - chance) / (1 - source_prevalence[:, None])
    gap = positive - negative
    low, high = np.zeros(len(weights)), np.ones(len(weights))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rising = (weights * gap / (negative + middle[:, None] * gap)).sum(axis=1) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    result: Floats = np.where(np.isnan(fit).any(axis=1), np.nan, (low + high) / 2)
    return result


def _by_class(predictions: Predictions) -> Sequence[Floats]:
    """Average the log odds of each patient's images, class by class."""
    odds = log_odds(predictions)
    means = []
    for c in (0, 1):
        rows = predictions.labels == c
        _, patient = np.unique(predictions.patients[rows], return_inverse=True)
        patient = patient.reshape(-1)
        means.append(np.bincount(patient, weights=odds[rows]) / np.bincount(patient))
    return means


def _counted(source: Predictions, by_class: Sequence[Floats]) -> str:
    return " and ".join(f"{len(scores)} of {source.classes[c]}" for c, scores in enumerate(by_class))


def _check(source: Predictions, target: Predictions) -> None:
    if source.classes != target.classes:
        raise AskedWrongly(
            "Label shift is between images of the same classes. "
            f"Got {listed(source.classes)} and {listed(target.classes)}."
        )
    counts = np.bincount(source.labels.astype(np.int64), minlength=2)
    if not counts.all() or not len(target):
        raise AskedWrongly(
            "Label shift is estimated from source images of both classes and from target images. "
            f"Got {counts[0]:,} and {counts[1]:,} of the source, {len(target):,} of the target."
        )


def _odds(share: float) -> float:
    return math.log(share / (1 - share))
