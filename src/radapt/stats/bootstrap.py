"""Bootstrap samples of patients, class by class, and metrics on them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.labels import same_labels, stratify
from radapt.predictions import Predictions
from radapt.stats.intervals import Z, t_quantile
from radapt.text import listed

Floats = NDArray[np.float64]

Measure = Callable[[Predictions, Floats], Floats]  # of (B, n) weights: (B,) or (B, ...)

DRAWS = 2000

MIN_DRAWS = 40  # with fewer, no sample lies outside the middle 95 %

_CHUNK = 2**21  # weights in memory at a time: 16 MiB


def bootstrap(
    measure: Measure, runs: Sequence[Predictions], *, draws: int = DRAWS, seed: int = 0, by_class: bool = True
) -> Floats:
    """Measure runs on the same bootstrap samples of patients.

    Parameters
    ----------
    measure
        What to measure, for many rows of weights at once.
    runs
        Predictions of the same images in one order, see `aligned`.
    draws
        How many samples, B, 40 or more.
    seed
        Equal seeds give equal samples, whatever the order of the images.
    by_class
        Whether each class keeps its number of patients. For what depends on how common the finding is, and
        is to hold for other patients, it is not.

    Returns
    -------
    NDArray[np.float64]
        (R, B) or (R, B, ...), as the measure gives it.

    Raises
    ------
    AskedWrongly
        If there are too few draws.
    """

    def together(runs: Sequence[Predictions], weights: Floats) -> Floats:
        return np.stack([measure(run, weights) for run in runs])

    return bootstrap_together(together, runs, draws=draws, seed=seed, by_class=by_class)


def bootstrap_together(
    measure: Callable[[Sequence[Predictions], Floats], Floats],
    runs: Sequence[Predictions],
    *,
    draws: int,
    seed: int,
    by_class: bool = True,
    strata: NDArray[np.int64] | None = None,
) -> Floats:
    """Measure runs on the same samples as `bootstrap`, with a function that measures all of them at once.

    `strata`, (n,), are what keeps its number of patients in place of the classes.
    """
    check_draws(draws)
    first = runs[0]
    strata = stratify(first.labels) if strata is None else strata
    groups = groups_of(strata, first.patients) if by_class else one_group(first.patients)
    return np.concatenate([measure(runs, weights) for weights in _samples(groups, draws, seed)], axis=1)


def average_over_seeds(by_run: Floats, rng: np.random.Generator) -> Floats:
    """Average (R, B, ...) values over the runs, with runs resampled as well; give (B, ...).

    The mean of the runs varies from sample to sample with the test set. To it is added, for each sample, the
    deviation of the mean of R runs drawn with replacement. These deviations are scaled by sqrt(R / (R - 1)),
    since their variance is too small by that factor squared (Rao & Wu 1988, JASA 83:231), and by the ratio of
    Student's t with R - 1 degrees of freedom to the normal quantile, since a few runs estimate their variance
    poorly. So values may lie outside the range of the metric.
    """
    runs, draws = by_run.shape[:2]
    if runs == 1 or not draws:  # no sample has the metric defined
        return np.asarray(by_run[0], dtype=np.float64)
    counts = rng.multinomial(runs, np.full(runs, 1 / runs), size=draws).T
    scale = math.sqrt(runs / (runs - 1)) * t_quantile(runs - 1) / Z
    deviations = np.einsum("rb,r...->b...", scale * (counts - 1) / runs, by_run.mean(axis=1))
    return np.asarray(by_run.mean(axis=0) + deviations, dtype=np.float64)


def split_standard_error(by_test_set: Floats, *scores: Floats) -> tuple[float, float]:
    """Split the standard error of a mean over runs into its test-set and training-seed parts.

    The first is the standard deviation of the mean over other images with the same runs; the second that over
    other runs on the same images, the standard deviation of their scores divided by the root of their number.
    The interaction of runs and images is in both (they are crossed random effects), so that the sum of their
    squares is slightly more than the variance of the mean, which is conservative (Owen 2007, Ann. Appl. Stat.
    1:386).

    Parameters
    ----------
    by_test_set
        (B,), the mean over the runs in samples of the images alone.
    scores
        (R,), of each run on the test set; for a difference of unpaired runs, one array for each side.

    Returns
    -------
    tuple[float, float]
        The test-set part and the training-seed part; both NaN for one run.
    """
    if min(map(len, scores)) < 2:
        return math.nan, math.nan
    seeds = math.sqrt(sum(float(of_side.var(ddof=1)) / len(of_side) for of_side in scores))
    return float(by_test_set.std(ddof=1)), seeds


def check_draws(draws: int) -> None:
    """Refuse fewer samples than an interval needs.

    Raises
    ------
    AskedWrongly
        If there are fewer than 40.
    """
    if draws < MIN_DRAWS:
        raise AskedWrongly(f"A 95 % interval needs {MIN_DRAWS} bootstrap samples or more. Got {draws}.")


def align(runs: Sequence[Predictions], first: Sequence[Predictions]) -> list[Predictions]:
    """Put runs in the order of the first run of another sequence, image by image.

    Raises
    ------
    AskedWrongly
        If there is no run, or the runs are of different images, labels, patients or classes.
    """
    if not runs or not first:
        raise AskedWrongly("An interval needs the predictions of at least one training run. Got none.")
    return [_in_order_of(first[0], run) for run in runs]


def _in_order_of(first: Predictions, run: Predictions) -> Predictions:
    if run.classes != first.classes:
        raise AskedWrongly(
            "Only predictions of the same classes can be compared. "
            f"Got {listed(first.classes)} and {listed(run.classes)}."
        )
    in_order = _same(run.ids, first.ids) and _same(run.patients, first.patients)
    if in_order and same_labels(run.labels, first.labels):
        return run
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


def _same(one: NDArray[np.str_], other: NDArray[np.str_]) -> bool:
    return one is other or np.array_equal(one, other)


def draw_weights(
    labels: NDArray[np.int64], patients: NDArray[np.str_], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw bootstrap samples of patients, class by class, as counts of each image.

    Patients are drawn with replacement among those with images of the same classes, as many as there are,
    and each brings all its images, so every sample holds every class. A patient who is the only one with
    a mixture of classes is drawn among those of the class that most of its images have, since a group
    of one would be the same in every sample.

    Parameters
    ----------
    labels
        (n,), the class of each image.
    patients
        (n,), the patient of each image.
    draws
        How many samples, B.
    rng
        The random generator. Equal ones give an image the same counts in any order of images.

    Returns
    -------
    NDArray[np.float64]
        (B, n), how often each image is in each sample, 0 or more.
    """
    return draw_from(groups_of(labels, patients), draws, rng)


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of patients that bootstrap samples are drawn from separately."""

    patient_of: NDArray[np.intp]  # (n,), the patient of each image, as a number
    members: tuple[NDArray[np.intp], ...]  # the patients of each group


def groups_of(labels: NDArray[np.int64], patients: NDArray[np.str_]) -> Groups:
    """Group patients by the classes of their images; the only one of its mixture by its commonest class."""
    names, patient_of = np.unique(patients, return_inverse=True)
    images = np.zeros((len(names), int(labels.max(initial=0)) + 1), dtype=np.int64)
    np.add.at(images, (patient_of, labels), 1)
    has = images > 0
    _, group, sizes = np.unique(has, axis=0, return_inverse=True, return_counts=True)
    alone = sizes[group.reshape(-1)] == 1
    has[alone] = np.eye(images.shape[1], dtype=bool)[images[alone].argmax(axis=1)]
    kinds, group = np.unique(has, axis=0, return_inverse=True)
    group = group.reshape(-1)
    return Groups(patient_of, tuple(np.flatnonzero(group == kind) for kind in range(len(kinds))))


def one_group(patients: NDArray[np.str_]) -> Groups:
    """Put all patients in one group, whatever their classes."""
    names, patient_of = np.unique(patients, return_inverse=True)
    return Groups(patient_of, (np.arange(len(names)),))


def _samples(groups: Groups, draws: int, seed: int) -> Iterator[Floats]:
    """Yield the samples of a seed, (B, n) in all, in parts that fit into memory.

    What fits into one part is kept for the next metric or model of the same patients.
    """
    images = len(groups.patient_of)
    step = max(1, _CHUNK // max(1, images))
    if draws <= step:
        members = tuple(each.tobytes() for each in groups.members)
        yield _kept_samples(groups.patient_of.tobytes(), members, draws, seed)
        return
    rng = np.random.default_rng([seed, 0])
    for start in range(0, draws, step):
        yield draw_from(groups, min(step, draws - start), rng)


@lru_cache(maxsize=4)  # 64 MiB at most
def _kept_samples(patient_of: bytes, members: tuple[bytes, ...], draws: int, seed: int) -> Floats:
    """Draw samples as `draw_from`, from groups given as the bytes of their arrays; read only."""
    groups = Groups(
        np.frombuffer(patient_of, np.intp), tuple(np.frombuffer(each, np.intp) for each in members)
    )
    weights = draw_from(groups, draws, np.random.default_rng([seed, 0]))
    weights.flags.writeable = False
    return weights


def draw_from(groups: Groups, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw samples from groups, as counts of each image (B, n)."""
    counts = np.empty((draws, sum(map(len, groups.members))))
    for members in groups.members:
        size = len(members)
        picks = rng.integers(0, size, (draws, size))
        picks += size * np.arange(draws)[:, None]
        counts[:, members] = np.bincount(picks.ravel(), minlength=draws * size).reshape(draws, size)
    return np.asarray(counts[:, groups.patient_of], dtype=np.float64)
