from functools import partial

import numpy as np
import pytest
from prediction_samples import clustered, random_three

from radapt.metrics.table import METRICS, metric, score
from radapt.stats.bootstrap import bootstrap
from radapt.stats.shared_samples import SharedSamples

DRAWS = 60


def runs_of_two(copies: int = 3):
    return clustered(np.random.default_rng(0), 40, 2, 0.3, 1.5, copies)


@pytest.mark.parametrize("name", [*METRICS, "ppv@0.05"])
def test_samples_and_scores_are_those_of_each_run_alone(name):
    runs = runs_of_two()
    shared = SharedSamples(name, runs, draws=DRAWS, threshold=0.4)
    alone = bootstrap(lambda run, weights: metric(name)(run, weights, 0.4), runs, draws=DRAWS, seed=0)
    assert shared.samples(runs) == pytest.approx(alone, abs=1e-12, nan_ok=True)
    assert shared.scores(runs) == pytest.approx([score(name, run, 0.4) for run in runs], abs=1e-12)


def test_runs_are_picked_by_which_they_are_in_any_order():
    runs = runs_of_two()
    shared = SharedSamples("auroc", runs, draws=DRAWS)
    assert np.array_equal(shared.samples([runs[2], runs[0]]), shared.samples(runs)[[2, 0]])
    assert np.array_equal(shared.scores([runs[1]]), shared.scores(runs)[[1]])


def test_images_in_another_order_are_aligned_with_the_first_run():
    one, other = runs_of_two(2)
    turned = other.take(np.arange(len(other))[::-1])
    shared, expected = (SharedSamples("brier", [one, run], draws=DRAWS) for run in (turned, other))
    assert np.array_equal(shared.aligned([turned])[0].ids, one.ids)
    assert shared.samples([turned]) == pytest.approx(expected.samples([other]), abs=1e-12)


def test_three_classes_share_samples_too():
    runs = [random_three(60, seed=1), random_three(60, seed=1, levels=3)]
    shared = SharedSamples("balanced-accuracy", runs, draws=DRAWS)
    measure = partial(METRICS["balanced-accuracy"])
    assert shared.samples(runs) == pytest.approx(bootstrap(measure, runs, draws=DRAWS, seed=0), abs=1e-12)
    assert shared.size.effective_n == 20
