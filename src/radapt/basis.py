"""What a metric rests on in a set of images: how many images, patients and independent facts."""

import math
from dataclasses import dataclass, replace

import numpy as np

from radapt.metrics import OF_FILMS, score
from radapt.predictions import Predictions


@dataclass(frozen=True, slots=True)
class Basis:
    """What a metric rests on in a set of images."""

    n: int
    patients: int
    trials: int  # how many independent facts, at the least
    unit: str  # what these are, in words
    having: int = 0  # patients of the finding, or of the smallest class of several
    others: int = 0  # patients of the other classes


def basis_of(metric: str, predictions: Predictions) -> Basis:
    """Give what a metric rests on.

    A mean over findings rests on no more than the finding with the fewest patients has.
    """
    if not predictions.exclusive:
        return _of_findings(metric, predictions)
    classes = np.unique(predictions.labels)
    if metric in ("sensitivity", "specificity"):
        positive = predictions.positive
        classes = np.array([positive if metric == "sensitivity" else 1 - positive])
    of_class = [np.unique(predictions.patients[predictions.labels == c]).size for c in classes]
    rows = np.isin(predictions.labels, classes)
    n, patients = int(rows.sum()), np.unique(predictions.patients[rows]).size
    if metric in OF_FILMS or len(of_class) < 2:
        return Basis(n, patients, patients, "patients")
    fewest = int(np.argmin(of_class))
    having = of_class[predictions.positive if predictions.binary else fewest]
    unit = f"patients of {predictions.classes[classes[fewest]]}"
    return Basis(n, patients, of_class[fewest], unit, having, sum(of_class) - having)


def _of_findings(metric: str, predictions: Predictions) -> Basis:
    each = [
        basis_of(metric, apart) for _, apart in predictions.apart() if not math.isnan(score(metric, apart))
    ]
    labelled = ~np.isnan(predictions.labels).all(axis=1)
    fewest = min(each, key=lambda basis: basis.trials, default=Basis(0, 0, 0, "patients"))
    patients = np.unique(predictions.patients[labelled]).size
    return replace(fewest, n=int(labelled.sum()), patients=patients)
