"""Only the head is trained, on features that the frozen trunk computes once for each view of a film."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radapt.adapt.strategy import Adapted, Conditions, train
from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.inference import embed
from radapt.recipe import Recipe
from radapt.rows import Bank
from radapt.shift.augment import parse_augmentation
from radapt.shift.keys import derived_seed, image_keys

FEW = Recipe(epochs=60, batch_size=64, learning_rate=2e-3, weight_decay=0.01, label_smoothing=0.0)
MANY = replace(FEW, epochs=40, learning_rate=1e-2)  # on standardised features
ENOUGH = 64  # films, for the spread of their features to be known


@dataclass(frozen=True, slots=True)
class Head:
    """All but the last dense layers stay as they are, as in the original demonstration.

    The trunk is never run in training mode, so its statistics cannot drift; a film's features are computed
    once for each of its views and the head is trained on those. With 64 films or more it is trained on
    standardised features, which the first linear layer then takes back into its weights.
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
        many = len(target) >= ENOUGH
        recipe = conditions.adjusted(self.recipe or (MANY.stretched(len(target), 300) if many else FEW))
        adapted = deepcopy(base).to(conditions.hardware.device)
        bank = self._bank(adapted, target, recipe, conditions)
        valid_bank = None if valid is None else plain_bank(adapted, valid, conditions.hardware)
        first = next(module for module in adapted.head.modules() if not any(module.children()))
        if self.recipe is not None or not many or not isinstance(first, nn.Linear):
            return train(adapted, "head", bank, valid_bank, recipe, conditions)
        scale = _Scale.of(bank)
        scale.enter(first)
        done = train(
            adapted,
            "head",
            scale.of_bank(bank),
            valid_bank and scale.of_bank(valid_bank),
            recipe,
            conditions,
        )
        scale.leave(first)
        return done

    def _bank(self, classifier: Classifier, images: ImageSet, recipe: Recipe, conditions: Conditions) -> Bank:
        """Compute features (n, views, d): view 0 is the film itself unless `plain_view` is off."""
        augment, hardware = parse_augmentation(recipe.augment), conditions.hardware
        views = 1 if recipe.augment == "none" else self.views
        features = [plain_bank(classifier, images, hardware).features] if self.plain_view else []
        keys = image_keys(images.ids)
        conditions.watch.begin(f"{conditions.task}: features", views, "view")
        while len(features) < views:
            seed = derived_seed(conditions.seed, len(features))
            parts = [
                embed(classifier, augment(_on(hardware, images.pixels[rows]), keys[rows], seed), hardware)
                for rows in np.array_split(np.arange(len(images)), -(-len(images) // 1024))
            ]
            features.append(torch.cat(parts).unsqueeze(1).to(hardware.device))
            conditions.watch.advance(len(features))
        conditions.watch.end()
        return Bank(torch.cat(features, dim=1), images.labels, images.classes)


def _on(hardware: Hardware, pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).to(hardware.device)


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    """The mean and spread of features, which a linear layer can take over without changing what it gives."""

    mean: Tensor  # (d,)
    spread: Tensor  # (d,)

    @classmethod
    def of(cls, bank: Bank) -> "_Scale":
        flat = bank.features.flatten(0, 1)
        return cls(flat.mean(0), flat.std(0) + 1e-3 * flat.std() + 1e-12)

    def of_bank(self, bank: Bank) -> Bank:
        return replace(bank, features=(bank.features - self.mean) / self.spread)

    def enter(self, layer: nn.Linear) -> None:
        """Make a layer that took plain features take standardised ones, with the same result."""
        with torch.no_grad():
            layer.bias.add_(layer.weight @ self.mean)
            layer.weight.mul_(self.spread)

    def leave(self, layer: nn.Linear) -> None:
        """Make it take plain features again."""
        with torch.no_grad():
            layer.weight.div_(self.spread.to(layer.weight.device))
            layer.bias.sub_(layer.weight @ self.mean.to(layer.weight.device))


def plain_bank(classifier: Classifier, images: ImageSet, hardware: Hardware) -> Bank:
    """Compute the features of films as they are: one view."""
    features = embed(classifier, images.pixels, hardware).unsqueeze(1)
    return Bank(features.to(hardware.device), images.labels, images.classes)
