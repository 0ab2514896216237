"""Decision curves: the net benefit of acting on a model's scores (Vickers & Elkin 2006, MDM 26:565).

To act from a probability of t on means that a false negative is (1 - t) / t times as bad as a false positive.
The net benefit at t is TP / n - FP / n * t / (1 - t); acting on no image has 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.predictions import Predictions
from radapt.stats.bootstrap import DRAWS, align, average_over_seeds, bootstrap
from radapt.stats.intervals import proportion_interval

Floats = NDArray[np.float64]

THRESHOLDS = np.arange(1, 100) / 100


@dataclass(frozen=True, slots=True, eq=False)
class DecisionCurve:
    """Net benefit over thresholds, in true positives per image; acting on no image has 0 throughout."""

    thresholds: Floats  # (T,), act from this probability on
    model: Floats  # (T,)
    low: Floats  # (T,), pointwise 95 % interval of the model's
    high: Floats
    treat_all: Floats  # (T,), net benefit of acting on every image
    prevalence: float  # that it is computed for
    method: str  # of the interval, in words

    def helps(self) -> NDArray[np.bool_]:
        """Say at which thresholds the model is shown to beat acting on all images and on none, (T,)."""
        shown: NDArray[np.bool_] = self.low > np.maximum(self.treat_all, 0)
        return shown


def decision_curve(
    runs: Sequence[Predictions],
    *,
    prevalence: float,
    thresholds: Floats = THRESHOLDS,
    draws: int = DRAWS,
    seed: int = 0,
) -> DecisionCurve:
    """Compute the net benefit of a model at a prevalence, with a 95 % band.

    Only sensitivity and specificity are estimated on the images; the prevalence is that of the place where
    the model would be used.

    Parameters
    ----------
    runs
        Predictions of two classes, or of one finding, of the same images by models of one or more seeds.
    prevalence
        Above 0 and below 1.
    thresholds
        (T,), each above 0 and below 1.
    draws, seed
        As for `radapt.stats.inference.estimate`.

    Returns
    -------
    DecisionCurve
        Its band combines the intervals of sensitivity and specificity, see
        `radapt.stats.intervals.proportion_interval`, by MOVER (Zou & Donner 2008, Stat. Med. 27:1693).

    Raises
    ------
    AskedWrongly
        If a number is out of range, there is no one finding, a class has no image, or the images differ.
    """
    thresholds = np.asarray(thresholds, dtype=np.float64)
    _check("The prevalence", np.array([prevalence]))
    _check("A threshold of a decision curve", thresholds)
    runs = [run.of_finding("A decision curve") for run in align(runs, runs[:1])]
    first = runs[0]
    n_positive, n_negative = (np.unique(first.patients[first.labels == c]).size for c in _class_pair(first))
    if not min(n_positive, n_negative):
        raise AskedWrongly(
            "A decision curve needs images with and images without the finding. Got only one kind."
        )
    gain, cost = prevalence, (1 - prevalence) * thresholds / (1 - thresholds)

    def measure(run: Predictions, weights: Floats) -> Floats:
        return _rates(run, weights, thresholds)

    sensitivity, specificity = np.mean([measure(run, np.ones((1, len(run))))[0] for run in runs], axis=0)
    samples = average_over_seeds(
        bootstrap(measure, runs, draws=draws, seed=seed), np.random.default_rng([seed, 1])
    )
    spread = samples.std(axis=0, ddof=1)
    ends = [
        np.array([proportion_interval(rate, se, patients) for rate, se in zip(rates, errors, strict=True)])
        for rates, errors, patients in zip(
            (sensitivity, specificity), spread, (n_positive, n_negative), strict=True
        )
    ]
    model = gain * sensitivity - cost * (1 - specificity)
    reach = [
        np.hypot(gain * (ends[0][:, end] - sensitivity), cost * (ends[1][:, end] - specificity))
        for end in (0, 1)
    ]
    also = f", and of {len(runs)} training runs" if len(runs) > 1 else ""
    return DecisionCurve(
        thresholds,
        model,
        model - reach[0],
        model + reach[1],
        gain - cost,
        prevalence,
        "from score intervals of sensitivity and specificity, by the spread of "
        f"{draws:,} bootstrap samples of patients, drawn within each class{also}",
    )


def _rates(run: Predictions, weights: Floats, thresholds: Floats) -> Floats:
    """Compute sensitivity and specificity at each threshold, (B, 2, T)."""
    positive = (run.scores[:, run.positive, None] >= thresholds).astype(np.float64)
    rates = []
    for label, predicted in zip(_class_pair(run), (positive, 1 - positive), strict=True):
        rows = run.labels == label
        rates.append(weights[:, rows] @ predicted[rows] / weights[:, rows].sum(axis=1, keepdims=True))
    return np.stack(rates, axis=1)


def _class_pair(run: Predictions) -> tuple[int, int]:
    return run.positive, 1 - run.positive


def _check(what: str, numbers: Floats) -> None:
    wrong = numbers[~((numbers > 0) & (numbers < 1))]
    if wrong.size:
        raise AskedWrongly(f"{what} is above 0 and below 1. Got {wrong[0]:g}.")
