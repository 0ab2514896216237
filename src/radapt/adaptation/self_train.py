"""Train the model on its own confident predictions (pseudo-labels)."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from radapt.adaptation.full import Full
from radapt.adaptation.strategy import AdaptContext, AdaptResult
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.inference import predict


@dataclass(frozen=True, slots=True)
class SelfTrain(Full):
    """Pseudo-labels (Lee 2013), balanced: as many of each class as of the rarest, most confident first.

    An image gets a pseudo-label where the probability of its predicted class is `sure` or more. With several
    labels each is thresholded separately. If a class has fewer than `min_images` such images, the result
    is the base model.
    """

    sure: float = 0.9  # minimum probability
    min_images: int = 8  # minimum images per class

    needs: ClassVar[str] = "unlabelled"
    about: ClassVar[str] = "all weights fine-tuned on the model's own confident predictions, without labels"
    few_rates: ClassVar[tuple[float, ...]] = ()

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,
    ) -> AdaptResult:
        """Return a copy trained on the base's confident predictions."""
        scores = predict(base, target, conditions.hardware).scores
        chosen = (
            self._of_findings(target, scores) if not target.exclusive else self._of_classes(target, scores)
        )
        if chosen is None:
            from radapt.adaptation.none import NoAdaptation

            unadapted = NoAdaptation().adapt(base, target, None, conditions)
            return replace(unadapted, notes={"images_sure_of": 0})
        tuned = Full.adapt(self, base, chosen, None, replace(conditions, few=True))
        return replace(tuned, notes={"images_sure_of": len(chosen)})

    def _of_classes(self, images: ImageSet, scores: NDArray[np.float64]) -> ImageSet | None:
        """Return the images with pseudo-labels (n,) of exclusive classes; None if there are too few."""
        predicted, surest = scores.argmax(axis=1), scores.max(axis=1)
        order = np.argsort(-surest, kind="stable")
        order = order[surest[order] >= self.sure]
        of_class = [order[predicted[order] == one] for one in range(len(images.classes))]
        count = min(map(len, of_class))
        if count < self.min_images:
            return None
        rows = np.sort(np.concatenate([rows[:count] for rows in of_class]))
        return replace(images.take(rows), labels=predicted[rows].astype(np.int64))

    def _of_findings(self, images: ImageSet, scores: NDArray[np.float64]) -> ImageSet | None:
        """Return the images with pseudo-labels (n, k) of 1, 0 or NaN (unsure); None if there are too few."""
        labels = np.where(scores >= self.sure, 1.0, np.where(scores <= 1 - self.sure, 0.0, np.nan))
        rows = np.flatnonzero(~np.isnan(labels).all(axis=1))
        if len(rows) < self.min_images * len(images.classes):
            return None
        return replace(images.take(rows), labels=labels[rows].astype(np.float32))
