from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from prediction_samples import clustered, random_three

from radapt.metrics.table import METRICS, metric, score
from radapt.stats.bootstrap import bootstrap
from radapt.stats.shared_samples import SharedSamples, joined

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


def test_test_sets_of_the_same_patients_share_their_samples():
    one, other = runs_of_two(2)
    alone = [SharedSamples("auroc", [run], draws=DRAWS) for run in (one, other)]
    together, sets = joined([[one], [other]], [0, 0])
    shared = SharedSamples("auroc", together, sets=sets, draws=DRAWS)
    expected = np.stack([alone[0].samples([one])[0], alone[1].samples([other])[0]], axis=1)
    assert shared.samples_by_set(together)[0] == pytest.approx(expected, abs=1e-12)
    assert shared.samples(together)[0] == pytest.approx(expected.mean(axis=1), abs=1e-12)
    assert shared.scores(together) == pytest.approx([(score("auroc", one) + score("auroc", other)) / 2])
    assert shared.size.patients == alone[0].size.patients


def test_test_sets_of_other_patients_are_drawn_independently():
    one = runs_of_two(1)[0]
    together, sets = joined([[one], [one]], [0, 1])
    shared = SharedSamples("auroc", together, sets=sets, draws=1000)
    first, second = shared.samples_by_set(together)[0].T
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.12  # four standard errors
    assert first.std() == pytest.approx(second.std(), rel=0.15)
    assert shared.size.patients == 2 * len(set(one.patients.tolist()))


def test_a_test_set_of_some_of_the_patients_is_drawn_with_them():
    one = runs_of_two(1)[0]
    part = one.take(np.flatnonzero(np.arange(len(one)) % 4 < 2))
    together, sets = joined([[one], [part]], [0, 0])
    shared = SharedSamples("accuracy", together, sets=sets, draws=1000)
    first, second = shared.samples_by_set(together)[0].T
    assert np.corrcoef(first, second)[0, 1] > 0.5


def test_runs_are_the_same_where_they_rank_each_test_set_alike():
    one, other = runs_of_two(2)
    moved = replace(one, scores=one.scores**2 / (one.scores**2).sum(axis=1, keepdims=True))
    runs = [one, moved, other]
    assert SharedSamples("auroc", runs, draws=DRAWS).same([one], [moved])
    assert not SharedSamples("auroc", runs, draws=DRAWS).same([one], [other])
    assert not SharedSamples("brier", runs, draws=DRAWS).same([one], [moved])
    # Of one set the scores are squared and of the other they are not: together their order is another.
    together, sets = joined([[one, moved], [other, other]], [0, 0])
    shared = SharedSamples("auroc", together, sets=sets, draws=DRAWS)
    assert shared.same(together[:1], together[1:])
