"""Outliers: the distance of each image from a model's reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.drift.features import DriftFeatures
from radapt.models.classifier import Classifier
from radapt.models.inference import embed

FOLDS = 5
FAR = 95.0  # percentile of the reference's distances beyond which an image is an outlier


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Distances of images from a reference."""

    distance: NDArray[np.float64]  # (n,), Mahalanobis
    percentile: NDArray[np.float64]  # (n,), 0 to 100, among the reference's own distances


def distances(reference: DriftFeatures, features: NDArray[np.float32]) -> Distances:
    """Return Mahalanobis distances of new images' features, (n, d), from those of a reference.

    Lee et al. 2018 (NeurIPS 31), without classes; the covariance is shrunk (Ledoit & Wolf 2004). The
    distribution is fitted on four fifths of the reference's patients and compared with distances of the last
    fifth, five times (cross-conformal: Vovk 2015, Ann. Math. Artif. Intell. 74:9); without this all new
    images would seem far.
    """
    from sklearn.covariance import LedoitWolf

    folds = np.unique(reference.patients, return_inverse=True)[1] % FOLDS
    far, nearer = np.zeros(len(features)), np.zeros(len(features))
    for fold in range(FOLDS):
        measure = LedoitWolf().fit(reference.features[folds != fold])
        own = np.sort(measure.mahalanobis(reference.features[folds == fold]))
        squared = measure.mahalanobis(features)
        far += np.sqrt(squared) / FOLDS
        nearer += np.searchsorted(own, squared)
    return Distances(far, 100 * nearer / len(reference))


class ReferenceCheck:
    """Flags images that are unlike a model's reference, whose pixels it sees batch by batch."""

    def __init__(self, reference: DriftFeatures, classifier: Classifier, hardware: Hardware) -> None:
        self._reference, self._classifier, self._hardware = reference, classifier, hardware
        self._features: list[NDArray[np.float32]] = []

    def observe(self, pixels: NDArray[np.uint8]) -> None:
        """Take the features of images, (n, h, w)."""
        self._features.append(embed(self._classifier, pixels, self._hardware).numpy())

    def flags(self) -> list[dict[str, Any]]:
        """Return for each image "distance_percentile", 0 to 100, and "unlike_reference", beyond `FAR`."""
        percentiles = distances(self._reference, np.concatenate(self._features)).percentile
        return [
            {"distance_percentile": round(float(each), 1), "unlike_reference": bool(each > FAR)}
            for each in percentiles
        ]
