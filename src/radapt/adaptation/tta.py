"""Average predictions over slightly rotated and shifted views of each image; nothing is trained."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import VIEWS, Classifier


@dataclass(frozen=True, slots=True)
class TestTimeAugmentation(Strategy):
    """The base model with test-time augmentation (Krizhevsky et al. 2012): mean logits over several views.

    The views are fixed (`radapt.models.classifier.VIEWS`), so predictions are deterministic.
    """

    needs: ClassVar[str] = "nothing"
    about: ClassVar[str] = "the base model, its predictions averaged over augmented views of each image"
    on_scores: ClassVar[bool] = True

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,  # noqa: ARG002
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,  # noqa: ARG002
    ) -> AdaptResult:
        """Return a copy of the base that averages over all views."""
        adapted = deepcopy(base)
        adapted.spec = replace(base.spec, views=len(VIEWS))
        return AdaptResult(adapted)
