"""A new model, trained on the target images alone: what the base's images were worth."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adapt.strategy import AdaptContext, AdaptResult, Strategy
from radapt.adapt.tuning import train_all
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo
from radapt.models.table import build
from radapt.training.recipe import Recipe, recipe_for


@dataclass(frozen=True, slots=True)
class Scratch(Strategy):
    """A new model of the same kind; of the base only its description is used.

    Where the base started from pretrained weights, which the conditions name, the new model starts from the
    same: the two then differ by what the source images bought.
    """

    recipe: Recipe | None = None  # None: the one its model is trained with

    needs: ClassVar[str] = "labelled"
    reinitialises: ClassVar[bool] = True
    about: ClassVar[str] = "a new model trained on the target images alone"

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Train everything."""
        return 1.0

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train a new model."""
        recipe = conditions.adjusted(self.recipe or recipe_for(base.spec.model).with_min_steps(len(target)))
        new = build(base.spec, seed=conditions.seed, pretrained=conditions.pretrained)
        return train_all(new, target, valid, recipe, conditions)
