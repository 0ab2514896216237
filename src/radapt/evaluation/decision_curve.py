"""What acting on a model's scores would be worth: decision curves.

They are those of Vickers & Elkin (2006, Med. Decis. Making 26:565). Who acts from a probability of t on holds
a missed image to be (1 - t) / t times as bad as a false alarm. The net benefit at t is the share of images
rightly acted on, less that of false alarms weighed so; acting on none has 0.
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

    thresholds: Floats  # (T,), probabilities from which on one acts
    model: Floats  # (T,)
    low: Floats  # (T,), 95 % interval of the model's, threshold by threshold
    high: Floats
    treat_all: Floats  # (T,), of acting on every image
    prevalence: float  # how common the finding is taken to be
    method: str  # in plain words, of the interval

    def helps(self) -> NDArray[np.bool_]:
        """Say at which thresholds the model is shown to be worth more than acting on all or on none, (T,)."""
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
    """Give the net benefit of a model where the finding is so common, with a band.

    The images' own mixture plays no part: sensitivity and specificity are taken from them, and how common the
    finding is from the caller, who knows where the model would be used.

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
        Its band puts together the intervals of sensitivity and specificity, each as
        `radapt.stats.intervals.proportion_interval` gives it, by the squares of their reaches (Zou & Donner
        2008, Stat. Med. 27:1693).

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
    having, others = (np.unique(first.patients[first.labels == c]).size for c in _sides(first))
    if not min(having, others):
        raise AskedWrongly(
            "A decision curve needs images with and images without the finding. Got only one kind."
        )
    gain, cost = prevalence, (1 - prevalence) * thresholds / (1 - thresholds)

    def measure(run: Predictions, weights: Floats) -> Floats:
        return _rates(run, weights, thresholds)

    caught, cleared = np.mean([measure(run, np.ones((1, len(run))))[0] for run in runs], axis=0)
    samples = average_over_seeds(
        bootstrap(measure, runs, draws=draws, seed=seed), np.random.default_rng([seed, 1])
    )
    spread = samples.std(axis=0, ddof=1)
    ends = [
        np.array([proportion_interval(rate, se, patients) for rate, se in zip(rates, errors, strict=True)])
        for rates, errors, patients in zip((caught, cleared), spread, (having, others), strict=True)
    ]
    model = gain * caught - cost * (1 - cleared)
    reach = [
        np.hypot(gain * (ends[0][:, side] - caught), cost * (ends[1][:, side] - cleared)) for side in (0, 1)
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
    """Give sensitivity and specificity at each threshold, (B, 2, T)."""
    called = (run.scores[:, run.positive, None] >= thresholds).astype(np.float64)
    rates = []
    for side, called_so in zip(_sides(run), (called, 1 - called), strict=True):
        rows = run.labels == side
        rates.append(weights[:, rows] @ called_so[rows] / weights[:, rows].sum(axis=1, keepdims=True))
    return np.stack(rates, axis=1)


def _sides(run: Predictions) -> tuple[int, int]:
    return run.positive, 1 - run.positive


def _check(what: str, numbers: Floats) -> None:
    wrong = numbers[~((numbers > 0) & (numbers < 1))]
    if wrong.size:
        raise AskedWrongly(f"{what} is above 0 and below 1. Got {wrong[0]:g}.")
