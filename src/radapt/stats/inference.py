"""Estimates and paired differences with intervals, from bootstrap samples of patients."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from radapt.metrics.table import metric as find_metric
from radapt.metrics.table import score
from radapt.predictions import Predictions
from radapt.stats.bootstrap import (
    DRAWS,
    Measure,
    align,
    average_over_seeds,
    bootstrap,
    split_standard_error,
)
from radapt.stats.decomposition import (
    CLASS_INTERVALS,
    SCORE_INTERVALS,
    ClassMeans,
    LabelMeans,
    SampleSize,
    decompose,
    label_means,
    sample_size,
    score_interval,
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

_ALL_EQUAL = "all bootstrap samples are equal"

_UNDEFINED = "not defined on these images"


def estimate(
    metric: str,
    runs: Predictions | Sequence[Predictions],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    threshold: float = 0.5,
) -> Estimate:
    """Estimate a metric with a 95 % interval, from bootstrap samples of patients.

    Patients are drawn with replacement within each class and bring all their images, see
    `radapt.stats.bootstrap.draw_weights`; with two runs or more, runs are drawn as well, see
    `radapt.stats.bootstrap.average_over_seeds`. Which interval it is depends on the metric, see
    `radapt.metrics.table.IntervalKind`. Of several labels, areas and proportions have an interval combined
    from that of each label.

    Where all samples are equal (every image right), or a class has only one patient, samples show no
    variance. Then it is Wilson's interval within the metric's range, for as many trials as there are
    patients; of a metric that compares classes, patients of the smallest class, which is conservative.

    Parameters
    ----------
    metric
        A name that `radapt.metrics.table.metric` knows.
    runs
        Predictions of a model; or of the same images by models of several training seeds, in any order of
        images.
    draws
        How many bootstrap samples, 40 or more.
    seed
        Equal seeds give equal numbers, whatever the order of the images.
    threshold
        The probability from which on an image is predicted positive, where the metric needs a decision.

    Returns
    -------
    Estimate
        Its value is the mean over the runs. All of it is NaN where the metric is not defined. Of several
        runs it splits the standard error into its test-set and training-seed parts, see
        `radapt.stats.bootstrap.split_standard_error`.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If there is no run, the runs are of different images, or the metric does not suit the classes.
    """
    runs = _several(runs)
    runs = align(runs, runs[:1])
    size = sample_size(metric, runs[0])
    scores = _scores(metric, runs, threshold)
    value = float(scores.mean())
    make = partial(_estimate_on, metric, size)
    if math.isnan(value):
        return make(math.nan, (math.nan, math.nan), _UNDEFINED, math.nan)
    parts, by_run = _bootstrapped(metric, runs, draws, seed, threshold)
    drawn = average_over_seeds(by_run, np.random.default_rng([seed, 1]))  # (B,), or (B, parts)
    samples, by_test_set = drawn, by_run.mean(axis=0)
    if parts is not None:
        samples, by_test_set = samples @ parts.counts, by_test_set @ parts.counts
        ones = np.ones((1, len(runs[0])))
        means = np.mean([parts.means(run, ones, threshold)[0] for run in runs], axis=0)
    if parts is not None and all_equal(samples):
        ends, words = parts.interval(means, drawn), f"Wilson score intervals of each {parts.unit} combined"
        return make(value, ends, f"{words}, since {_ALL_EQUAL}", (ends[1] - ends[0]) / (2 * Z))
    if size.effective_n < 2 or all_equal(samples):
        ends = _scaled_wilson(find_metric(metric).range, value, size.effective_n)
        words = f"Wilson score interval for {size.effective_n} {size.unit}, since {_ALL_EQUAL}"
        return make(value, ends, words, (ends[1] - ends[0]) / (2 * Z))
    se, errors = float(samples.std(ddof=1)), split_standard_error(by_test_set, scores)
    if parts is not None:
        kind, ends = f"intervals of each {parts.unit} combined, by the spread", parts.interval(means, drawn)
    else:
        kind, ends = _interval(metric, value, samples, se, size)
    words = f"{kind} of {_words(size, samples, draws, len(runs), 'training runs')}"
    return make(value, ends, words, _error(se, errors), parts=errors)


def _several(runs: Predictions | Sequence[Predictions]) -> Sequence[Predictions]:
    return [runs] if isinstance(runs, Predictions) else runs


def _bootstrapped(
    metric: str, runs: Sequence[Predictions], draws: int, seed: int, threshold: float
) -> tuple[ClassMeans | LabelMeans | None, Floats]:
    """Draw a metric of R runs in B bootstrap samples: (R, B, parts) of its decomposition, or (R, B) without.

    It is not decomposed where labels are so rare that most samples lack one of their classes.
    """
    parts = _parts_of(metric, runs[0])
    if parts is not None:
        by_run = _samples(partial(parts.means, threshold=threshold), runs, draws, seed)
        if by_run.shape[1] >= draws / 2:
            return parts, by_run
    return None, _samples(_measure(metric, threshold), runs, draws, seed)


def _interval(
    metric: str, value: float, samples: Floats, se: float, size: SampleSize
) -> tuple[str, tuple[float, float]]:
    """Compute the interval of a metric that was not decomposed, and name its kind."""
    row = find_metric(metric)
    if row.interval in SCORE_INTERVALS:
        return "score interval by the spread", score_interval(metric, value, se, size)
    if row.interval == "logit" and value < 1:
        return "logit interval by the spread", logit_interval(value, se, size.effective_n)
    low, high = percentiles(samples, size.effective_n).clip(*row.range)
    return "percentiles", (min(value, float(low)), max(value, float(high)))


def _scaled_wilson(bounds: tuple[float, float], value: float, trials: int) -> tuple[float, float]:
    """Compute Wilson's interval of a value within bounds other than 0 and 1."""
    bottom, top = bounds
    low, high = wilson((value - bottom) / (top - bottom), trials)
    return bottom + low * (top - bottom), bottom + high * (top - bottom)


