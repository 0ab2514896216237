"""No adaptation: the baseline of every other strategy."""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier


@dataclass(frozen=True, slots=True)
class NoAdaptation(Strategy):
    """Leaves the base model unchanged."""

    needs: ClassVar[str] = "nothing"
    about: ClassVar[str] = "the base model, unchanged"
    on_scores: ClassVar[bool] = True

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,  # noqa: ARG002
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,  # noqa: ARG002
    ) -> AdaptResult:
        """Return a copy of the base."""
        return AdaptResult(deepcopy(base))
