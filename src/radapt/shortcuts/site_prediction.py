"""Whether an image gives away where it was taken, in a set pooled of several sites.

What tells sites apart may stand in for the finding where the sites differ in how common it is (Zech et al.
2018, PLOS Medicine 15:e1002683). That a site can be told does not show that a model does so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.images.columns import SITE
from radapt.images.imageset import ImageSet
from radapt.predictions import Predictions
from radapt.shortcuts.baselines import fit_logistic_baseline, thumbnail
from radapt.stats.estimate import Estimate
from radapt.stats.inference import estimate

Floats = NDArray[np.float64]

WARN_ABOVE = 0.8  # AUROC from where on a site is said to be given away
FEWEST_IMAGES, FEWEST_PATIENTS = 20, 10  # of a site; smaller ones are left out
MAX_IMAGES = 5000  # images, evenly spread
FOLDS = 5


@dataclass(frozen=True, slots=True)
class SitePrediction:
    """How well the site of an image can be told from some numbers of it."""

    seen: str  # what the numbers are, in words
    estimate: Estimate  # AUROC; of more than two sites the mean of each against the others

    @property
    def warning(self) -> str:
        """Say so in a sentence; "" up to `WARNED`."""
        if not self.estimate.value > WARN_ABOVE:
            return ""
        return (
            f"The site of an image can be told from {self.seen} with an AUROC of {self.estimate}, so what is "
            "common at a site may be learnt in place of the finding."
        )


def rows_of_large_sites(sites: NDArray[np.str_], patients: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the rows of the images of sites that are large enough to be told apart; none of fewer than two.

    Parameters
    ----------
    sites, patients
        Of each image, (n,); a site is "" where it is not known.
    """
    enough = [
        site
        for site in np.unique(sites[sites != ""]).tolist()
        if (sites == site).sum() >= FEWEST_IMAGES
        and len(np.unique(patients[sites == site])) >= FEWEST_PATIENTS
    ]
    rows = np.flatnonzero(np.isin(sites, enough)) if len(enough) > 1 else np.empty(0, dtype=np.intp)
    if len(rows) <= MAX_IMAGES:
        return rows
    return np.asarray(rows[((np.arange(MAX_IMAGES) + 0.5) * len(rows) / MAX_IMAGES).astype(np.intp)])


def predict_sites(numbers: Floats, sites: NDArray[np.str_], patients: NDArray[np.str_]) -> Estimate:
    """Say how well a logistic regression tells sites apart, cross-validated by patient.

    Parameters
    ----------
    numbers
        (n, d), of images that `pooled` gave.
    sites, patients
        Of each, (n,).

    Returns
    -------
    Estimate
        AUROC, with an interval drawn by patient.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    names, labels = np.unique(sites, return_inverse=True)
    scores = np.zeros((len(labels), len(names)))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for rest, own in folds.split(numbers, labels, patients):
        model = fit_logistic_baseline(numbers[rest], labels[rest])
        scores[own[:, None], model.classes_] = model.predict_proba(numbers[own])
    ids = np.arange(len(labels)).astype(np.str_)
    classes = tuple(names.tolist())
    return estimate("auroc", [Predictions(scores, labels.astype(np.int64), patients, ids, classes)])


def site_record(
    images: ImageSet, features: Callable[[NDArray[np.uint8]], Floats]
) -> Mapping[str, Any] | None:
    """Say how well sites can be told from a thumbnail and from what a model makes of images, ready for JSON.

    Parameters
    ----------
    features
        Gives what the model makes of pixels (n, h, w): (n, d).

    Returns
    -------
    dict or None
        "images" of each site, "told" (seen, auroc, low, high), and "warnings", sentences. None where the
        images are not of two sites or more that are large enough.
    """
    sites = images.columns.get(SITE)
    rows = np.empty(0, dtype=np.intp) if sites is None else rows_of_large_sites(sites, images.patients)
    if sites is None or not len(rows):
        return None
    pixels, where, whose = images.take(rows).pixels, sites[rows], images.patients[rows]
    numbers = {
        "8 x 8 grey levels": thumbnail(pixels),
        "the features of this model": features(pixels),
    }
    told = [SitePrediction(seen, predict_sites(values, where, whose)) for seen, values in numbers.items()]
    return {
        "images": dict(zip(*(each.tolist() for each in np.unique(where, return_counts=True)), strict=True)),
        "told": [
            {
                "seen": each.seen,
                "auroc": each.estimate.value,
                "low": each.estimate.low,
                "high": each.estimate.high,
            }
            for each in told
        ],
        "warnings": [each.warning for each in told if each.warning],
    }
