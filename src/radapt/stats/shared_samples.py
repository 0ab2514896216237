"""Bootstrap samples of one metric that many comparisons of the same test set share.

Shapes: R runs, B samples.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from radapt.metrics.table import metric as find_metric
from radapt.metrics.weighted import present
from radapt.predictions import Predictions
from radapt.stats.bootstrap import DRAWS, align, bootstrap_together
from radapt.stats.decomposition import CLASS_INTERVALS, SampleSize, bootstrap_class_means, sample_size

Floats = NDArray[np.float64]


class SharedSamples:
    """A metric of many runs on the same bootstrap samples of patients, each run measured once."""

    def __init__(
        self,
        metric: str,
        runs: Iterable[Predictions],
        *,
        draws: int = DRAWS,
        seed: int = 0,
        threshold: float = 0.5,
    ) -> None:
        self.metric, self.draws, self.seed, self.threshold = metric, draws, seed, threshold
        self._given = list({id(run): run for run in runs}.values())  # kept alive, or an id could be reused
        ordered = align(self._given, self._given[:1])
        self._place = {id(run): place for place, run in enumerate(self._given)}
        self._runs, self._samples = ordered, _bootstrap(metric, ordered, draws, seed, threshold)
        self.size: SampleSize = sample_size(metric, ordered[0])
        self._scores = _measure_all(metric, threshold)(ordered, np.ones((1, len(ordered[0]))))[:, 0]

    def aligned(self, runs: Sequence[Predictions]) -> list[Predictions]:
        """Return runs with their images in one order."""
        return [self._runs[self._place[id(run)]] for run in runs]

    def samples(self, runs: Sequence[Predictions]) -> Floats:
        """Return the values of runs, (R, B); NaN in samples in which the metric is not defined."""
        return self._samples[[self._place[id(run)] for run in runs]]

    def scores(self, runs: Sequence[Predictions]) -> Floats:
        """Return the values of runs on the test set itself, (R,)."""
        return self._scores[[self._place[id(run)] for run in runs]]


def _bootstrap(metric: str, runs: Sequence[Predictions], draws: int, seed: int, threshold: float) -> Floats:
    return bootstrap_together(_measure_all(metric, threshold), runs, draws=draws, seed=seed)


def _measure_all(metric: str, threshold: float) -> Callable[[Sequence[Predictions], Floats], Floats]:
    measure = find_metric(metric)

    def measure_all(runs: Sequence[Predictions], weights: Floats) -> Floats:
        if measure.interval in CLASS_INTERVALS and runs[0].exclusive and len(present(runs[0])) > 1:
            return bootstrap_class_means(metric, runs, weights, threshold)
        return np.stack([measure(run, weights, threshold) for run in runs])

    return measure_all
