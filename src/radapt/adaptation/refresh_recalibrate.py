"""New batch normalisation statistics, then recalibration: the baseline that retraining has to beat."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adaptation.norm_refresh import NormRefresh
from radapt.adaptation.recalibrate import Recalibrate
from radapt.adaptation.strategy import AdaptContext, AdaptResult
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier


@dataclass(frozen=True, slots=True)
class RefreshThenRecalibrate(Recalibrate):
    """`norm-refresh` on the labelled images, then `recalibrate` on the same images."""

    about: ClassVar[str] = "batch normalisation statistics recomputed, then temperature and biases fitted"
    updates_statistics: ClassVar[bool] = True
    on_scores: ClassVar[bool] = False

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Return a copy of the base with new statistics and a scaled and shifted last layer."""
        refreshed = NormRefresh().adapt(base, target, valid, conditions)
        return Recalibrate.adapt(self, refreshed.classifier, target, valid, conditions)
