"""How common the finding is elsewhere, from scores alone, and probabilities that take it into account.

It holds only where images of a class look the same in both places and their mixture alone differs: then, and
only then, do scores say how common the finding is.
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

MIN_PATIENTS = 10  # patients of a class, without which its scores are not compared
NEVER = 1e-9  # shares so small are none
UNLIKE = 0.05  # adjusted p-value below which they are said to differ

_HALVINGS = 50
_WHOLE = 1e3  # how much more it counts that shares add up to 1 than that scores agree
_NEAR_OWN = 0.03  # how much less it counts that shares are those of the source
_CHUNK = 2**20  # weights held at a time


@dataclass(frozen=True, slots=True)
class LabelShiftCheck:
    """Whether the scores of a class are alike in both places: what the estimate rests on."""

    alike: bool | None  # None where it cannot be checked
    text: str  # a sentence

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class LabelShift:
    """How common the finding is in the source and, by its scores, in the target."""

    prevalence: Estimate  # in the target
    source: float  # in the source
    meant: Map  # from the model's scores to what they mean in the source
    likeness: LabelShiftCheck
    classes: tuple[str, ...]

    def correction(self) -> Recalibrator:
        """Give the map to scores of target images, for the finding being as common as estimated.

        Raises
        ------
        AskedWrongly
            If it was estimated that no image or every image has it.
        """
        if not NEVER < self.prevalence.value < 1 - NEVER:
            raise AskedWrongly(
                "Scores cannot be corrected for a finding that none or all of the images have. "
                f"Its estimated share is {self.prevalence.value:.3f}."
            )
        shift = self.meant.shift + _odds(self.prevalence.value) - _odds(self.source)
        words = f"{self.prevalence.n:,} unlabelled images of {self.prevalence.patients:,} target patients"
        return Recalibrator("label-shift", self.classes, (replace(self.meant, shift=shift),), words)


def estimate_label_shift(
    source: Predictions,
    target: Predictions,
    *,
    labelled: Predictions | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> LabelShift:
    """Estimate how common the finding is among target images, without their labels.

    The source's log odds are first given a slope and a shift of their own by its labels (bias-corrected
    temperature scaling, which of two classes is a logistic regression; Alexandari, Kundaje & Shrikumar 2020,
    arXiv 1901.06852). The prevalence is then the likeliest, which Saerens, Latinne & Decaestecker (2002,
    Neural Comput. 14:21) find by expectation-maximisation; it is where a falling function is 0, and is found
    here by halving. The interval draws patients of both places anew and fits all of it again.

    Parameters
    ----------
    source
        Of two classes, or of one finding: images that the model was not trained on, with labels.
    target
        Of the same classes. Its labels are not looked at.
    labelled
        Target images whose labels are known, for the check of what it all rests on; those few that may be.
    draws, seed
        How many bootstrap samples, 40 or more, and what they follow from.

    Raises
    ------
    AskedWrongly
        If there is no one finding, the classes differ, a class of the source has no image, the target has
        none, or the source's scores part its classes without error (itself or most bootstrap samples of it)
        and cannot be made to mean what they say.
    """
    check_draws(draws)
    classes = source.classes
    source, target = source.of_finding("Label shift"), target.of_finding("Label shift")
    _check(source, target)
    fit = _fit(source, np.ones((1, len(source))))
    if np.isnan(fit).any():
        raise AskedWrongly(
            "The scores of the source part its classes without error, and so cannot be made to mean what "
            "they say. More source images would help."
        )
    own = float((source.labels == source.positive).mean())
    value = float(_likeliest(log_odds(target), np.ones((1, len(target))), fit, np.array([own]))[0])
    samples, basis = _samples(source, target, draws, seed)
    less = draws - len(samples)
    if less > draws / 2:
        raise AskedWrongly(
            f"In {less:,} of {draws:,} bootstrap samples of the source its scores part the classes without "
            "error, so that nothing says how sure an estimate is. More source images would help."
        )
    low, high = percentiles(samples, basis).clip(0.0, 1.0)
    prevalence = Estimate(
        value,
        min(value, float(low)),
        max(value, float(high)),
        len(target),
        np.unique(target.patients).size,
        method=f"percentiles of {len(samples):,} bootstrap samples of source and of target patients"
        + f"; {less:,} in which the source's scores part its classes without error were left out"
        * bool(less),
        se=float(samples.std(ddof=1)),
    )
    known = None if labelled is None else labelled.of_finding("Label shift")
    slope, shift = (float(each) for each in fit[0])
    return LabelShift(prevalence, own, Map(slope, slope, shift), check_label_shift(source, known), classes)


def estimate_shares(source: Floats, strata: NDArray[np.int64], target: Floats) -> dict[int, float]:
    """Estimate how target images are mixed of the strata of the source, from mean scores.

    It is the mixture of the source's strata whose mean scores are nearest the target's, each score in units
    of its spread (black-box shift estimation: Lipton, Wang & Smola 2018, ICML); of those equally near the one
    nearest the source's own mixture (Deville & Särndal 1992, JASA 87:376). It is for any number of classes or
    findings, and for scores that part them without error.

    Parameters
    ----------
    source, target
        (m, k) and (n, k), scores of images that the model was not trained on.
    strata
        (m,), which stratum each image of the source is of: images with the same labels.
    """
    from scipy.optimize import nnls

    kinds, counts = np.unique(strata, return_counts=True)
    own = counts / len(strata)
    means = np.stack([source[strata == kind].mean(axis=0) for kind in kinds], axis=1)
    spread = source.std(axis=0) + NEVER
    near = _NEAR_OWN / np.sqrt(own)
    sides = np.vstack([means / spread[:, None], np.full(len(kinds), _WHOLE), np.diag(near)])
    shares, _ = nnls(sides, np.concatenate([target.mean(axis=0) / spread, [_WHOLE], near * own]))
    shares /= shares.sum()
    return {int(kind): float(share) for kind, share in zip(kinds, shares, strict=True)}


def check_label_shift(source: Predictions, labelled: Predictions | None) -> LabelShiftCheck:
    """Compare the scores of each class in source and target, patient by patient (Kolmogorov-Smirnov, Holm).

    Parameters
    ----------
    source
        Of two classes.
    labelled
        Target images whose labels are known; None if there are none.
    """
    from scipy.stats import ks_2samp

    here = _by_class(source)
    there = [np.zeros(0), np.zeros(0)] if labelled is None else _by_class(labelled)
    few = min(map(len, [*here, *there]))
    if few < MIN_PATIENTS:
        return LabelShiftCheck(
            None,
            "Whether images of a class look alike in both places, on which this estimate rests, could not be "
            f"checked: that takes labelled images of {MIN_PATIENTS} patients of each class in both places. "
            f"The source has {_counted(source, here)}, the labelled target images {_counted(source, there)}.",
        )
    p = holm([float(ks_2samp(one, other).pvalue) for one, other in zip(here, there, strict=True)])
    apart = [f"{source.classes[c]} (p {p[c]:.2g})" for c in (0, 1) if p[c] < UNLIKE]
    if apart:
        return LabelShiftCheck(
            False,
            f"Scores differ between source and target within {' and '.join(apart)}: images look different, "
            "and not only their mixture, so that this estimate does not hold.",
        )
    counts = " and ".join(f"{len(each)}" for each in there)
    return LabelShiftCheck(
        True,
        f"Within each class the scores of source and target could not be told apart (p {min(p):.2g}), "
        f"on {counts} labelled target patients.",
    )


def _fit(source: Predictions, weights: Floats) -> Floats:
    odds = log_odds(source)
    has = (source.labels == source.positive).astype(np.float64)
    return fit_logistic(np.stack([odds, np.ones_like(odds)], axis=1), has, weights)


def _samples(source: Predictions, target: Predictions, draws: int, seed: int) -> tuple[Floats, int]:
    """Give the prevalence on bootstrap samples, and how many independent facts it rests on."""
    rng = np.random.default_rng([seed, 0])
    of_source = groups_of(stratify(source.labels), source.patients)
    of_target = one_group(target.patients)
    has = (source.labels == source.positive).astype(np.float64)
    odds = log_odds(target)
    step = max(1, _CHUNK // max(len(source), len(target)))
    parts = []
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        weights = draw_from(of_source, rows, rng)
        own = weights @ has / weights.sum(axis=1)
        parts.append(_likeliest(odds, draw_from(of_target, rows, rng), _fit(source, weights), own))
    found = np.concatenate(parts)
    by_class = [np.unique(source.patients[source.labels == c]).size for c in (0, 1)]
    return found[np.isfinite(found)], max(2, min(*by_class, np.unique(target.patients).size))


def _likeliest(odds: Floats, weights: Floats, fit: Floats, own: Floats) -> Floats:
    """Give the likeliest prevalence, (B,), for (B, n) weights of target images.

    Parameters
    ----------
    odds
        (n,), log odds by the model.
    fit
        (B, 2), slope and shift that make them mean what they say in the source.
    own
        (B,), how common the finding is there.
    """
    from scipy.special import expit

    chance = expit(fit[:, :1] * odds + fit[:, 1:])
    having, lacking = chance / own[:, None], (1 - chance) / (1 - own[:, None])
    gap = having - lacking
    low, high = np.zeros(len(weights)), np.ones(len(weights))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rising = (weights * gap / (lacking + middle[:, None] * gap)).sum(axis=1) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    result: Floats = np.where(np.isnan(fit).any(axis=1), np.nan, (low + high) / 2)
    return result


def _by_class(given: Predictions) -> Sequence[Floats]:
    """Give the mean log odds of each patient's images, class by class."""
    odds = log_odds(given)
    each = []
    for c in (0, 1):
        rows = given.labels == c
        _, patient = np.unique(given.patients[rows], return_inverse=True)
        each.append(np.bincount(patient.reshape(-1), weights=odds[rows]) / np.bincount(patient.reshape(-1)))
    return each


def _counted(source: Predictions, by_class: Sequence[Floats]) -> str:
    return " and ".join(f"{len(each)} of {source.classes[c]}" for c, each in enumerate(by_class))


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
