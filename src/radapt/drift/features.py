"""Numbers that drift is tested on: a trunk's features, a model's scores, and grey statistics."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.drift.pixels import grey_statistics
from radapt.images.imageset import ImageSet
from radapt.labels import Labels, are_exclusive
from radapt.models.classifier import Classifier, probabilities
from radapt.models.inference import chunks, embed, logits_of
from radapt.predictions import Predictions


@dataclass(frozen=True, slots=True, eq=False)
class DriftFeatures:
    """Features, scores and labels of n images, without the images and without names."""

    features: NDArray[np.float32]  # (n, d), the trunk's output
    scores: NDArray[np.float32]  # (n, k), probabilities
    labels: Labels  # see `radapt.labels`; all NaN for unlabelled images
    patients: NDArray[np.int64]  # (n,), a number for each patient
    classes: tuple[str, ...]
    greys: NDArray[np.float32] | None = None  # (n, g), from `radapt.drift.pixels.grey_statistics`

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def labelled(self) -> bool:
        """Whether any image has a label."""
        return are_exclusive(self.labels) or bool((~np.isnan(self.labels)).any())

    @property
    def complete(self) -> bool:
        """Whether every image has a label."""
        return are_exclusive(self.labels) or bool((~np.isnan(self.labels)).any(axis=1).all())

    @property
    def people(self) -> int:
        """How many patients there are."""
        return len(np.unique(self.patients))

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | Sequence[int]) -> "DriftFeatures":
        """Return the images of these rows, in this order."""
        rows = np.asarray(rows)
        return DriftFeatures(
            self.features[rows],
            self.scores[rows],
            self.labels[rows],
            self.patients[rows],
            self.classes,
            None if self.greys is None else self.greys[rows],
        )

    def predictions(self) -> Predictions:
        """Return the scores as predictions, with numbers for the names of images and patients."""
        return Predictions(
            scores=self.scores.astype(np.float64),
            labels=self.labels,
            patients=self.patients.astype(np.str_),
            ids=np.arange(len(self)).astype(np.str_),
            classes=self.classes,
        )


def extract_features(classifier: Classifier, images: ImageSet, hardware: Hardware) -> DriftFeatures:
    """Run a model over images, in full precision, and measure their grey statistics."""
    features = embed(classifier, images.pixels, hardware)
    if classifier.spec.views == 1:
        logits = logits_of(classifier.head, features, hardware)
    else:
        logits = torch.cat([logits_of(classifier, chunk, hardware) for chunk in chunks(images.pixels)])
    return DriftFeatures(
        features=features.numpy(),
        scores=probabilities(logits, classifier.spec.outputs).numpy().astype(np.float32),
        labels=images.labels,
        patients=np.unique(images.patients, return_inverse=True)[1].astype(np.int64),
        classes=classifier.spec.classes,
        greys=grey_statistics(images.pixels),
    )
