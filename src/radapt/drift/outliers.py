"""Outliers: the distance of each image from a model's reference."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.drift.features import DriftFeatures

FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Distances of images from a reference."""

    distance: NDArray[np.float64]  # (n,), Mahalanobis
    percentile: NDArray[np.float64]  # (n,), 0 to 100, among the reference's own distances


def distances(reference: DriftFeatures, new: DriftFeatures) -> Distances:
    """Return Mahalanobis distances of new images' features from those of a reference.

    Lee et al. 2018 (NeurIPS 31), without classes; the covariance is shrunk (Ledoit & Wolf 2004). The
    distribution is fitted on four fifths of the reference's patients and compared with distances of the last
    fifth, five times (cross-conformal: Vovk 2015, Ann. Math. Artif. Intell. 74:9); without this all new
    images would seem far.
    """
    from sklearn.covariance import LedoitWolf

    folds = np.unique(reference.patients, return_inverse=True)[1] % FOLDS
    far, nearer = np.zeros(len(new)), np.zeros(len(new))
    for fold in range(FOLDS):
        measure = LedoitWolf().fit(reference.features[folds != fold])
        own = np.sort(measure.mahalanobis(reference.features[folds == fold]))
        squared = measure.mahalanobis(new.features)
        far += np.sqrt(squared) / FOLDS
        nearer += np.searchsorted(own, squared)
    return Distances(far, 100 * nearer / len(reference))
