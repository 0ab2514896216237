import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from radapt.stats.penalised_logistic import Axes, fit_penalised, losses_of

PENALTIES = (100.0, 3.0)


def drawn(images, features, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(images, features)) * rng.uniform(0.2, 3, features)
    logits = values @ rng.normal(size=(features, classes)) + 3 * rng.gumbel(size=(images, classes))
    return values - values.mean(axis=0), logits.argmax(axis=1)


@pytest.mark.parametrize(("images", "features"), [(60, 200), (300, 20)], ids=["wide", "tall"])
def test_each_penalty_gives_what_scikit_learn_gives(images, features):
    values, labels = drawn(images, features)
    axes = Axes.of(values)
    targets, ones = np.eye(2)[labels], np.ones((images, 2))
    fits = list(fit_penalised(axes, targets, ones, PENALTIES, exclusive=False))
    for penalty, (coefficients, offsets) in zip(PENALTIES, fits, strict=True):
        peer = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=5000).fit(values, labels)
        np.testing.assert_allclose((axes.vectors @ coefficients)[:, 1], peer.coef_[0], atol=1e-4)
        assert offsets[1] == pytest.approx(peer.intercept_[0], abs=1e-3)


def test_exclusive_classes_are_a_multinomial_regression():
    values, labels = drawn(200, 12, classes=3)
    axes = Axes.of(values)
    ((coefficients, _),) = fit_penalised(axes, np.eye(3)[labels], np.ones((200, 3)), [5.0], exclusive=True)
    peer = LogisticRegression(C=1 / 5, tol=1e-10, max_iter=5000).fit(values, labels)
    np.testing.assert_allclose((axes.vectors @ coefficients).T, peer.coef_, atol=1e-4)


def test_a_weight_counts_as_so_many_images_and_what_weighs_nothing_is_not_looked_at():
    values, labels = drawn(50, 8)
    twice = np.concatenate([values, values[:25]]), np.concatenate([labels, labels[:25]])
    weights = np.where(np.arange(60) < 25, 2.0, np.where(np.arange(60) < 50, 1.0, 0.0))[:, None] * np.ones(2)
    padded = np.concatenate([values, 9 * values[:10]]), np.concatenate([labels, 1 - labels[:10]])
    found = []
    for (rows, given), how in ((twice, np.ones((75, 2))), (padded, weights)):
        axes = Axes.of(rows)
        ((coefficients, offsets),) = fit_penalised(axes, np.eye(2)[given], how, [2.0], exclusive=True)
        found.append((axes.vectors @ coefficients, offsets))
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-4)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-3)


def test_one_class_alone_has_a_finite_offset_and_no_coefficients():
    values, _ = drawn(20, 5)
    axes = Axes.of(values)
    ((coefficients, offsets),) = fit_penalised(
        axes, np.zeros((20, 1)), np.ones((20, 1)), [1.0], exclusive=False
    )
    assert np.abs(coefficients).max() < 0.01
    assert -15 < offsets[0] < -5


def test_no_more_axes_than_images_or_than_directions_that_differ():
    values, _ = drawn(10, 40)
    axes = Axes.of(values)
    assert axes.vectors.shape == (40, 9), "their mean is 0"
    np.testing.assert_allclose(axes.rows @ axes.vectors.T, values, atol=1e-9)
    np.testing.assert_allclose(axes.vectors.T @ axes.vectors, np.eye(9), atol=1e-9)
    assert Axes.of(np.zeros((6, 4))).rows.shape == (6, 0)


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_gradient_is_that_of_the_loss(exclusive):
    rng = np.random.default_rng(2)
    logits, targets = rng.normal(size=(4, 3)), np.eye(3)[[0, 1, 2, 1]]
    losses, gradient = losses_of(logits, targets, exclusive=exclusive)
    moved = logits.copy()
    moved[2, 1] += 1e-6
    change = (losses_of(moved, targets, exclusive=exclusive)[0] - losses)[2, 1] / 1e-6
    assert change == pytest.approx(gradient[2, 1], abs=1e-5)