def difference(
    metric: str,
    runs_a: Predictions | Sequence[Predictions],
    runs_b: Predictions | Sequence[Predictions],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    threshold: float = 0.5,
) -> Estimate:
    """Estimate by how much A differs from B on the same images, with a 95 % interval and a p-value.

    Both are scored on the same bootstrap samples, so that images hard for both do not widen the interval.
    Equal predictions differ by 0 [0, 0], and so do equal rankings where the metric is one of ranking: a
    recalibrated model and its base have one AUROC. If predictions differ and yet all samples of the
    difference are equal (two models that are right on every image), the interval reaches to both sides as
    far as the upper Wilson limit of 0 for that many patients, and at least as far as their exact sign test
    allows.
    Otherwise 0 lies outside the interval exactly where the p-value is below 0.05, see
    `radapt.stats.intervals.difference_interval`. Forgetting is such a difference: adapted minus base, on
    source images.

    Parameters
    ----------
    metric, draws, seed, threshold
        As for `estimate`.
    runs_a, runs_b
        Predictions of the same images by a model each, or by models of several training seeds. Their images
        may be in any order. If both have as many runs, these are paired in their order, and drawn as pairs.

    Returns
    -------
    Estimate
        The mean of A minus the mean of B, in the metric's own unit (0.061 is 6.1 points). Where lower is
        better, A is better below 0, see `verdict` and `Estimate.gain`.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If a side has no run, the runs are of different images, or the metric does not suit the classes.
    """
    runs_a, runs_b = _several(runs_a), _several(runs_b)
    first = runs_a[:1]
    runs_a, runs_b = align(runs_a, first), align(runs_b, first)
    shared = SharedSamples(metric, [*runs_a, *runs_b], draws=draws, seed=seed, threshold=threshold)
    return difference_in(shared, runs_a, runs_b)


