"""The power of a paired comparison, and the patients that it takes, from its standard error.

A test of level 5 % shows a difference d whose estimate has the standard error s with the probability
Phi(|d| / s - z) + Phi(-|d| / s - z), z being its critical value (Chow, Shao & Wang 2008, Sample Size
Calculations in Clinical Research, 3.1). The smallest difference shown with 80 % power is (z + z_0.8) s.
"""

import math
from dataclasses import dataclass

from radapt.stats.intervals import Z_POWER, Z, auroc_variance, widening

POWER = 0.8  # of what is called detectable

MAX_PATIENTS = 1_000_000  # more are not searched for

_MIN_PATIENTS = 4

PROPORTIONS = ("accuracy", "sensitivity", "specificity", "balanced-accuracy")

ASSUMABLE = (*PROPORTIONS, "auroc")  # metrics whose standard error follows from assumptions


def detectable_difference(se: float, critical: float = Z) -> float:
    """Return the smallest true difference that is shown with 80 % power.

    Parameters
    ----------
    se
        Standard error of the difference, 0 or more; NaN gives NaN.
    critical
        The test's critical value in standard errors: 1.96 for one two-sided test at 5 %, more for several.
    """
    return (critical + Z_POWER) * se


def power(difference: float, se: float, critical: float = Z) -> float:
    """Return the probability that a true difference is shown, in [0, 1]; `se` is above 0."""
    from scipy.special import ndtr

    size = abs(difference) / se
    return float(ndtr(size - critical) + ndtr(-size - critical))


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the standard error of a difference depends on the number of test patients."""

    deviation: float  # standard error with one patient: that with n of them is 1 / sqrt(n) of it
    seeds: float = 0.0  # part of the standard error that more patients do not lower, by the training seeds
    critical: float = Z  # critical value of its test, in standard errors
    rarest: float | None = None  # share of patients in the smallest class; None: no widening for few patients

    def error(self, patients: int) -> float:
        """Return the standard error with so many test patients, widened as intervals of few patients are."""
        few = 1.0 if self.rarest is None else widening(max(2, int(patients * self.rarest)))
        return math.hypot(self.deviation / math.sqrt(patients) * few, self.seeds)

    def power(self, difference: float, patients: int) -> float:
        """Return the probability that a true difference is shown with so many test patients."""
        return power(difference, self.error(patients), self.critical)

    def patients(self, difference: float) -> int | None:
        """Return the fewest test patients that show a difference with 80 % power.

        None where a million would not: the training seeds alone spread too much.
        """
        low, high = _MIN_PATIENTS, MAX_PATIENTS
        if self.power(difference, high) < POWER:
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.power(difference, middle) >= POWER else (middle + 1, high)
        return low


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a comparison is planned from where there is no pilot."""

    metric: str  # one of `ASSUMABLE`
    score: float  # of the model compared with, above 0 and below 1
    prevalence: float  # share of the patients with the finding, above 0 and below 1
    images_per_patient: float = 1.0  # mean number, 1 or more
    correlation: float = 0.5  # between the errors of two images of a patient, 0 to 1
    model_correlation: float = 0.5  # between the errors of the two models on an image, 0 to below 1

    def comparison(self, difference: float) -> Comparison:
        """Return how well a difference from `score` is known; all images of a patient are of one class.

        Proportions have the binomial variance, areas that of Hanley & McNeil (1982, Radiology 143:29);
        m images of a patient count as m / (1 + (m - 1) correlation) (the design effect, Kish 1965).
        """
        shares = {"sensitivity": [self.prevalence], "specificity": [1 - self.prevalence], "accuracy": [1.0]}
        parts = shares.get(self.metric, [self.prevalence, 1 - self.prevalence])
        worth = self.images_per_patient / (1 + (self.images_per_patient - 1) * self.correlation)
        scores = (self.score, self.score + difference)
        if self.metric == "auroc":
            many = 10_000  # patients, so that the variance is that of many; it is scaled back to one
            variances = [
                auroc_variance(score, *(share * worth * many for share in parts)) for score in scores
            ]
            variance = many * self._of_difference(*variances)
        else:
            binomial = self._of_difference(*(score * (1 - score) for score in scores))
            variance = sum(binomial / (share * worth) for share in parts) / len(parts) ** 2
        return Comparison(math.sqrt(variance), rarest=min(parts))

    def _of_difference(self, variance: float, other: float) -> float:
        return variance + other - 2 * self.model_correlation * math.sqrt(variance * other)
