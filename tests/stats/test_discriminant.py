import numpy as np
import pytest

from radapt.stats.discriminant import discriminants


def drawn(images, features, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % 3 % 2
    rows = rng.normal(size=(images, features)) * rng.uniform(0.2, 2, features) + 1.5 * labels[:, None]
    return rows - rows.mean(axis=0), labels


def test_an_image_is_compared_with_class_means_by_the_covariance_within_classes():
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rows, labels = drawn(20_000, 3)  # so many that next to nothing is shrunk
    coefficients, offsets, shrinkage = discriminants(rows, np.eye(2)[labels])
    peer = LinearDiscriminantAnalysis().fit(rows, labels).decision_function(rows)
    own = rows @ (coefficients[:, 1] - coefficients[:, 0]) + offsets[1] - offsets[0]
    assert shrinkage < 1e-3
    np.testing.assert_allclose(own, peer, atol=0.1)


def test_the_shrinkage_is_that_of_ledoit_and_wolf_and_falls_with_more_images():
    from sklearn.covariance import ledoit_wolf_shrinkage

    found = []
    for images in (20, 2000):
        rows, labels = drawn(images, 8)
        members = np.eye(2)[labels]
        inner = rows - members @ (members.T @ rows / members.sum(axis=0)[:, None])
        *_, shrinkage = discriminants(rows, members)
        assert shrinkage == pytest.approx(ledoit_wolf_shrinkage(inner, assume_centered=True), rel=1e-6)
        found.append(shrinkage)
    assert found[1] < 0.1 < found[0]


def test_one_image_of_each_class_is_compared_by_distance_alone():
    rows = np.array([[1.0, 0.0], [-1.0, 0.0]])
    coefficients, offsets, shrinkage = discriminants(rows, np.eye(2))
    assert shrinkage == 1
    logits = rows @ coefficients + offsets
    assert np.abs(logits).max() < 10
    assert (logits.argmax(axis=1) == [0, 1]).all()