def difference_in(
    shared: SharedSamples, originals_a: Sequence[Predictions], originals_b: Sequence[Predictions]
) -> Estimate:
    """Estimate a difference as `difference` does, from samples that several comparisons share."""
    metric, draws, seed = shared.metric, shared.draws, shared.seed
    runs_a, runs_b = shared.aligned(originals_a), shared.aligned(originals_b)
    size = shared.size
    scores_a, scores_b = shared.scores(originals_a), shared.scores(originals_b)
    value = float(scores_a.mean() - scores_b.mean())
    make = partial(_estimate_on, metric, size)
    if math.isnan(value):
        return make(math.nan, (math.nan, math.nan), _UNDEFINED, math.nan)
    if shared.same(originals_a, originals_b):
        what = "order of the scores" if find_metric(metric).ranks else "predictions"
        return make(0.0, (0.0, 0.0), f"none, the {what} being the same", 0.0, p=1.0)
    by_run = _defined(shared.samples([*originals_a, *originals_b]))
    by_a, by_b = by_run[: len(runs_a)], by_run[len(runs_a) :]
    rng = np.random.default_rng([seed, 1])
    paired = len(runs_a) == len(runs_b)
    samples = (
        average_over_seeds(by_a - by_b, rng)
        if paired
        else average_over_seeds(by_a, rng) - average_over_seeds(by_b, rng)
    )
    bottom, top = find_metric(metric).range
    span = top - bottom
    if size.effective_n < 2 or all_equal(samples):
        reach, p = _without_spread(value, wilson(0.0, size.effective_n)[1] * span, size.effective_n)
        ends = max(value - reach, -span), min(value + reach, span)
        words = (
            f"the difference plus and minus the larger of two bounds (the upper Wilson limit of 0 in "
            f"{size.effective_n:,} {size.unit}, and that of their exact sign test), since {_ALL_EQUAL}"
        )
        return make(value, ends, words, reach / Z, p=p if value else 1.0)
    kind = "pairs of training runs" if paired else f"training runs, {len(runs_a)} and {len(runs_b)}"
    words = _words(size, samples, draws, len(runs_a) if paired else len(by_run), kind)
    low, high, p = difference_interval(value, samples, size.effective_n)
    ends = max(-span, low), min(span, high)
    how = (
        "percentiles of"
        if percentile_index(size.effective_n, len(samples))
        else "Student's t by the spread of"
    )
    parts = split_standard_error(
        by_a.mean(axis=0) - by_b.mean(axis=0), *([scores_a - scores_b] if paired else [scores_a, scores_b])
    )
    se = _error(float(samples.std(ddof=1)), parts)
    return make(value, ends, f"paired: {how} {words}", se, p, parts)


def _without_spread(value: float, reach: float, trials: int) -> tuple[float, float]:
    """Compute half the width of the interval, and the p-value, of a difference whose samples are all equal.

    All patients then differ to one side, which by the exact sign test (McNemar's) has p = 2^(1 - trials):
    p is no smaller, and the interval excludes 0 only where it is below 0.05. `reach` is the least half-width.
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
    """Score several groups of runs on the same bootstrap samples, for a curve that is fitted across them.

    Parameters
    ----------
    metric, draws, seed, threshold
        As for `estimate`.
    groups
        m groups of runs, one or more training seeds each; all on the same images, in any order.
        Groups of as many runs have these drawn together, the first of one with the first of another.

    Returns
    -------
    NDArray[np.float64]
        (m, B): the mean over the runs of each group. B is `draws` less the samples where the metric is not
        defined, down to 0.

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
    return np.stack(means).clip(*find_metric(metric).range)  # widened samples may lie outside


def _parts_of(metric: str, predictions: Predictions) -> ClassMeans | LabelMeans | None:
    """Decompose a metric whose interval is combined from those of its parts; None of any other."""
    kind = find_metric(metric).interval
    if kind in CLASS_INTERVALS:
        return decompose(metric, predictions)
    if predictions.exclusive or kind not in SCORE_INTERVALS:
        return None
    return label_means(metric, predictions)


def _measure(metric: str, threshold: float) -> Measure:
    measure = find_metric(metric)
    return lambda run, weights: measure(run, weights, threshold)


def _samples(measure: Measure, runs: Sequence[Predictions], draws: int, seed: int) -> Floats:
    """Measure R runs on the same B samples, (R, B, ...), less those where one is not defined."""
    return _defined(bootstrap(measure, runs, draws=draws, seed=seed))


def _defined(by_run: Floats) -> Floats:
    undefined = np.isnan(by_run).any(axis=(0, *range(2, by_run.ndim)))
    return by_run[:, ~undefined]


def _scores(metric: str, runs: Sequence[Predictions], threshold: float) -> Floats:
    return np.array([score(metric, run, threshold) for run in runs])


def _error(spread: float, parts: tuple[float, float]) -> float:
    """Return the standard error; with several runs that of its two parts, since their samples are widened."""
    return spread if math.isnan(parts[0]) else math.hypot(*parts)


def _estimate_on(
    metric: str,
    size: SampleSize,
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
        size.n,
        size.patients,
        method=method,
        se=se,
        se_test_set=parts[0],
        se_seeds=parts[1],
        lower_is_better=find_metric(metric).lower_is_better,
        p=p,
    )


def _words(size: SampleSize, samples: Floats, draws: int, runs: int, kind: str) -> str:
    what = "patients" if size.patients < size.n else "images, each its own patient"
    also = f", and of {runs} {kind}" if runs > 1 else ""
    less = draws - len(samples)
    left = f", without {less:,} samples in which it is not defined" if less else ""
    return f"{draws:,} bootstrap samples of {what}, drawn within each class{also}{left}"
