"""Nothing is trained: each image is also seen a little turned and moved, and the answers are averaged."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

from radapt.adapt.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import VIEWS, Classifier


@dataclass(frozen=True, slots=True)
class TestTimeAugmentation(Strategy):
    """The base model, which answers for an image with its mean logits over several views of it.

    Test-time augmentation (Krizhevsky et al. 2012); the views are fixed, so that an image always gets the
    same answer: see `radapt.models.classifier.VIEWS`.
    """

    needs: ClassVar[str] = "nothing"
    about: ClassVar[str] = "the base model, its answers averaged over views of each image"

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,  # noqa: ARG002
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,  # noqa: ARG002
    ) -> AdaptResult:
        """Give a copy that looks several times."""
        adapted = deepcopy(base)
        adapted.spec = replace(base.spec, views=len(VIEWS))
        return AdaptResult(adapted)
