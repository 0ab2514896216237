"""Images whose answers changed are those that both models label differently, and no other."""

import numpy as np
import pytest

from radapt.errors import UnknownName
from radapt.predictions import Predictions
from radapt.serving.study_changes import changed_images, open_study


def two(positive, labels, ids) -> Predictions:
    high = np.asarray(positive)
    names = np.array(list(ids))
    scores = np.stack([1 - high, high], axis=1)
    return Predictions(scores, np.array(labels), names, names, ("NORMAL", "PNEUMONIA"))


def test_gained_and_lost_are_told_apart_by_the_true_label():
    before = two([0.2, 0.8, 0.4, 0.6], [1, 1, 0, 0], "abcd")
    after = two([0.7, 0.9, 0.3, 0.51, 0.9], [0, 0, 1, 1, 1], "dcbae")
    found = changed_images(before, after)
    assert [(each.id, each.kind) for each in found] == [("b", "lost"), ("c", "lost"), ("a", "gained")]
    assert [(each.before, each.after, each.truth) for each in found[::2]] == [
        ("PNEUMONIA", "NORMAL", "PNEUMONIA"),
        ("NORMAL", "PNEUMONIA", "PNEUMONIA"),
    ]
    assert (found[2].before_score, found[2].after_score) == (0.2, 0.51)
    assert [each.row for each in found] == [2, 1, 3]


def test_findings_change_as_a_whole():
    def several(scores, labels):
        ids = np.array(["a", "b"])
        return Predictions(np.array(scores), np.array(labels, np.float32), ids, ids, ("edema", "mass"))

    labels = [[1, 0], [1, np.nan]]
    before, after = several([[0.9, 0.9], [0.9, 0.1]], labels), several([[0.9, 0.1], [0.1, 0.1]], labels)
    found = changed_images(before, after)
    assert [(each.before, each.after, each.truth, each.kind) for each in found] == [
        ("edema|mass", "edema", "edema", "gained"),
        ("edema", "none", "", "other"),
    ]


def test_a_study_counts_what_its_page_lists(study, study_images):
    view = open_study(study, study_images)
    assert len(view.rows()) == 1 + len(view.cells)
    with pytest.raises(UnknownName):
        view.changed("../base")
    for row in view.rows()[1:]:
        assert sum(row.changed.values()) == len(view.changed(row.name))
        assert " [" in row.score
    assert view.pixels("../../etc/passwd") is None
    assert view.pixels("/etc/passwd") is None
