"""Linear probing, then fine-tuning: train the head alone, then all weights."""

from dataclasses import dataclass, replace
from typing import ClassVar

from radapt.adaptation.full import Full
from radapt.adaptation.head import Head
from radapt.adaptation.strategy import AdaptContext, AdaptResult
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier


@dataclass(frozen=True, slots=True)
class LinearThenFull(Full):
    """A fitted head keeps fine-tuning from distorting features (Kumar et al. 2022, arXiv:2202.10054)."""

    about: ClassVar[str] = "the head trained alone, then all weights fine-tuned"

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train the head of a copy, then fine-tune all of it at the low learning rate."""
        first = replace(conditions.phase("head"), rate=1.0, stop_at=None)
        probed = Head(self.recipe).adapt(base, target, valid, first)
        tuned = Full.adapt(self, probed.classifier, target, valid, conditions)
        return replace(tuned, notes={"head_epochs": len(probed.history)})
