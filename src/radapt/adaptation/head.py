"""Train the head alone, on features that the frozen trunk computes once per view of an image."""

from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import nn

from radapt.adaptation.feature_cache import CachedFeatures, FrozenPrefix, Views
from radapt.adaptation.feature_transforms import FeatureTransform, RowSpace, Standardised
from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.adaptation.tuning import VIEWS, cache_features, fit_rest, rates_of
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo
from radapt.training.recipe import Recipe

FEW = Recipe(epochs=60, batch_size=64, learning_rate=2e-3, weight_decay=0.01, label_smoothing=0.0)
MANY = replace(FEW, epochs=40, learning_rate=1e-2)  # on standardised features
ENOUGH = 64  # images, to estimate the spread of their features


@dataclass(frozen=True, slots=True)
class Head(Strategy):
    """Trains the last dense layers with the trunk frozen, as in the original demonstration.

    The trunk is never run in training mode, so its normalisation statistics do not change. Its features are
    computed once per view of an image, and the head is trained on them. With 64 images or more, and without
    cross-validation, features are standardised. With fewer images, which have far more features than images,
    the head is trained in their row space. Either transform is folded back into the first linear layer.
    """

    recipe: Recipe | None = None
    views: int = VIEWS  # views per image; all but the plain one are augmented
    plain_view: bool = True  # whether one of the views is the unaugmented image
    plane: bool = True  # whether to train in the row space of few images, see `RowSpace`

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "the last dense layers trained, the trunk and its statistics frozen"
    on_features: ClassVar[bool] = True
    few_rates: ClassVar[tuple[float, ...]] = (0.3, 1.0, 3.0)

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for weights of the head and 0 for all others."""
        return float(place.head)

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train a copy's head."""
        many = not conditions.few and len(target) >= ENOUGH
        own = self.recipe or (MANY.with_min_steps(len(target), 300) if many else FEW)
        recipe = conditions.adjusted(own)
        adapted = deepcopy(base).to(conditions.hardware.device)
        prefix = FrozenPrefix(adapted, len(adapted.blocks))
        views = Views(recipe.augment, self.views, self.plain_view, conditions.seed)
        rows, valid_rows = cache_features(prefix, target, valid, views, conditions)
        rates = rates_of(self, adapted, recipe)
        first = first_layer(adapted)
        transform = None if first is None else self._transform(rows, valid_rows, many)
        folded: AbstractContextManager[None] = nullcontext()
        if first is not None and transform is not None:
            rows, valid_rows = transform.transform(rows), valid_rows and transform.transform(valid_rows)
            folded = transform.folded_into(first)
        with folded:
            history = tuple(fit_rest(prefix, rows, valid_rows, recipe, conditions, rates=rates))
            adapted.cpu().eval()
        return AdaptResult(adapted, history, recipe)

    def _transform(
        self, rows: CachedFeatures, valid: CachedFeatures | None, many: bool
    ) -> FeatureTransform | None:
        if many and self.recipe is None:
            return Standardised.of(rows)
        if not self.plane:
            return None
        return RowSpace.of(rows) if valid is None else RowSpace.of(rows, valid)


def first_layer(classifier: Classifier) -> nn.Linear | None:
    """Return the first layer of the head, if it is linear."""
    first = next(module for module in classifier.head.modules() if not any(module.children()))
    return first if isinstance(first, nn.Linear) else None
