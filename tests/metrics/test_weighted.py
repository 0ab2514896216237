import numpy as np
import pytest
from prediction_samples import SIX, random_three, two
from sklearn import metrics as sk

from radapt.errors import AskedWrongly
from radapt.metrics.table import score
from radapt.metrics.weighted import (
    macro_averaged,
    mean,
    present,
    ratio,
    require_binary,
    scored_classes,
    share,
)
from radapt.predictions import Predictions


def test_a_class_without_images_is_left_out_of_the_mean_of_classes():
    predictions = random_three(90, seed=3)
    there = predictions.take(predictions.labels != 2)
    areas = [sk.roc_auc_score(there.labels == c, there.scores[:, c]) for c in (0, 1)]
    assert score("auroc", there) == pytest.approx(np.mean(areas), abs=1e-12)
    recalls = [np.mean(there.decide()[there.labels == c] == c) for c in (0, 1)]
    assert score("balanced-accuracy", there) == pytest.approx(np.mean(recalls), abs=1e-12)


def test_a_ratio_of_nothing_is_not_a_number():
    assert ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0])) == pytest.approx([0.25, np.nan], nan_ok=True)


def test_a_share_is_weighted():
    of, among = np.array([True, True, False]), np.array([True, False, True])
    weights = np.array([[1.0, 1, 1], [3.0, 9, 1], [0.0, 9, 0]])
    assert share(of, among, weights) == pytest.approx([0.5, 0.75, np.nan], nan_ok=True)


def test_a_mean_of_metrics_goes_row_by_row():
    assert mean([np.array([0.0, 1.0]), np.array([1.0, 1.0])]).tolist() == [0.5, 1.0]


def test_of_two_classes_the_positive_one_is_scored_and_of_three_all_that_have_images():
    assert scored_classes(SIX).tolist() == [1]
    assert scored_classes(two([0.1, 0.2], [0, 0])).tolist() == []
    three = random_three(30, seed=1)
    assert scored_classes(three.take(three.labels != 1)).tolist() == [0, 2]
    assert present(three).tolist() == [0, 1, 2]


def test_three_classes_are_refused_where_two_are_needed():
    require_binary("A ROC curve", SIX)
    with pytest.raises(AskedWrongly, match="A ROC curve is only for two classes.*have 3: a, b, c"):
        require_binary("A ROC curve", random_three(9, seed=0))


def test_over_labels_a_metric_is_the_mean_of_those_for_which_it_is_defined():
    labels = np.array([[1, 0, 0], [0, 1, 0], [1, np.nan, 0], [0, 0, 0]], dtype=np.float32)
    names = np.arange(4).astype(np.str_)
    given = Predictions(np.full((4, 3), 0.5), labels, names, names, ("mass", "nodule", "hernia"))

    @macro_averaged
    def prevalence(predictions, weights, _threshold=0.5, /):
        positive = predictions.labels == 1
        whole = np.ones(len(predictions), dtype=bool)
        return share(positive, whole, weights) if positive.any() else np.full(len(weights), np.nan)

    assert prevalence(given, np.ones((1, 4))) == pytest.approx([(2 / 4 + 1 / 3) / 2])
