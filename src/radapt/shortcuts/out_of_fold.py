"""Probabilities for each image from a logistic regression that was not fitted on its patient."""

import numpy as np
from numpy.typing import NDArray

from radapt.shortcuts.baselines import fit_logistic_baseline

Floats = NDArray[np.float64]

FOLDS = 5


def out_of_fold(features: Floats, labels: NDArray[np.int64], patients: NDArray[np.str_]) -> Floats:
    """Return the probability of each class, cross-validated by patient.

    Parameters
    ----------
    features
        (n, d).
    labels
        (n,), from 0 to k - 1; each class with at least `FOLDS` images.
    patients
        (n,), at least `FOLDS` different ones.

    Returns
    -------
    NDArray[np.float64]
        (n, k); 0 for a class that the images of the other patients lack.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # importing takes seconds

    scores = np.zeros((len(labels), int(labels.max()) + 1))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(features, labels, patients):
        model = fit_logistic_baseline(features[train], labels[train])
        scores[test[:, None], model.classes_] = model.predict_proba(features[test])
    return scores
