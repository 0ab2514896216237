"""A model that calls nearly all images one class is named, with numbers."""

import numpy as np
import pytest
from prediction_samples import two

from radapt.evaluation.one_class import one_class_notice
from radapt.predictions import Predictions


def balanced(called: int, right: int) -> Predictions:
    """200 images, 100 with the finding; `called` are called positive, `right` of them having it."""
    labels = np.arange(200) < 100
    positive = np.where(labels, np.arange(200) < right, np.arange(200) - 100 < called - right)
    return two(np.where(positive, 0.6, 0.4), labels)


def texts(predictions: Predictions) -> list[str]:
    return [notice.text for notice in one_class_notice(predictions, "The base model", "test image")]


def test_a_model_that_calls_nearly_all_images_positive_is_named_with_numbers():
    (notice,) = one_class_notice(balanced(198, 100), "The base model", "test image")
    assert (notice.kind, notice.severity) == ("one-class", "caution")
    assert notice.text == (
        "The base model calls 198 of 200 test images PNEUMONIA at threshold 0.5, among them 98 of the 100 "
        "that are not; a threshold chosen on validation images, or recalibration, may help."
    )


@pytest.mark.parametrize(
    ("called", "right", "warned"),
    [(0, 0, 1), (10, 5, 1), (11, 5, 0), (100, 50, 0), (189, 94, 0), (190, 100, 1), (190, 95, 1)],
)
def test_nearly_all_begins_at_95_percent_either_way(called, right, warned):
    assert len(texts(balanced(called, right))) == warned


def test_a_rare_finding_that_is_found_is_no_fault_and_one_that_is_missed_is():
    labels = np.arange(200) < 8
    assert texts(two(np.where(labels, 0.9, 0.1), labels)) == []
    (text,) = texts(two(np.full(200, 0.1), labels))
    assert "calls 200 of 200 test images NORMAL at threshold 0.5, among them 8 of the 8 that are not" in text


def test_images_of_one_class_alone_show_nothing():
    assert texts(two(np.full(50, 0.9), np.ones(50))) == []
    assert texts(two(np.full(50, 0.9), np.arange(50) > 3)) == []


def test_of_three_classes_the_most_probable_counts_and_no_threshold_is_advised():
    names = np.arange(30).astype(np.str_)
    scores = np.tile([0.5, 0.3, 0.2], (30, 1))
    (text,) = texts(Predictions(scores, np.arange(30) % 3, names, names, ("a", "b", "c")))
    assert "calls 30 of 30 test images a by the most probable class, among them 20 of the 20" in text
    assert text.endswith("that are not; recalibration may help.")


def test_findings_are_named_in_one_notice():
    names = np.arange(20).astype(np.str_)
    labels = np.stack([np.arange(20) % 2] * 3, axis=1).astype(np.float32)
    labels[:8, 0] = np.nan
    scores = np.stack([np.full(20, 0.1), np.full(20, 0.9), labels[:, 2] * 0.8 + 0.1], axis=1)
    (text,) = texts(Predictions(scores, labels, names, names, ("Effusion", "Mass", "Edema")))
    assert (
        "calls 12 of 12 test images no Effusion at threshold 0.5, among them 6 of the 6 that are not" in text
    )
    assert "and likewise Mass; a threshold" in text
    assert "Edema" not in text
