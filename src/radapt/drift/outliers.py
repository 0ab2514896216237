"""How far each image is from those that a model was made for, image by image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.drift.features import DriftFeatures

FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """How far images are from a reference."""

    distance: NDArray[np.float64]  # (n,), in spreads of the reference along each direction
    percentile: NDArray[np.float64]  # (n,), which share of the reference's own images is nearer, 0 to 100


def distances(reference: DriftFeatures, new: DriftFeatures) -> Distances:
    """Measure how far features of images are from those of a reference, as Mahalanobis distances.

    Lee et al. 2018 (NeurIPS 31), without classes; the covariance is shrunk (Ledoit & Wolf 2004). Images of
    the reference are measured by the patients of the other four fifths, and new images against each fifth by
    the same measure (cross-conformal: Vovk 2015, Ann. Math. Artif. Intell. 74:9), or they would all look far.
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
