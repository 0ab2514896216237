"""Outliers: the distance of each image from a model's reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.drift.features import DriftFeatures
from radapt.models.classifier import Classifier
from radapt.models.inference import Embedding, logits_one_by_one

FOLDS = 5
FAR = 95.0  # percentile of the reference's distances beyond which an image is an outlier


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Distances of images from a reference."""

    distance: NDArray[np.float64]  # (n,), Mahalanobis
    percentile: NDArray[np.float64]  # (n,), 0 to 100, among the reference's own distances


class Reference:
    """The distribution of a reference's features, to which distances of other images are measured.

    Lee et al. 2018 (NeurIPS 31), without classes; the covariance is shrunk (Ledoit & Wolf 2004). It is fitted
    on four fifths of the reference's patients and compared with distances of the last fifth, five times
    (cross-conformal: Vovk 2015, Ann. Math. Artif. Intell. 74:9); without this all new images would seem far.
    """

    def __init__(self, reference: DriftFeatures) -> None:
        from sklearn.covariance import LedoitWolf

        folds = np.unique(reference.patients, return_inverse=True)[1] % FOLDS
        self._size, self._parts = len(reference), []
        for fold in range(FOLDS):
            measure = LedoitWolf().fit(reference.features[folds != fold])
            own = np.sort(measure.mahalanobis(reference.features[folds == fold]))
            self._parts.append((measure, own))

    def distances(self, features: NDArray[np.float32]) -> Distances:
        """Return the Mahalanobis distances of images' features, (n, d)."""
        far, nearer = np.zeros(len(features)), np.zeros(len(features))
        for measure, own in self._parts:
            squared = measure.mahalanobis(features)
            far += np.sqrt(squared) / FOLDS
            nearer += np.searchsorted(own, squared)
        return Distances(far, 100 * nearer / self._size)

    def flags(self, features: NDArray[np.float32]) -> list[dict[str, Any]]:
        """Return for each image "distance_percentile", 0 to 100, and "unlike_reference", beyond `FAR`."""
        return [
            {"distance_percentile": round(float(each), 1), "unlike_reference": bool(each > FAR)}
            for row in features  # one by one, so that the result depends on the image alone
            for each in self.distances(row[None]).percentile
        ]


def distances(reference: DriftFeatures, features: NDArray[np.float32]) -> Distances:
    """Return Mahalanobis distances of new images' features, (n, d), from those of a reference."""
    return Reference(reference).distances(features)


class ReferenceCheck:
    """Flags images that are unlike a model's reference, whose pixels it sees batch by batch."""

    def __init__(self, reference: DriftFeatures, classifier: Classifier, hardware: Hardware) -> None:
        self._reference, self._classifier, self._hardware = reference, classifier, hardware
        self._features: list[NDArray[np.float32]] = []

    def observe(self, pixels: NDArray[np.uint8]) -> None:
        """Take the features of images, (n, h, w)."""
        features = logits_one_by_one(Embedding(self._classifier), torch.from_numpy(pixels), self._hardware)
        self._features.append(features.numpy())

    def flags(self) -> list[dict[str, Any]]:
        """Return for each image "distance_percentile", 0 to 100, and "unlike_reference", beyond `FAR`."""
        return Reference(self._reference).flags(np.concatenate(self._features))
