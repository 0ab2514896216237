"""Outliers are measured against the reference's own distances."""

import numpy as np
from drift_samples import patients

from radapt.drift.outliers import distances


def test_of_images_like_the_reference_one_in_twenty_is_farther_than_its_95th_percentile():
    rng = np.random.default_rng(0)
    far = distances(patients(150, rng, width=12), patients(400, rng, width=12).features).percentile
    assert 0.02 < (far > 95).mean() < 0.09
    assert 40 < np.median(far) < 60


def test_a_image_unlike_any_of_the_reference_is_beyond_all_of_them():
    rng = np.random.default_rng(0)
    new = patients(30, rng)
    new.features[7] = 25
    found = distances(patients(60, rng), new.features)
    assert found.percentile[7] == 100
    assert found.distance.argmax() == 7
