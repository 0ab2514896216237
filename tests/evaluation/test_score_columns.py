from pathlib import Path

import numpy as np
import pytest

from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.score_columns import ScoreColumns, one_score, score_a_class

TABLE = Path("scores.csv")
PROBABILITIES = np.array([[0.1], [0.75], [0.5]])
NAMES = ("s:normal", "s:abnormal", "s:bad")
TEXTS = ["abnormal", "normal", "bad"]
SCORES = np.array([[0.2, 0.5, 0.3], [0.333, 0.333, 0.333], [0.0, 0.0, 1.0]])


def one(texts, positive=None):
    return one_score(TABLE, texts, PROBABILITIES, ScoreColumns(("prob",), ("label",), positive=positive))


def several(texts, scores=SCORES, **options):
    return score_a_class(TABLE, texts, scores, ScoreColumns(NAMES, ("y",), **options))


def test_a_score_is_of_the_finding_or_of_the_label_that_is_named():
    texts = ["NORMAL", "PNEUMONIA", "PNEUMONIA"]
    classes, labels, scores, notes = one(texts)
    assert (classes, labels.tolist(), notes) == (("NORMAL", "PNEUMONIA"), [0, 1, 1], ())
    assert scores.tolist() == [[0.9, 0.1], [0.25, 0.75], [0.5, 0.5]]
    classes, labels, scores, _ = one(texts, positive="NORMAL")
    assert (classes, labels.tolist()) == (("no NORMAL", "NORMAL"), [1, 0, 0])
    assert scores[:, 1].tolist() == [0.1, 0.75, 0.5]
    with pytest.raises(UnknownName):
        one(texts, positive="normal")


@pytest.mark.parametrize("texts", [["0", "1", "1"], ["0.0", "1.0", "1.0"], ["No", "yes", "yes"]])
def test_a_score_is_of_1_or_yes(texts):
    classes, labels, _, _ = one(texts)
    assert (classes, labels.tolist()) == (("no label", "label"), [0, 1, 1])


def test_it_is_asked_which_label_a_score_is_of_where_neither_is_the_absence_of_a_finding():
    with pytest.raises(AskedWrongly, match="--positive tuberculosis"):
        one(["pneumonia", "tuberculosis", "tuberculosis"])


def test_a_score_a_class_goes_with_names_or_numbers():
    classes, labels, scores, notes = several(TEXTS)
    assert (classes, labels.tolist()) == (("normal", "abnormal", "bad"), [1, 0, 2])
    assert scores[1].sum() == pytest.approx(1)
    assert "Scores of 1 image add up to 1 but for rounding" in notes[0]
    classes, labels, _, _ = several(["0", "1.0", "2"])
    assert (classes, labels.tolist()) == (NAMES, [0, 1, 2])
    classes, labels, _, _ = several(["x", "y", "z"], classes=("z", "x", "y"))
    assert (classes, labels.tolist()) == (("z", "x", "y"), [1, 2, 0])


def test_labels_and_scores_that_do_not_go_together_are_refused():
    with pytest.raises(AskedWrongly, match="Those in row 2 of scores.csv add up to 0.700"):
        several(TEXTS, scores=SCORES - [[0.0, 0.0, 0.3], [0, 0, 0], [0, 0, 0]])
    with pytest.raises(AskedWrongly, match="say which goes with which, as --classes"):
        several(["x", "normal", "bad"])
    with pytest.raises(AskedWrongly, match="Got several columns"):
        several(TEXTS, positive="bad")
