"""Fine-tune all weights."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

from radapt.adaptation.feature_cache import FrozenPrefix, Views
from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.adaptation.tuning import VIEWS, cache_features, fit_all, fit_rest, frozen_blocks, rates_of
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo
from radapt.training.loop import Penalty, steps_per_epoch
from radapt.training.recipe import Recipe, recipe_for

SLOWER = 10.0  # the learning rate of training from scratch is divided by this
MANY = 500  # training images from which on a strategy's `many_rate` applies
FEW_EPOCHS, FEW_STEPS = 20, 300  # limits without validation images, against overfitting


@dataclass(frozen=True, slots=True)
class Full(Strategy):
    """Fine-tunes all weights, at a lower learning rate than training from scratch.

    With few images it takes few small steps, to avoid overfitting and forgetting the source; with thousands
    of images the steps are larger.
    """

    recipe: Recipe | None = None  # None: the model's recipe at 0.1 or 0.3 times its learning rate

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "all weights fine-tuned"
    few_rates: ClassVar[tuple[float, ...]] = (0.3, 1.0)
    many_rate: ClassVar[float] = 3.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for all weights."""
        return 1.0

    def penalty(self, untrained: Classifier) -> Penalty | None:  # noqa: ARG002
        """Return what is added to the loss, given the copy before its training; None for nothing."""
        return None

    def fine_tuning_recipe(self, base: Classifier, images: ImageSet, conditions: AdaptContext) -> Recipe:
        """Return the recipe: the strategy's own, or a lower learning rate, and fewer steps on few images."""
        if self.recipe:
            return conditions.adjusted(self.recipe)
        faster = self.many_rate if len(images) >= MANY and not conditions.few else 1.0
        recipe = recipe_for(base.spec.model).with_lower_rate(SLOWER / faster)
        if conditions.few:
            steps = steps_per_epoch(len(images), recipe)
            return conditions.adjusted(replace(recipe, epochs=min(FEW_EPOCHS, max(3, FEW_STEPS // steps))))
        return conditions.adjusted(recipe.with_min_steps(len(images)))

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train a copy at the strategy's rates, on cached features if its first blocks are frozen."""
        recipe = self.fine_tuning_recipe(base, target, conditions)
        adapted = deepcopy(base).to(conditions.hardware.device)
        rates = rates_of(self, adapted, recipe)
        prefix = FrozenPrefix(adapted, frozen_blocks(adapted, rates, recipe))
        if prefix.cut and prefix.fits(target, conditions.hardware):
            views = Views(recipe.augment, VIEWS, seed=conditions.seed)
            rows, valid_rows = cache_features(prefix, target, valid, views, conditions)
            epochs = fit_rest(prefix, rows, valid_rows, recipe, conditions, rates=rates)
        else:
            penalty = self.penalty(adapted)
            epochs = fit_all(adapted, target, valid, recipe, conditions, rates=rates, penalty=penalty)
        history = tuple(epochs)  # trains `adapted`
        return AdaptResult(adapted.cpu().eval(), history, recipe)
