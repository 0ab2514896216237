"""Only the head is trained, on features that the frozen trunk computes once for each view of a film."""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from radapt.adapt.strategy import Adapted, Conditions, train
from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.inference import embed
from radapt.recipe import Recipe
from radapt.rows import Bank
from radapt.shift.augment import get_augmentation
from radapt.shift.keys import derived_seed, image_keys

PLAIN_HEAD = Recipe(epochs=40, batch_size=64, learning_rate=2e-3, weight_decay=0.01)


@dataclass(frozen=True, slots=True)
class Head:
    """All but the last dense layers stay as they are, as in the original demonstration.

    The trunk is never run in training mode, so its statistics cannot drift; a film's features are computed
    once for each of its views and the head is trained on those.
    """

    recipe: Recipe | None = None
    views: int = 4  # the film as it is, and this many less one augmented copies of it
    plain_view: bool = True  # whether the film as it is counts among the views

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "the last dense layers alone, the trunk frozen with its statistics"

    def trains(self, tensor: str) -> bool:
        """Train the head alone."""
        return tensor.startswith("head.")

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: Conditions
    ) -> Adapted:
        """Train a copy's head."""
        recipe = conditions.adjusted(self.recipe or PLAIN_HEAD.stretched(len(target)))
        adapted = deepcopy(base).to(conditions.hardware.device)
        bank = self._bank(adapted, target, recipe, conditions)
        valid_bank = None if valid is None else plain_bank(adapted, valid, conditions.hardware)
        return train(adapted, "head", bank, valid_bank, recipe, conditions)

    def _bank(self, classifier: Classifier, images: ImageSet, recipe: Recipe, conditions: Conditions) -> Bank:
        """Compute features (n, views, d): view 0 is the film itself unless `plain_view` is off."""
        augment, hardware = get_augmentation(recipe.augment), conditions.hardware
        views = 1 if recipe.augment == "none" else self.views
        features = [plain_bank(classifier, images, hardware).features] if self.plain_view else []
        keys = image_keys(images.ids)
        conditions.watch.begin(f"{conditions.task}: features", views, "view")
        while len(features) < views:
            conditions.watch.advance(len(features))
            seed = derived_seed(conditions.seed, len(features))
            parts = [
                embed(classifier, augment(torch.from_numpy(images.pixels[rows]), keys[rows], seed), hardware)
                for rows in np.array_split(np.arange(len(images)), -(-len(images) // 1024))
            ]
            features.append(torch.cat(parts).unsqueeze(1).to(hardware.device))
        conditions.watch.end()
        return Bank(torch.cat(features, dim=1), images.labels, images.classes)


def plain_bank(classifier: Classifier, images: ImageSet, hardware: Hardware) -> Bank:
    """Compute the features of films as they are: one view."""
    features = embed(classifier, images.pixels, hardware).unsqueeze(1)
    return Bank(features.to(hardware.device), images.labels, images.classes)
