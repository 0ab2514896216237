"""No image is scored by a regression that was fitted on its patient."""

import numpy as np
import pytest

from radapt.shortcuts.out_of_fold import FOLDS, out_of_fold


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_what_a_patient_alone_shows_is_not_learnt(rng):
    patients = np.repeat(np.arange(30), 4).astype(np.str_)
    labels = np.repeat(rng.permutation(np.arange(30) % 2), 4)
    own = np.eye(30)[np.repeat(np.arange(30), 4)]  # names the patient, and nothing else
    scores = out_of_fold(own, labels, patients)
    assert scores.shape == (120, 2)
    assert np.allclose(scores.sum(axis=1), 1)
    assert (scores.argmax(axis=1) == labels).mean() < 0.6
    shown = np.column_stack([own, labels])
    assert (out_of_fold(shown, labels, patients).argmax(axis=1) == labels).mean() == 1


def test_a_class_that_the_other_patients_lack_scores_zero(rng):
    labels = np.r_[np.repeat([0, 1], 40), np.full(FOLDS, 2)]
    patients = np.r_[np.arange(80), np.full(FOLDS, 80)].astype(np.str_)
    scores = out_of_fold(rng.normal(size=(len(labels), 4)), labels, patients)
    assert (scores[labels == 2, 2] == 0).all()
