"""The power of a comparison, against its definition and against simulated test sets."""

import math
from dataclasses import replace

import numpy as np
import pytest

from radapt.predictions import Predictions
from radapt.stats.estimate import Estimate, minimum_detectable_difference, verdict
from radapt.stats.inference import difference
from radapt.stats.intervals import Z
from radapt.stats.power import Assumptions, Comparison, detectable_difference, power

SETS = 300
PATIENTS = 150


def test_the_detectable_difference_is_found_four_times_in_five():
    assert power(detectable_difference(0.02), 0.02) == pytest.approx(0.8, abs=1e-4)
    assert power(detectable_difference(0.02, 3.1), 0.02, 3.1) == pytest.approx(0.8, abs=1e-4)
    assert power(0.0, 0.02) == pytest.approx(0.05)
    assert power(-0.05, 0.02) == power(0.05, 0.02)


def test_it_is_the_detectable_difference_of_an_estimate():
    estimate = Estimate(0.1, 0.0, 0.2, 10, 10, se=0.05)
    assert detectable_difference(0.05) == minimum_detectable_difference(estimate)


def test_the_fewest_patients_are_enough_and_one_less_is_not():
    comparison = Comparison(deviation=0.5, seeds=0.01, rarest=0.3)
    enough = comparison.patients(0.1)
    assert comparison.power(0.1, enough) >= 0.8 > comparison.power(0.1, enough - 1)
    many = Comparison(deviation=0.5).patients(0.01)
    assert many == pytest.approx((0.5 * (Z + 0.8416) / 0.01) ** 2, rel=0.01), "as 1 / sqrt(n)"


def test_training_seeds_that_spread_too_much_need_no_more_patients():
    assert Comparison(deviation=0.5, seeds=0.04).patients(0.05) is None


def test_more_of_what_is_assumed_to_be_alike_needs_fewer_patients():
    assumed = Assumptions("balanced-accuracy", 0.8, 0.3)
    needed = [
        replace(assumed, **change).comparison(0.05).patients(0.05)
        for change in ({"model_correlation": 0.8}, {}, {"prevalence": 0.1}, {"model_correlation": 0.0})
    ]
    assert needed[0] < needed[1] < min(needed[2:])
    clustered = replace(assumed, images_per_patient=3, correlation=1.0).comparison(0.05).patients(0.05)
    assert clustered == needed[1], "images that are all alike add nothing"


def test_an_accuracy_is_of_independent_images_as_in_the_textbook():
    deviation = Assumptions("accuracy", 0.8, 0.5, model_correlation=0.0).comparison(0.1).deviation
    assert deviation == pytest.approx(math.sqrt(0.8 * 0.2 + 0.9 * 0.1))


def latent(rng, *, patients: int, images: int, of_models: float, of_patient: float) -> np.ndarray:
    """Draw normal numbers (2, patients * images), correlated between models and within a patient."""

    def pair(shape):
        common, own = rng.normal(size=shape), rng.normal(size=(2, *shape))
        return math.sqrt(of_models) * common + math.sqrt(1 - of_models) * own

    whole = math.sqrt(of_patient) * pair((patients, 1)) + math.sqrt(1 - of_patient) * pair((patients, images))
    return whole.reshape(2, -1)


def predictions(labels, scores, images) -> Predictions:
    ids = np.array([str(row) for row in range(len(labels))])
    patients = np.array([str(row // images) for row in range(len(labels))])
    return Predictions(np.stack([1 - scores, scores], 1), labels, patients, ids, ("NORMAL", "PNEUMONIA"))


def shown(metric, rng, make, images) -> tuple[float, float]:
    """Return how many simulated test sets show the better model, and the spread of the differences."""
    labels = np.repeat(np.arange(PATIENTS) % 10 < 4, images).astype(np.int64)
    found = []
    for _ in range(SETS):
        worse, better = make(rng, labels)
        pair = predictions(labels, better, images), predictions(labels, worse, images)
        found.append(difference(metric, [pair[0]], [pair[1]], draws=200))
    return (
        float(np.mean([verdict(each) == "better" for each in found])),
        float(np.std([each.value for each in found])),
    )


def test_the_power_of_balanced_accuracy_is_that_of_simulated_test_sets():
    from scipy.special import ndtri

    images, rng = 2, np.random.default_rng(0)
    score, gain, of_models, of_patient = 0.75, 0.09, 0.6, 0.5
    cuts = ndtri([[score], [score + gain]])
    many = latent(rng, patients=40_000, images=images, of_models=of_models, of_patient=of_patient) < cuts
    assumed = Assumptions(
        "balanced-accuracy",
        score,
        0.4,
        images,
        correlation=float(np.corrcoef(many[0, ::2], many[0, 1::2])[0, 1]),
        model_correlation=float(np.corrcoef(many)[0, 1]),
    )

    def make(rng, labels):
        right = (
            latent(rng, patients=PATIENTS, images=images, of_models=of_models, of_patient=of_patient) < cuts
        )
        return np.where(right, labels, 1 - labels) * 0.8 + 0.1

    share, spread = shown("balanced-accuracy", rng, make, images)
    comparison = assumed.comparison(gain)
    assert comparison.deviation / math.sqrt(PATIENTS) == pytest.approx(spread, rel=0.1)
    assert comparison.power(gain, PATIENTS) == pytest.approx(share, abs=0.07)
    assert 0.5 < share < 0.95


def test_the_power_of_an_auroc_is_that_of_simulated_test_sets():
    from scipy.special import expit, ndtri

    rng, score, gain = np.random.default_rng(1), 0.75, 0.08
    distances = math.sqrt(2) * ndtri([[score], [score + gain]])

    def make(rng, labels):
        noise = latent(rng, patients=PATIENTS, images=1, of_models=0.5, of_patient=0.0)
        return expit(noise + distances * labels)

    share, spread = shown("auroc", rng, make, 1)
    comparison = Assumptions("auroc", score, 0.4, model_correlation=0.5).comparison(gain)
    assert comparison.deviation / math.sqrt(PATIENTS) == pytest.approx(spread, rel=0.15)
    assert comparison.power(gain, PATIENTS) == pytest.approx(share, abs=0.1)
