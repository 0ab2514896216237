"""Train the scales and offsets of the normalisation layers; all other weights are frozen."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adaptation.full import Full
from radapt.adaptation.strategy import AdaptContext, AdaptResult
from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo, parameter_info


@dataclass(frozen=True, slots=True)
class NormAffine(Full):
    """Trains about a thousand weights at a high learning rate (Frankle et al. 2021, arXiv:2003.00152)."""

    about: ClassVar[str] = "the scales and offsets of the normalisation layers trained, all else frozen"
    many_rate: ClassVar[float] = 1.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 30 for weights of normalisation layers and 0 for all others."""
        return 30.0 * place.norm

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train the normalisation layers of a copy."""
        if not any(place.norm for place in parameter_info(base).values()):
            raise AskedWrongly(
                f"The strategy 'norm-affine' trains normalisation layers: {base.spec.model!r} has none "
                "with weights."
            )
        return Full.adapt(self, base, target, valid, conditions)
