"""Estimates and paired differences with intervals, from bootstrap samples of patients."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from radapt.metrics.table import LOWER_IS_BETTER, range_of, score
from radapt.metrics.table import metric as metric_called
from radapt.predictions import Predictions
from radapt.stats.bootstrap import (
    DRAWS,
    Measure,
    align,
    average_over_seeds,
    bootstrap,
    identical,
    split_standard_error,
)
from radapt.stats.decomposition import (
    AVERAGED,
    STRATIFIED,
    ClassMeans,
    LabelMeans,
    SampleSize,
    decompose,
    label_means,
    sample_size,
    single_interval,
)
from radapt.stats.estimate import Estimate
from radapt.stats.intervals import (
    LEVEL,
    Z,
    all_equal,
    difference_interval,
    logit_interval,
    percentile_index,
    percentiles,
    wilson,
)
from radapt.stats.shared_samples import SharedSamples

Floats = NDArray[np.float64]

_ALIKE = "bootstrap samples of them are all alike"

_UNDEFINED = "not defined on these images"


def estimate(
    metric: str,
    runs: Sequence[Predictions],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    threshold: float = 0.5,
) -> Estimate:
    """Estimate a metric with a 95 % interval, from bootstrap samples of patients.

    Patients are drawn with replacement within each class and bring all their images, see
    `radapt.stats.bootstrap.draw_weights`; with two runs or more, runs are drawn as well, see
    `radapt.stats.bootstrap.average_over_seeds`. Of the intervals of `radapt.stats.intervals`, `auroc` has
    that of an area; `accuracy`, `sensitivity` and `specificity` that of a share, and `average-precision`
    that of a logit, by the spread of the samples; `balanced-accuracy`, `brier` and `log-loss` have one put
    together from those of each class, see `radapt.stats.decomposition`; others have percentiles. Areas and
    shares of several findings are put together from those of each, see `radapt.stats.decomposition`.

    Where all samples are alike (every image right), or a class has only one patient, samples know nothing
    of the uncertainty. Then it is Wilson's interval within the metric's range, the patients concerned being
    its trials; for what compares classes those of the smallest, which is on the cautious side.

    Parameters
    ----------
    metric
        A name in `radapt.metrics.table.METRICS`, or a predictive value such as `ppv@0.05`.
    runs
        Predictions of the same images by models of one or more training seeds, in any order of images.
    draws
        How many bootstrap samples, 40 or more.
    seed
        Equal seeds give equal numbers, whatever the order of the images.
    threshold
        The probability from which on an image is called positive, where the metric needs a decision.

    Returns
    -------
    Estimate
        Its value is the mean over the runs. All of it is NaN where the metric is not defined. Of several
        runs it says how much of the warning comes from the images and how much from the runs, see
        `radapt.stats.bootstrap.split_standard_error`.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If there is no run, the runs are of different images, or the metric does not suit the classes.
    """
    runs = align(runs, runs[:1])
    basis = sample_size(metric, runs[0])
    scores = _scores(metric, runs, threshold)
    value = float(scores.mean())
    make = partial(_estimate_on, metric, basis)
    if math.isnan(value):
        return make(math.nan, (math.nan, math.nan), _UNDEFINED, math.nan)
    rng = np.random.default_rng([seed, 1])
    strata = _parts_of(metric, runs[0])
    if strata is not None:
        means = np.mean([strata.means(run, np.ones((1, len(run))), threshold)[0] for run in runs], axis=0)
        by_run = _samples(partial(strata.means, threshold=threshold), runs, draws, seed)
        if by_run.shape[1] < draws / 2:  # many findings so rare that most samples lack one of their classes
            strata = None
    if strata is not None:
        drawn = average_over_seeds(by_run, rng)
        samples, held = drawn @ strata.counts, by_run.mean(axis=0) @ strata.counts
    else:
        by_run = _samples(_measure(metric, threshold), runs, draws, seed)
        samples, held = average_over_seeds(by_run, rng), by_run.mean(axis=0)
    least, most = range_of(metric)
    if strata is not None and all_equal(samples):
        low, high = strata.interval(means, drawn)
        words = f"Wilson score intervals of each {strata.unit} put together; {_ALIKE}"
        return make(value, (low, high), words, (high - low) / (2 * Z))
    if basis.trials < 2 or all_equal(samples):
        low, high = wilson((value - least) / (most - least), basis.trials)
        low, high = least + low * (most - least), least + high * (most - least)
        words = f"Wilson score interval on the {basis.unit} ({basis.trials}); {_ALIKE}"
        return make(value, (low, high), words, (high - low) / (2 * Z))
    words = _words(basis, samples, draws, len(runs), "training runs")
    se, parts = float(samples.std(ddof=1)), split_standard_error(held, scores)
    make = partial(make, se=_error(se, parts), parts=parts)
    if strata is not None:
        kind, ends = f"intervals of each {strata.unit} put together", strata.interval(means, drawn)
    elif metric in AVERAGED:
        kind, ends = "score interval", single_interval(metric, value, se, basis)
    elif metric == "average-precision" and value < 1:
        kind, ends = "logit interval", logit_interval(value, se, basis.trials)
    else:
        low, high = percentiles(samples, basis.trials).clip(least, most)
        ends = min(value, float(low)), max(value, float(high))
        return make(value, ends, f"percentiles of {words}")
    return make(value, ends, f"{kind} by the spread of {words}")


def difference(
    metric: str,
    runs_a: Sequence[Predictions],
    runs_b: Sequence[Predictions],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    threshold: float = 0.5,
) -> Estimate:
    """Estimate by how much A differs from B on the same images, with a 95 % interval and a p-value.

    Both are scored on the same bootstrap samples, so what is hard for both does not blur the comparison.
    Predictions that are the same throughout differ by 0 [0, 0]. Where they are not and yet all samples
    are alike (two models that are right on every image), the interval reaches to both sides as far as the
    upper Wilson limit of 0 in so many patients, what these could have hidden, and where they differ
    throughout at least as far as the exact sign test of so many patients.
    Otherwise 0 lies outside the interval just where the p-value is below 0.05, see
    `radapt.stats.intervals.difference_interval`. Forgetting is such a difference: adapted minus base, on
    source images.

    Parameters
    ----------
    metric, draws, seed, threshold
        As for `estimate`.
    runs_a, runs_b
        Predictions of the same images by models of one or more training seeds. Their images may be in
        any order. Runs equal in number are pairs, in the order given, and are drawn as pairs.

    Returns
    -------
    Estimate
        The mean of A minus the mean of B, in the metric's own unit (0.061 is 6.1 points); of a metric where
        less is better, A is better below 0, see `verdict` and `Estimate.gain`.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If a side has no run, the runs are of different images, or the metric does not suit the classes.
    """
    first = runs_a[:1]
    runs_a, runs_b = align(runs_a, first), align(runs_b, first)
    shared = SharedSamples(metric, [*runs_a, *runs_b], draws=draws, seed=seed, threshold=threshold)
    return difference_in(shared, runs_a, runs_b)


def difference_in(
    shared: SharedSamples, given_a: Sequence[Predictions], given_b: Sequence[Predictions]
) -> Estimate:
    """Estimate a difference as `difference` does, from samples that others share."""
    metric, draws, seed = shared.metric, shared.draws, shared.seed
    runs_a, runs_b = shared.aligned(given_a), shared.aligned(given_b)
    basis = shared.basis
    scores_a, scores_b = shared.scores(given_a), shared.scores(given_b)
    value = float(scores_a.mean() - scores_b.mean())
    make = partial(_estimate_on, metric, basis)
    if math.isnan(value):
        return make(math.nan, (math.nan, math.nan), _UNDEFINED, math.nan)
    if identical(runs_a, runs_b):
        return make(0.0, (0.0, 0.0), "none, the predictions being the same", 0.0, p=1.0)
    by_run = _defined(shared.samples([*given_a, *given_b]))
    by_a, by_b = by_run[: len(runs_a)], by_run[len(runs_a) :]
    rng = np.random.default_rng([seed, 1])
    paired = len(runs_a) == len(runs_b)
    samples = (
        average_over_seeds(by_a - by_b, rng)
        if paired
        else average_over_seeds(by_a, rng) - average_over_seeds(by_b, rng)
    )
    least, most = range_of(metric)
    span = most - least
    if basis.trials < 2 or all_equal(samples):
        reach, p = _if_alike(value, wilson(0.0, basis.trials)[1] * span, basis.trials)
        ends = max(value - reach, -span), min(value + reach, span)
        words = (
            f"to both sides the upper Wilson limit of 0 in {basis.trials:,} {basis.unit}, or what the exact "
            f"sign test of these allows, whichever is wider; {_ALIKE}"
        )
        return make(value, ends, words, reach / Z, p=p if value else 1.0)
    kind = "pairs of training runs" if paired else f"training runs, {len(runs_a)} and {len(runs_b)}"
    words = _words(basis, samples, draws, len(runs_a) if paired else len(by_run), kind)
    low, high, p = difference_interval(value, samples, basis.trials)
    ends = max(-span, low), min(span, high)
    how = "percentiles of" if percentile_index(basis.trials, len(samples)) else "Student's t by the spread of"
    parts = split_standard_error(
        by_a.mean(axis=0) - by_b.mean(axis=0), *([scores_a - scores_b] if paired else [scores_a, scores_b])
    )
    se = _error(float(samples.std(ddof=1)), parts)
    return make(value, ends, f"paired: {how} {words}", se, p, parts)


def _if_alike(value: float, reach: float, trials: int) -> tuple[float, float]:
    """Give how far a difference of which all samples are alike may be off, and its p-value.

    All patients then differ to one side, which by the exact sign test (McNemar's) has p = 2^(1 - trials):
    p is no smaller, and the interval leaves 0 out only where it is below 0.05. `reach` is what the interval
    has at least.
    """
    p = max(min(1.0, 2.0 ** (1 - trials)), math.erfc(abs(value) / reach * Z / math.sqrt(2)))
    return max(reach, abs(value)) if p > 1 - LEVEL else reach, p


def bootstrap_scores(
    metric: str,
    groups: Sequence[Sequence[Predictions]],
    *,
    draws: int = 2000,
    seed: int = 0,
    threshold: float = 0.5,
) -> Floats:
    """Score several groups of runs on the same bootstrap samples, for what is fitted across them.

    Parameters
    ----------
    metric, draws, seed, threshold
        As for `estimate`.
    groups
        m groups, each of the runs of one or more training seeds; all on the same images, in any order.
        Groups of equal number have their runs drawn together, the first of one with the first of another.

    Returns
    -------
    NDArray[np.float64]
        (m, B): the mean over the runs of each group. B is `draws`, less the samples where the metric is not
        defined, and 0 where it is defined on none.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If a group has no run, the runs are of different images, or the metric does not suit the classes.
    """
    first = groups[0][:1] if groups else []
    together = [align(runs, first) for runs in groups] or [align([], first)]
    measure = _measure(metric, threshold)
    by_run = _samples(measure, [run for runs in together for run in runs], draws, seed)
    ends = np.cumsum([len(runs) for runs in together])[:-1]
    means = [average_over_seeds(part, np.random.default_rng([seed, 1])) for part in np.split(by_run, ends)]
    return np.stack(means).clip(*range_of(metric))  # widened samples may lie beyond it


def _parts_of(metric: str, predictions: Predictions) -> ClassMeans | LabelMeans | None:
    """Give what a metric is a sum of, where its interval is put together from those of these."""
    if metric in STRATIFIED:
        return decompose(metric, predictions)
    if predictions.exclusive or metric not in AVERAGED:
        return None
    return label_means(metric, predictions)


def _measure(metric: str, threshold: float) -> Measure:
    measure = metric_called(metric)
    return lambda run, weights: measure(run, weights, threshold)


def _samples(measure: Measure, runs: Sequence[Predictions], draws: int, seed: int) -> Floats:
    """Measure (R, B, ...) values: R runs on the same B samples, less those where one is not defined."""
    return _defined(bootstrap(measure, runs, draws=draws, seed=seed))


def _defined(by_run: Floats) -> Floats:
    undefined = np.isnan(by_run).any(axis=(0, *range(2, by_run.ndim)))
    return by_run[:, ~undefined]


def _scores(metric: str, runs: Sequence[Predictions], threshold: float) -> Floats:
    return np.array([score(metric, run, threshold) for run in runs])


def _error(spread: float, parts: tuple[float, float]) -> float:
    """Give the standard error: of several runs of both parts, since their samples are widened."""
    return spread if math.isnan(parts[0]) else math.hypot(*parts)


def _estimate_on(
    metric: str,
    basis: SampleSize,
    value: float,
    ends: tuple[float, float],
    method: str,
    se: float,
    p: float = math.nan,
    parts: tuple[float, float] = (math.nan, math.nan),
) -> Estimate:
    low, high = ends
    return Estimate(
        value,
        low,
        high,
        basis.n,
        basis.patients,
        method=method,
        se=se,
        se_test_set=parts[0],
        se_seeds=parts[1],
        lower_is_better=metric in LOWER_IS_BETTER,
        p=p,
    )


def _words(basis: SampleSize, samples: Floats, draws: int, runs: int, kind: str) -> str:
    what = "patients" if basis.patients < basis.n else "images, each its own patient"
    also = f", and of {runs} {kind}" if runs > 1 else ""
    less = draws - len(samples)
    left = f"; {less:,} samples in which it is not defined were left out" if less else ""
    return f"{draws:,} bootstrap samples of {what}, drawn within each class{also}{left}"
