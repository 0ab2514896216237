import numpy as np
import pytest
from prediction_samples import clustered, random_two

from radapt.stats.bootstrap import average_over_seeds, bootstrap, draw_weights


def test_a_drawn_patient_brings_all_its_images():
    patients = np.array(["a", "b", "a", "c", "b", "d", "a"])
    labels = np.array([0, 0, 0, 1, 0, 1, 0])
    weights = draw_weights(labels, patients, 200, np.random.default_rng(0))
    assert weights.shape == (200, 7)
    for one in "abcd":
        assert (weights[:, patients == one] == weights[:, patients == one][:, :1]).all()


def test_every_sample_has_as_many_patients_of_each_class_as_there_are():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 90)
    patients = np.array(
        [f"{label} {number}" for label, number in zip(labels, rng.integers(0, 12, 90), strict=True)]
    )
    weights = draw_weights(labels, patients, 300, rng)
    first = np.unique(patients, return_index=True)[1]
    for which in range(3):
        mine = first[labels[first] == which]
        assert (weights[:, mine].sum(axis=1) == len(mine)).all()
        assert weights[:, mine].mean(axis=0) == pytest.approx(np.ones(len(mine)), abs=0.3)
        assert weights[:, mine].var() == pytest.approx(1 - 1 / len(mine), abs=0.1)


def test_a_patient_alone_with_its_mixture_is_drawn_among_those_of_its_main_class():
    patients = np.array(["a", "b", "c", "d", "both", "both", "both"])
    labels = np.array([0, 0, 1, 1, 1, 0, 1])
    weights = draw_weights(labels, patients, 500, np.random.default_rng(0))
    assert set(np.unique(weights[:, 4])) == {0, 1, 2, 3}  # of three patients: c, d, both
    assert (weights[:, [2, 3, 4]].sum(axis=1) == 3).all()
    assert (weights[:, [0, 1]].sum(axis=1) == 2).all()


def test_patients_who_share_a_mixture_are_a_group_of_their_own():
    patients = np.array(["a", "b", "c", "d", "x", "x", "y", "y"])
    labels = np.array([0, 0, 1, 1, 0, 1, 1, 0])
    weights = draw_weights(labels, patients, 100, np.random.default_rng(0))
    assert (weights[:, 4] + weights[:, 6] == 2).all()


def test_a_image_is_drawn_alike_in_any_order_of_images():
    predictions = clustered(np.random.default_rng(0), 30, 3, 0.5, 1.0)[0]
    order = np.random.default_rng(1).permutation(len(predictions))
    straight = draw_weights(predictions.labels, predictions.patients, 50, np.random.default_rng(2))
    mixed = draw_weights(predictions.labels[order], predictions.patients[order], 50, np.random.default_rng(2))
    assert (straight[:, order] == mixed).all()


def test_without_a_sample_in_which_it_is_defined_there_is_nothing_to_average():
    nothing = average_over_seeds(np.zeros((2, 0)), np.random.default_rng(0))
    assert nothing.shape == (0,)


def test_equal_runs_add_nothing_to_their_average():
    by_run = np.tile(np.linspace(0, 1, 50), (3, 1))
    assert average_over_seeds(by_run, np.random.default_rng(0)) == pytest.approx(by_run[0], abs=1e-12)


def test_metrics_and_models_of_the_same_patients_share_their_samples():
    one, other, drawn = random_two(60, 9, 0), random_two(60, 7, 0), []

    def measure(_, weights):
        drawn.append(weights)
        return weights.sum(axis=1)

    for run, seed in ((one, 3), (other, 3), (one, 4)):
        bootstrap(measure, [run], draws=50, seed=seed)
    assert drawn[0] is drawn[1]
    assert not np.array_equal(drawn[0], drawn[2])
    again = draw_weights(one.labels, one.patients, 50, np.random.default_rng([3, 0]))
    assert np.array_equal(drawn[0], again)
    with pytest.raises(ValueError, match="read-only"):
        drawn[0][0, 0] = 1
