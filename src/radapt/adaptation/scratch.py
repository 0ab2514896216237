"""Train a new model on the target images alone, to measure the benefit of the source images."""

from dataclasses import dataclass, replace
from typing import ClassVar

from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.adaptation.tuning import fit_all
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo
from radapt.models.table import build
from radapt.training.recipe import Recipe, recipe_for


@dataclass(frozen=True, slots=True)
class Scratch(Strategy):
    """Trains a new model of the base's architecture; the base's weights are not used.

    If the base was initialised from pretrained weights, so is the new model, so that the difference between
    the two is the benefit of the source images.
    """

    recipe: Recipe | None = None  # None: the model's recipe

    needs: ClassVar[str] = "labelled"
    reinitialises: ClassVar[bool] = True
    about: ClassVar[str] = "a new model trained on the target images alone"

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for all weights."""
        return 1.0

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train a new model."""
        recipe = conditions.adjusted(self.recipe or recipe_for(base.spec.model).with_min_steps(len(target)))
        new = build(replace(base.spec, neighbours=0), seed=conditions.seed, pretrained=conditions.pretrained)
        history = tuple(fit_all(new, target, valid, recipe, conditions))
        return AdaptResult(new.cpu().eval(), history, recipe)
