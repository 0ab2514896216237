"""How sure a number is: intervals drawn by patient, and differences drawn in pairs.

Two films of one patient are not two facts, so it is patients that are resampled (Obuchowski 1997,
Biometrics 53:567, on what happens otherwise), class by class, with all their films. Where there are
models of several training seeds, these are resampled too, so that the luck of training is in the interval.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.labels import same_labels, strata_of
from radapt.metrics import metric as metric_called
from radapt.metrics import score
from radapt.predictions import Predictions
from radapt.resampling import draw_from, groups_of

Floats = NDArray[np.float64]

LEVEL = 0.95
FEWEST_DRAWS = 40  # with fewer, no sample lies outside the middle 95 %
Z = 1.959963984540054  # the 97.5 % point of the normal distribution: 95 % lie within
Z_POWER = 0.8416212335729143  # its 80 % point: four studies in five find what is there

_CHUNK = 2**21  # weights held at a time: 16 MiB
_ALIKE = "bootstrap samples of them are all alike"
_SAME = 1e-12  # draws closer than this are the same number, rounded differently


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, the interval it lies in, and what they rest on; prints as `0.912 [0.884, 0.936]`."""

    value: float  # on the test set as it is; NaN where the metric is not defined on it
    low: float
    high: float
    n: int  # images it rests on: for sensitivity those with the finding, for specificity the others
    patients: int  # whose images these are
    level: float = LEVEL  # how often such an interval holds the true value
    method: str = ""  # in plain words: what was resampled, or which formula was used
    se: float = math.nan  # standard error, the spread of the bootstrap samples

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not defined"
        return f"{self.value:z.3f} [{self.low:z.3f}, {self.high:z.3f}]"

    def as_dict(self) -> dict[str, Any]:
        """Give the fields by name, ready for strict JSON: what is not a number is None."""
        # only NaN is not equal to itself
        return {name: value if value == value else None for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Estimate":
        """Give back what `as_dict` gave."""
        known: dict[str, Any] = {name: math.nan if value is None else value for name, value in fields.items()}
        return cls(**known)


def estimate(
    metric: str,
    runs: Sequence[Predictions],
    *,
    draws: int = 2000,
    seed: int = 0,
    threshold: float = 0.5,
) -> Estimate:
    """Estimate a metric with a 95 % interval: the percentiles of bootstrap samples of patients.

    Patients are drawn with replacement within each class and bring all their films, see
    `radapt.resampling.draw_weights`. Such percentiles lie too close together where there are few patients,
    and are set further apart as Student's t is wider than the normal distribution (Hesterberg 2015, Am. Stat.
    69:371). With two runs or more, runs are drawn as well, their deviations scaled by sqrt(R / (R - 1)) since
    R draws from R runs spread too little by that factor (Rao & Wu 1988, JASA 83:231).

    Where all samples are alike (every film right), or a class has only one patient, samples know nothing
    of the uncertainty. Then it is the interval of `wilson`, the patients concerned being its trials; for
    `auroc` and `balanced-accuracy` those of the smallest class, which is on the cautious side.

    Parameters
    ----------
    metric
        A name in `radapt.metrics.METRICS`.
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
        Its value is the mean over the runs. All of it is NaN where the metric is not defined.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If there is no run, the runs are of different images, or the metric does not suit the classes.
    """
    runs = _aligned(runs, runs[:1])
    basis = _basis(metric, runs[0])
    value = _mean_score(metric, runs, threshold)
    if math.isnan(value):
        return basis.undefined()
    by_run = _bootstrap(metric, runs, draws, seed, threshold)
    samples = _over_runs(by_run, np.random.default_rng([seed, 1]))
    if basis.trials < 2 or _alike(samples):
        low, high = wilson(value, basis.trials)
        words = f"Wilson score interval on the {basis.unit} ({basis.trials}); {_ALIKE}"
        return basis.estimate(value, low, high, words, (high - low) / (2 * Z))
    return _percentiles(value, samples, basis, _words(basis, samples, draws, len(runs), "training runs"))


def difference(
    metric: str,
    runs_a: Sequence[Predictions],
    runs_b: Sequence[Predictions],
    *,
    draws: int = 2000,
    seed: int = 0,
    threshold: float = 0.5,
) -> Estimate:
    """Estimate by how much A is better than B on the same images, with a 95 % interval of the difference.

    Both are scored on the same bootstrap samples, so what is hard for both does not blur the comparison.
    Predictions that are the same throughout differ by 0 [0, 0]. Where they are not and yet all samples
    are alike (two models that are right on every film), the interval reaches to both sides as far as the
    Wilson limit for none of the patients concerned: what so many patients could have hidden.
    Forgetting is such a difference: adapted minus base, on source images.

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
        The mean of A minus the mean of B, in the metric's own unit (0.061 is 6.1 points).

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If a side has no run, the runs are of different images, or the metric does not suit the classes.
    """
    first = runs_a[:1]
    runs_a, runs_b = _aligned(runs_a, first), _aligned(runs_b, first)
    basis = _basis(metric, runs_a[0])
    value = _mean_score(metric, runs_a, threshold) - _mean_score(metric, runs_b, threshold)
    if math.isnan(value):
        return basis.undefined()
    if _identical(runs_a, runs_b):
        return basis.estimate(0.0, 0.0, 0.0, "none, the predictions being the same", 0.0)
    by_run = _bootstrap(metric, [*runs_a, *runs_b], draws, seed, threshold)
    by_a, by_b = by_run[: len(runs_a)], by_run[len(runs_a) :]
    rng = np.random.default_rng([seed, 1])
    paired = len(runs_a) == len(runs_b)
    samples = _over_runs(by_a - by_b, rng) if paired else _over_runs(by_a, rng) - _over_runs(by_b, rng)
    if basis.trials < 2 or _alike(samples):
        reach = wilson(0.0, basis.trials)[1]
        low, high = max(value - reach, -1.0), min(value + reach, 1.0)
        words = f"Wilson limit for none of the {basis.unit} ({basis.trials}), to both sides; {_ALIKE}"
        return basis.estimate(value, low, high, words, reach / Z)
    kind = "pairs of training runs" if paired else f"training runs, {len(runs_a)} and {len(runs_b)}"
    words = _words(basis, samples, draws, len(runs_a) if paired else len(by_run), kind)
    return _percentiles(value, samples, basis, f"paired: {words}", least=-1.0)


def resampled(
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
    aligned = [_aligned(runs, first) for runs in groups] or [_aligned([], first)]
    by_run = _bootstrap(metric, [run for runs in aligned for run in runs], draws, seed, threshold)
    ends = np.cumsum([len(runs) for runs in aligned])[:-1]
    return np.stack([_over_runs(part, np.random.default_rng([seed, 1])) for part in np.split(by_run, ends)])


def verdict(difference: Estimate) -> Literal["better", "worse", "inconclusive"]:
    """Say what a difference shows: something only where its interval does not hold 0.

    "better" means that the first of the two scored higher. An undefined difference is inconclusive.
    """
    if difference.low > 0:
        return "better"
    if difference.high < 0:
        return "worse"
    return "inconclusive"


def smallest_detectable(difference: Estimate) -> float:
    """Give the smallest true difference that a comparison like this one would find four times out of five.

    It is (z_0.975 + z_0.8) * SE = 2.80 SE, for a two-sided test at 5 % with 80 % power (Chow, Shao & Wang
    2008, Sample Size Calculations in Clinical Research, 3.1), SE being the spread of the bootstrap
    samples. 0 if the two are the same; NaN if the difference is not defined.
    """
    return (Z + Z_POWER) * difference.se


def wilson(rate: float, trials: float) -> tuple[float, float]:
    """Give the 95 % score interval of a proportion (Wilson 1927, JASA 22:209): 10 of 10 give [0.722, 1].

    Parameters
    ----------
    rate
        The share observed, in [0, 1].
    trials
        How many independent trials it was observed on, more than 0.

    Returns
    -------
    tuple[float, float]
        Both ends, in [0, 1].
    """
    scale = 1 + Z**2 / trials
    centre = (rate + Z**2 / (2 * trials)) / scale
    half = Z / scale * math.sqrt(rate * (1 - rate) / trials + Z**2 / (4 * trials**2))
    low = 0.0 if rate <= 0 else max(0.0, centre - half)  # exact at the ends, where rounding would not be
    high = 1.0 if rate >= 1 else min(1.0, centre + half)
    return low, high


@dataclass(frozen=True, slots=True)
class _Basis:
    """What a metric rests on in a set of images."""

    n: int
    patients: int
    trials: int  # how many independent facts, at the least
    unit: str  # what these are, in words

    def estimate(self, value: float, low: float, high: float, method: str, se: float) -> Estimate:
        return Estimate(value, low, high, self.n, self.patients, method=method, se=se)

    def undefined(self) -> Estimate:
        return self.estimate(math.nan, math.nan, math.nan, "not defined on these images", math.nan)


def _bootstrap(metric: str, runs: Sequence[Predictions], draws: int, seed: int, threshold: float) -> Floats:
    """Give (R, B) values of the metric: R runs on the same B samples, less those where it is not defined."""
    if draws < FEWEST_DRAWS:
        raise AskedWrongly(f"A 95 % interval needs {FEWEST_DRAWS} bootstrap samples or more. Got {draws}.")
    groups = groups_of(strata_of(runs[0].labels), runs[0].patients)
    rng = np.random.default_rng([seed, 0])
    step = max(1, _CHUNK // max(1, len(runs[0])))
    parts = []
    for start in range(0, draws, step):
        weights = draw_from(groups, min(step, draws - start), rng)
        parts.append(np.stack([metric_called(metric)(run, weights, threshold) for run in runs]))
    values = np.concatenate(parts, axis=1)
    return values[:, ~np.isnan(values).any(axis=0)]


def _over_runs(by_run: Floats, rng: np.random.Generator) -> Floats:
    """Average (R, B) values over the runs, drawn anew for each of the B samples."""
    runs, draws = by_run.shape
    if runs == 1:
        return np.asarray(by_run[0], dtype=np.float64)
    counts = rng.multinomial(runs, np.full(runs, 1 / runs), size=draws).T
    share = 1 / runs + math.sqrt(runs / (runs - 1)) * (counts - 1) / runs
    return np.asarray((share * by_run).sum(axis=0), dtype=np.float64)


def _percentiles(value: float, samples: Floats, basis: _Basis, words: str, least: float = 0.0) -> Estimate:
    outside = _outside(basis.trials)
    low, high = np.quantile(samples, [outside, 1 - outside]).clip(least, 1.0)
    low, high = min(value, float(low)), max(value, float(high))
    return basis.estimate(value, low, high, words, float(samples.std(ddof=1)))


def _outside(trials: int) -> float:
    """Give the share of samples to leave outside each end: 2.5 %, and fewer where there are few trials."""
    freedom = trials - 1
    # Student's 97.5 % point, Abramowitz & Stegun 26.7.5 to the second term; 1 % short at 5, 0.2 % at 9
    student = Z + (Z**3 + Z) / (4 * freedom) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)
    return math.erfc(math.sqrt(trials / freedom / 2) * student) / 2


def _alike(samples: Floats) -> bool:
    return samples.size < 2 or bool(np.ptp(samples) < _SAME)


def _mean_score(metric: str, runs: Sequence[Predictions], threshold: float) -> float:
    return float(np.mean([score(metric, run, threshold) for run in runs]))


def _basis(metric: str, predictions: Predictions) -> _Basis:
    if not predictions.exclusive:
        return _basis_of_findings(metric, predictions)
    classes = np.unique(predictions.labels)
    if metric in ("sensitivity", "specificity"):
        positive = predictions.positive
        classes = np.array([positive if metric == "sensitivity" else 1 - positive])
    of_class = [np.unique(predictions.patients[predictions.labels == c]).size for c in classes]
    rows = np.isin(predictions.labels, classes)
    patients = np.unique(predictions.patients[rows]).size
    if metric == "accuracy" or len(of_class) < 2:
        return _Basis(int(rows.sum()), patients, patients, "patients")
    unit = f"patients of {predictions.classes[classes[int(np.argmin(of_class))]]}"
    return _Basis(int(rows.sum()), patients, min(of_class), unit)


def _basis_of_findings(metric: str, predictions: Predictions) -> _Basis:
    """Give what a mean over findings rests on: no more than the finding with the fewest patients has."""
    each = [_basis(metric, apart) for _, apart in predictions.apart() if not math.isnan(score(metric, apart))]
    labelled = ~np.isnan(predictions.labels).all(axis=1)
    fewest = min(each, key=lambda basis: basis.trials, default=_Basis(0, 0, 0, "patients"))
    patients = np.unique(predictions.patients[labelled]).size
    return _Basis(int(labelled.sum()), patients, fewest.trials, fewest.unit)


def _words(basis: _Basis, samples: Floats, draws: int, runs: int, kind: str) -> str:
    what = "patients" if basis.patients < basis.n else "images, each its own patient"
    also = f", and of {runs} {kind}" if runs > 1 else ""
    less = draws - samples.size
    left = f"; {less:,} samples without one of the classes were left out" if less else ""
    return f"percentiles of {draws:,} bootstrap samples of {what}, drawn within each class{also}{left}"


def _aligned(runs: Sequence[Predictions], first: Sequence[Predictions]) -> list[Predictions]:
    if not runs or not first:
        raise AskedWrongly("An interval needs the predictions of at least one training run. Got none.")
    return [_in_order_of(first[0], run) for run in runs]


def _in_order_of(first: Predictions, run: Predictions) -> Predictions:
    if run.classes != first.classes:
        raise AskedWrongly(
            "Only predictions of the same classes can be compared. "
            f"Got {', '.join(first.classes)} and {', '.join(run.classes)}."
        )
    order, rank = np.argsort(run.ids), np.argsort(np.argsort(first.ids))
    if not np.array_equal(run.ids[order], np.sort(first.ids)):
        common = np.intersect1d(run.ids, first.ids).size
        raise AskedWrongly(
            "Only predictions of the same images can be compared. "
            f"Got {len(first)} images and {len(run)}, of which {common} are the same."
        )
    run = run.take(order[rank])
    if not (same_labels(run.labels, first.labels) and np.array_equal(run.patients, first.patients)):
        raise AskedWrongly(
            "Only predictions on one data set can be compared. Got two whose labels or patients differ."
        )
    return run


def _identical(runs_a: Sequence[Predictions], runs_b: Sequence[Predictions]) -> bool:
    pairs = zip(runs_a, runs_b, strict=False)
    return len(runs_a) == len(runs_b) and all(np.array_equal(a.scores, b.scores) for a, b in pairs)
