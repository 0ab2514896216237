"""The standard error of an AUROC in closed form, as a check on the bootstrap.

DeLong, DeLong & Clarke-Pearson (1988, Biometrics 44:837) decompose the AUROC into one component per image;
Obuchowski (1997, Biometrics 53:567) sums these by patient, so that images of one patient count as
correlated, also where a patient has images of both classes.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.predictions import Predictions
from radapt.stats.bootstrap import align
from radapt.stats.estimate import Estimate
from radapt.stats.intervals import Z, auroc_interval

Floats = NDArray[np.float64]

APART = 0.25  # largest relative difference of two standard errors without a warning

_BY = "DeLong's standard error, clustered by patient (Obuchowski 1997)"


def delong(predictions: Predictions) -> Estimate:
    """Return the AUROC with DeLong's standard error and a score interval.

    Parameters
    ----------
    predictions
        Predictions of two classes, or of one finding, whose unlabelled images are ignored. Takes
        O(n log n) time for n images.

    Returns
    -------
    Estimate
        All NaN if a class has no image; standard error and interval NaN if a class has only one patient.

    Raises
    ------
    AskedWrongly
        If there is more than one finding.
    """
    parts = _taken_apart(predictions)
    se = parts.standard_error()
    ends = (math.nan, math.nan)
    if not math.isnan(se):
        ends = auroc_interval(parts.area, se, parts.n_positive, parts.n_negative)
    return parts.estimate(parts.area, ends, f"score interval by {_BY}", se)


def delong_difference(a: Predictions, b: Predictions) -> Estimate:
    """Return AUROC of A minus AUROC of B on the same images, with DeLong's interval and p-value.

    Parameters
    ----------
    a, b
        As for `delong`, of the same images, in any order.

    Returns
    -------
    Estimate
        With the interval value +/- 1.96 standard errors, and the two-sided p-value.

    Raises
    ------
    AskedWrongly
        If the images differ, or there is more than one finding.
    """
    first = _taken_apart(a)
    parts = first.less(_taken_apart(align([b], [a])[0]))
    se = parts.standard_error()
    if math.isnan(se):
        ends, p = (math.nan, math.nan), math.nan
    else:
        ends = max(-1.0, parts.area - Z * se), min(1.0, parts.area + Z * se)
        p = math.erfc(abs(parts.area) / se / math.sqrt(2)) if se else 1.0
    return parts.estimate(parts.area, ends, f"paired: normal interval by {_BY}", se, p)


def cross_check(estimate: Estimate, predictions: Predictions, against: Predictions | None = None) -> str:
    """Compare the bootstrap's standard error of an AUROC, or of a difference of two, with DeLong's.

    Parameters
    ----------
    estimate
        Of "auroc", by `radapt.stats.inference.estimate` or `difference`, with one run per model.
    predictions, against
        The predictions it was estimated from; `against` only for a difference.

    Returns
    -------
    str
        "" if they differ by at most 25 % or one is NaN; otherwise a sentence with both.
    """
    by_formula = (delong(predictions) if against is None else delong_difference(predictions, against)).se
    if math.isnan(by_formula) or math.isnan(estimate.se):
        return ""
    smaller, larger = sorted([by_formula, estimate.se])
    if larger <= (1 + APART) * smaller:
        return ""
    return (
        f"Two ways to the standard error of this AUROC differ by more than {APART:.0%}: {estimate.se:.4f} by "
        f"the bootstrap, {by_formula:.4f} by DeLong's formula clustered by patient. "
        "Its interval is not to be relied on."
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """An AUROC, or a difference of two, and the sums of its components by patient."""

    area: float
    n: int
    of_finding: Floats  # (patients,), sums over positive images: share of negatives below, minus `area`
    of_others: Floats  # (patients,), sums over negative images: share of positives above, minus `area`
    images: tuple[int, int]  # numbers of positive and negative images
    n_positive: int  # patients with positive images
    n_negative: int  # patients with negative images

    def less(self, other: "_Parts") -> "_Parts":
        """Return the difference from another AUROC on the same images."""
        return _Parts(
            self.area - other.area,
            self.n,
            self.of_finding - other.of_finding,
            self.of_others - other.of_others,
            self.images,
            self.n_positive,
            self.n_negative,
        )

    def standard_error(self) -> float:
        """Return Obuchowski's standard error; NaN with fewer than two patients in a class."""
        if min(self.n_positive, self.n_negative) < 2:
            return math.nan
        with_it, without = self.images
        all_of_them = len(self.of_finding)
        variance = (
            self.n_positive / (self.n_positive - 1) * np.square(self.of_finding).sum() / with_it**2
            + self.n_negative / (self.n_negative - 1) * np.square(self.of_others).sum() / without**2
            + 2 * all_of_them / (all_of_them - 1) * (self.of_finding @ self.of_others) / (with_it * without)
        )
        return math.sqrt(max(0.0, float(variance)))

    def estimate(
        self, value: float, ends: tuple[float, float], method: str, se: float, p: float = math.nan
    ) -> Estimate:
        """Return an estimate with the numbers of these images and patients."""
        return Estimate(value, *ends, self.n, len(self.of_finding), method=method, se=se, p=p)


def _taken_apart(predictions: Predictions) -> _Parts:
    predictions = predictions.of_finding("DeLong's formula")
    positive = predictions.labels == predictions.positive
    scores = predictions.scores[:, predictions.positive]
    names, patient = np.unique(predictions.patients, return_inverse=True)
    n_positive, n_negative = (np.unique(patient[rows]).size for rows in (positive, ~positive))
    images = int(positive.sum()), int((~positive).sum())
    if not min(images):
        nothing = np.full(len(names), math.nan)
        return _Parts(math.nan, len(predictions), nothing, nothing, images, n_positive, n_negative)
    beaten = _placed(scores[positive], scores[~positive])
    beating = 1 - _placed(scores[~positive], scores[positive])
    area = float(beaten.mean())
    sums = np.zeros((2, len(names)))
    np.add.at(sums[0], patient[positive], beaten - area)
    np.add.at(sums[1], patient[~positive], beating - area)
    return _Parts(area, len(predictions), sums[0], sums[1], images, n_positive, n_negative)


def _placed(scores: Floats, among: Floats) -> Floats:
    """Return the share of `among` below each score, (n,); ties count half."""
    ordered = np.sort(among)
    below, reached = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    return np.asarray((below + reached) / (2 * len(among)), dtype=np.float64)
