"""Every weight is trained further."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adapt.strategy import AdaptContext, AdaptResult, Strategy
from radapt.adapt.tuning import fine_tuning_recipe, tune
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo
from radapt.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Full(Strategy):
    """Every weight is trained further, at a lower rate than from scratch.

    With few images it takes few small steps, to avoid overfitting and forgetting the source; with thousands,
    larger ones.
    """

    recipe: Recipe | None = None  # None: the model's own, at a tenth of its rate, or three tenths

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "every weight trained further"
    few_rates: ClassVar[tuple[float, ...]] = (0.3, 1.0)
    many_rate: ClassVar[float] = 3.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Train everything at one rate."""
        return 1.0

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train a copy of the whole model."""
        recipe = (
            conditions.adjusted(self.recipe)
            if self.recipe
            else fine_tuning_recipe(self, base, target, conditions)
        )
        return tune(self, base, target, valid, recipe, conditions)
