"""Metrics that are sums of means over classes, and intervals combined from these."""

import numpy as np
import pytest

from radapt.metrics.table import METRICS, score
from radapt.metrics.table import metric as metric_called
from radapt.predictions import Predictions
from radapt.stats.decomposition import CLASS_INTERVALS, decompose
from radapt.stats.inference import estimate

BY_CLASS = [row.name for row in METRICS.values() if row.interval in CLASS_INTERVALS]


def of_classes(rng: np.random.Generator, images: int = 90, kinds: int = 3) -> Predictions:
    scores = rng.dirichlet(np.ones(kinds), images)
    ids = np.arange(images).astype(np.str_)
    names = ("NORMAL", "PNEUMONIA", "TB")[:kinds]
    return Predictions(
        scores, rng.integers(0, kinds, images), (np.arange(images) // 2).astype(np.str_), ids, names
    )


def of_findings(rng: np.random.Generator, images: int = 90) -> Predictions:
    labels = (rng.random((images, 4)) < (0.3, 0.5, 0.1, 0.0)).astype(np.float32)  # no image has the last
    labels[rng.random(labels.shape) < 0.2] = np.nan
    ids = np.arange(images).astype(np.str_)
    names = ("effusion", "nodule", "mass", "hernia")
    return Predictions(rng.random((images, 4)), labels, (np.arange(images) // 2).astype(np.str_), ids, names)


@pytest.mark.parametrize("name", BY_CLASS)
@pytest.mark.parametrize("make", [of_classes, of_findings])
def test_the_means_over_strata_add_up_to_the_metric(name, make):
    given = make(np.random.default_rng(0))
    strata = decompose(name, given)
    assert strata.counts.sum() == pytest.approx(1)
    once = np.ones((1, len(given)))
    assert strata.means(given, once, 0.4) @ strata.counts == pytest.approx(score(name, given, 0.4))
    if name == "balanced-accuracy":  # its shares do not follow the weights, those of the others do
        weights = np.random.default_rng(1).integers(0, 3, (5, len(given))).astype(float)
        expected = metric_called(name)(given, weights, 0.4)
        assert strata.means(given, weights, 0.4) @ strata.counts == pytest.approx(expected)


@pytest.mark.parametrize("name", BY_CLASS)
@pytest.mark.parametrize("make", [of_classes, of_findings])
def test_several_classes_findings_and_training_seeds_have_an_interval_put_together(name, make):
    rng = np.random.default_rng(0)
    first = make(rng)
    runs = []
    for _ in range(3):
        scores = make(rng).scores * 0.3 + first.scores * 0.7
        runs.append(Predictions(scores, first.labels, first.patients, first.ids, first.classes))
    estimated = estimate(name, runs, draws=300)
    assert estimated.value == pytest.approx(np.mean([score(name, run) for run in runs]))
    bottom, top = METRICS[name].range
    assert bottom < estimated.low < estimated.value < estimated.high < top
    assert 3.3 < (estimated.high - estimated.low) / estimated.se < 5.5
    assert estimated.method.startswith("intervals of each class combined")
    assert "and of 3 training runs" in estimated.method


def test_a_finding_that_all_its_patients_hide_still_widens_the_interval():
    """All of four ill are found, of forty others nine in ten: samples know nothing of the four."""
    labels = np.repeat([1, 0], [4, 40])
    high = np.where(np.arange(44) < 8, 0.9, 0.1)
    ids = np.arange(44).astype(np.str_)
    predictions = Predictions(np.stack([1 - high, high], axis=1), labels, ids, ids, ("NORMAL", "PNEUMONIA"))
    estimated = estimate("balanced-accuracy", [predictions], draws=400)
    assert estimated.value == pytest.approx(0.95)
    assert estimated.low < 0.75  # Wilson's lower end of 4 of 4 is 0.51, half of which counts
    assert estimated.high - estimated.low > 1.5 * 3.92 * estimated.se


def test_where_most_samples_lack_a_class_of_some_finding_the_metric_itself_is_drawn():
    rng = np.random.default_rng(0)
    labels = (rng.random((120, 20)) < 0.03).astype(np.float32)
    ids = np.arange(120).astype(np.str_)
    names = tuple(f"finding {number}" for number in range(20))
    whose = (np.arange(120) // 3).astype(np.str_)
    estimated = estimate("brier", [Predictions(rng.random((120, 20)), labels, whose, ids, names)], draws=300)
    assert estimated.method.startswith("percentiles of 300 bootstrap samples")
    assert estimated.low < estimated.value < estimated.high
