"""Strategies that keep everything, start over, or train everything."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

from radapt.adapt.strategy import Adapted, Conditions, train
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.table import build
from radapt.recipe import Recipe, recipe_for
from radapt.rows import Films
from radapt.shift.augment import parse_augmentation


@dataclass(frozen=True, slots=True)
class NoAdaptation:
    """The base model as it is: what every other row is held against."""

    needs: ClassVar[str] = "nothing"
    about: ClassVar[str] = "the base model as it is"

    def trains(self, tensor: str) -> bool:  # noqa: ARG002
        """Nothing is trained."""
        return False

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,  # noqa: ARG002
        valid: ImageSet | None,  # noqa: ARG002
        conditions: Conditions,  # noqa: ARG002
    ) -> Adapted:
        """Give a copy of the base."""
        return Adapted(deepcopy(base))


@dataclass(frozen=True, slots=True)
class Scratch:
    """A new model of the same kind, trained on the target films alone: what the base was worth."""

    recipe: Recipe | None = None  # None: the one its model is trained with

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "a new model trained on the target films alone"

    def trains(self, tensor: str) -> bool:  # noqa: ARG002
        """Everything is trained."""
        return True

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: Conditions
    ) -> Adapted:
        """Train a new model; of the base only its description is used."""
        recipe = conditions.adjusted(self.recipe or recipe_for(base.spec.model).stretched(len(target)))
        return train_all(build(base.spec, seed=conditions.seed), target, valid, recipe, conditions)


@dataclass(frozen=True, slots=True)
class Full:
    """Every weight is trained further, at a lower rate than from scratch."""

    recipe: Recipe | None = None  # None: the model's own, at a tenth of its rate

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "every weight trained further"

    def trains(self, tensor: str) -> bool:  # noqa: ARG002
        """Everything is trained."""
        return True

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: Conditions
    ) -> Adapted:
        """Train a copy of the whole model."""
        own = recipe_for(base.spec.model).slowed(SLOWER)
        own = own.stretched(len(target)) if valid is not None else replace(own, epochs=BLIND_EPOCHS)
        recipe = conditions.adjusted(self.recipe or own)
        return train_all(deepcopy(base), target, valid, recipe, conditions)


SLOWER = 10.0  # what the rate of training from scratch is divided by
BLIND_EPOCHS = 20  # where no validation film says when to stop: a few films are soon learned by heart


def train_all(
    classifier: Classifier, images: ImageSet, valid: ImageSet | None, recipe: Recipe, conditions: Conditions
) -> Adapted:
    """Train every weight of a classifier, in place, on films augmented as the recipe says."""
    device = conditions.hardware.device
    rows = Films(images, device, parse_augmentation(recipe.augment))
    valid_rows = None if valid is None else Films(valid, device)
    return train(classifier, "", rows, valid_rows, recipe, conditions)
