"""Only the scales and offsets of the normalisation layers are trained."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adapt.full import Full
from radapt.adapt.strategy import AdaptContext, AdaptResult
from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo, parameter_info


@dataclass(frozen=True, slots=True)
class NormAffine(Full):
    """A thousand weights or so, at 30 times what `full` has with few images.

    Frankle et al. 2021, arXiv:2003.00152.
    """

    about: ClassVar[str] = "the scales and offsets of the normalisation layers alone"
    many_rate: ClassVar[float] = 1.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Train the normalisation layers."""
        return 30.0 * place.norm

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train these of a copy."""
        if not any(place.norm for place in parameter_info(base).values()):
            raise AskedWrongly(
                f"The strategy 'norm-affine' trains normalisation layers: {base.spec.model!r} has none that "
                "learn."
            )
        return Full.adapt(self, base, target, valid, conditions)
