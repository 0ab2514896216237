"""Bootstrap samples of one metric that many comparisons share, of one test set or of the mean over several.

Shapes: R runs, B samples, S test sets.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radapt.labels import stratify
from radapt.metrics.ranking import same_ranking
from radapt.metrics.table import metric as find_metric
from radapt.metrics.weighted import present
from radapt.predictions import Predictions
from radapt.stats.bootstrap import DRAWS, align, bootstrap_together
from radapt.stats.decomposition import CLASS_INTERVALS, SampleSize, bootstrap_class_means, sample_size

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SeveralSets:
    """Which images of a `Predictions` are of which test set, and how patients are drawn from them."""

    rows: tuple[NDArray[np.intp], ...]  # S arrays, the images of each test set
    strata: NDArray[np.int64]  # (n,), patients are drawn within these


class SharedSamples:
    """A metric of many runs on the same bootstrap samples of patients, each run measured once.

    Parameters
    ----------
    metric, draws, seed, threshold
        As for `radapt.stats.inference.estimate`.
    runs
        Predictions of the same images.
    sets
        The test sets in them, where there are several (see `joined`): the metric is then the mean over them.
    """

    def __init__(
        self,
        metric: str,
        runs: Iterable[Predictions],
        *,
        sets: SeveralSets | None = None,
        draws: int = DRAWS,
        seed: int = 0,
        threshold: float = 0.5,
    ) -> None:
        self.metric, self.draws, self.seed, self.threshold = metric, draws, seed, threshold
        self._given = list({id(run): run for run in runs}.values())  # kept alive, or an id could be reused
        ordered = align(self._given, self._given[:1])
        self._rows = (np.arange(len(ordered[0])),) if sets is None else sets.rows
        self._place = {id(run): place for place, run in enumerate(self._given)}
        self._runs, measure = ordered, _measure_sets(_measure_all(metric, threshold), ordered, sets)
        strata = None if sets is None else sets.strata
        self._by_set = bootstrap_together(measure, ordered, draws=draws, seed=seed, strata=strata)
        self._samples: Floats = self._by_set.mean(axis=2)
        self._scores: Floats = measure(ordered, np.ones((1, len(ordered[0]))))[:, 0].mean(axis=1)
        self.size: SampleSize = sample_size(metric, ordered[0])

    def aligned(self, runs: Sequence[Predictions]) -> list[Predictions]:
        """Return runs with their images in one order."""
        return [self._runs[self._place[id(run)]] for run in runs]

    def same(self, one: Sequence[Predictions], other: Sequence[Predictions]) -> bool:
        """Say whether two sequences of runs give the same scores throughout.

        Where the order of the scores is all that counts, whether they rank the images of each test set
        alike: a recalibrated copy then cannot differ from its model, whatever the images.
        """
        pairs = list(zip(self.aligned(one), self.aligned(other), strict=False))
        if len(one) != len(other):
            return False
        if all(np.array_equal(a.scores, b.scores) for a, b in pairs):
            return True
        return find_metric(self.metric).ranks and all(
            same_ranking(a.take(rows), b.take(rows)) for a, b in pairs for rows in self._rows
        )

    def samples(self, runs: Sequence[Predictions]) -> Floats:
        """Return the values of runs, (R, B); NaN in samples in which the metric is not defined."""
        return self._samples[[self._place[id(run)] for run in runs]]

    def samples_by_set(self, runs: Sequence[Predictions]) -> Floats:
        """Return the values of runs on each test set, (R, B, S); NaN where the metric is not defined."""
        return self._by_set[[self._place[id(run)] for run in runs]]

    def scores(self, runs: Sequence[Predictions]) -> Floats:
        """Return the values of runs on the test set itself, (R,)."""
        return self._scores[[self._place[id(run)] for run in runs]]


def joined(
    parts: Sequence[Sequence[Predictions]], families: Sequence[int]
) -> tuple[list[Predictions], SeveralSets]:
    """Join predictions on several test sets, so that `SharedSamples` draws their patients together.

    Parameters
    ----------
    parts
        Predictions by R runs on each of S test sets: S sequences of R, on the same images each.
    families
        Of each test set: sets of one family are of the same patients or of some of them, as shifts of the
        same images are, and a patient's images are drawn together. Sets of two families are independent.

    Returns
    -------
    tuple[list[Predictions], SeveralSets]
        R predictions on all images, and the test sets in them. Patients are drawn within each family and
        class.
    """
    parts = [align(runs, runs[:1]) for runs in parts]
    together = [_one(runs, families) for runs in zip(*parts, strict=True)]
    ends = np.cumsum([len(runs[0]) for runs in parts])
    rows = tuple(np.arange(end - len(runs[0]), end) for runs, end in zip(parts, ends.tolist(), strict=True))
    strata = stratify(together[0].labels)
    family = np.repeat(np.array(families, dtype=np.int64), [len(runs[0]) for runs in parts])
    return together, SeveralSets(rows, strata + family * (int(strata.max(initial=0)) + 1))


def _one(runs: Sequence[Predictions], families: Sequence[int]) -> Predictions:
    """Join the predictions of one run on several test sets."""
    ids = [np.array([f"{place}/{name}" for name in run.ids.tolist()]) for place, run in enumerate(runs)]
    patients = [
        np.array([f"{family}/{name}" for name in run.patients.tolist()])
        for family, run in zip(families, runs, strict=True)
    ]
    return replace(
        runs[0],
        scores=np.concatenate([run.scores for run in runs]),
        labels=np.concatenate([run.labels for run in runs]),
        patients=np.concatenate(patients),
        ids=np.concatenate(ids),
    )


Measure = Callable[[Sequence[Predictions], Floats], Floats]


def _measure_sets(measure: Measure, runs: Sequence[Predictions], sets: SeveralSets | None) -> Measure:
    """Return a measure of the runs on each test set, (R, B, S)."""
    if sets is None:
        return lambda runs, weights: measure(runs, weights)[:, :, None]
    parts = [[run.take(rows) for run in runs] for rows in sets.rows]

    def by_set(_: Sequence[Predictions], weights: Floats) -> Floats:
        values = [measure(part, weights[:, rows]) for part, rows in zip(parts, sets.rows, strict=True)]
        return np.stack(values, axis=2)

    return by_set


def _measure_all(metric: str, threshold: float) -> Measure:
    measure = find_metric(metric)

    def measure_all(runs: Sequence[Predictions], weights: Floats) -> Floats:
        if measure.interval in CLASS_INTERVALS and runs[0].exclusive and len(present(runs[0])) > 1:
            return bootstrap_class_means(metric, runs, weights, threshold)
        return np.stack([measure(run, weights, threshold) for run in runs])

    return measure_all
