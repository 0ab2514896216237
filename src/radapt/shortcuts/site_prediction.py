"""Whether the site of an image can be predicted from it, in a data set pooled from several sites.

What distinguishes sites may stand in for the finding where its prevalence differs between them (Zech et al.
2018, PLOS Medicine 15:e1002683). That a site can be predicted does not show that a model uses it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.images.columns import SITE
from radapt.images.imageset import ImageSet
from radapt.images.notice import Notice, as_rows
from radapt.predictions import Predictions
from radapt.shortcuts.baselines import thumbnail
from radapt.shortcuts.out_of_fold import out_of_fold
from radapt.stats.estimate import Estimate
from radapt.stats.inference import estimate

Floats = NDArray[np.float64]

WARN_ABOVE = 0.8  # AUROC
MIN_IMAGES, MIN_PATIENTS = 20, 10  # of a site; smaller sites are left out
MAX_IMAGES = 5000  # subsampled evenly


@dataclass(frozen=True, slots=True)
class SitePrediction:
    """How well the site of an image is predicted from some features of it."""

    features: str  # what they are, in words
    estimate: Estimate  # AUROC; with more than two sites the mean over each site against the others

    @property
    def warning(self) -> str:
        """A sentence if the AUROC is above `WARN_ABOVE`, else ""."""
        if not self.estimate.value > WARN_ABOVE:
            return ""
        return (
            f"The site of an image can be predicted from {self.features} with an AUROC of {self.estimate}, "
            "so what is common at a site may be learnt in place of the finding."
        )


def rows_of_large_sites(sites: NDArray[np.str_], patients: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the rows of images of sites that are large enough; none if fewer than two sites are.

    Parameters
    ----------
    sites, patients
        Of each image, (n,); an unknown site is "".
    """
    enough = [
        site
        for site in np.unique(sites[sites != ""]).tolist()
        if (sites == site).sum() >= MIN_IMAGES and len(np.unique(patients[sites == site])) >= MIN_PATIENTS
    ]
    rows = np.flatnonzero(np.isin(sites, enough)) if len(enough) > 1 else np.empty(0, dtype=np.intp)
    if len(rows) <= MAX_IMAGES:
        return rows
    return np.asarray(rows[((np.arange(MAX_IMAGES) + 0.5) * len(rows) / MAX_IMAGES).astype(np.intp)])


def predict_sites(features: Floats, sites: NDArray[np.str_], patients: NDArray[np.str_]) -> Estimate:
    """Estimate how well a logistic regression predicts sites, cross-validated by patient.

    Parameters
    ----------
    features
        (n, d), of images that `rows_of_large_sites` returns.
    sites, patients
        Of each image, (n,).

    Returns
    -------
    Estimate
        AUROC, with an interval by bootstrap of patients.
    """
    names, labels = np.unique(sites, return_inverse=True)
    scores = out_of_fold(features, labels, patients)
    ids = np.arange(len(labels)).astype(np.str_)
    classes = tuple(names.tolist())
    return estimate("auroc", [Predictions(scores, labels.astype(np.int64), patients, ids, classes)])


def site_record(
    images: ImageSet, features: Callable[[NDArray[np.uint8]], Floats]
) -> Mapping[str, Any] | None:
    """Estimate how well sites are predicted from a thumbnail and from a model's features, ready for JSON.

    Parameters
    ----------
    features
        Returns the model's features (n, d) of pixels (n, h, w).

    Returns
    -------
    dict or None
        "images" of each site, "predictions" (rows of features, auroc, low, high), and "warnings", notices.
        None where fewer than two sites are large enough.
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
    predictions = [
        SitePrediction(about, predict_sites(values, where, whose)) for about, values in numbers.items()
    ]
    return {
        "images": dict(zip(*(each.tolist() for each in np.unique(where, return_counts=True)), strict=True)),
        "predictions": [
            {
                "features": each.features,
                "auroc": each.estimate.value,
                "low": each.estimate.low,
                "high": each.estimate.high,
            }
            for each in predictions
        ],
        "warnings": as_rows(Notice("site", "caution", each.warning) for each in predictions if each.warning),
    }
