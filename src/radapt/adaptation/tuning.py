"""The training that most strategies share: of a whole network, or of its last part on cached features."""

from collections.abc import Iterator

from radapt.adaptation.feature_cache import CachedFeatures, FrozenPrefix, Views
from radapt.adaptation.strategy import AdaptContext, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import parameter_info
from radapt.shift.augment import parse_augmentation
from radapt.training.batches import ImageBatches
from radapt.training.loop import Penalty, fit
from radapt.training.optimiser import RateMultipliers, train_everything
from radapt.training.recipe import Recipe
from radapt.training.state import Epoch

VIEWS = 4  # cached views of each training image


def rates_of(strategy: Strategy, classifier: Classifier, recipe: Recipe) -> RateMultipliers:
    """Return a function of weight name and epoch (from 1) that gives a strategy's rate multiplier."""
    where = parameter_info(classifier)
    return lambda name, epoch: strategy.rate(where[name], (epoch - 1) / recipe.epochs)


def frozen_blocks(classifier: Classifier, rates: RateMultipliers, recipe: Recipe) -> int:
    """Return the number of leading blocks that are frozen in every epoch."""
    learn = [
        place.block
        for name, place in parameter_info(classifier).items()
        if any(rates(name, epoch) > 0 for epoch in range(1, recipe.epochs + 1))
    ]
    return min(learn, default=len(classifier.blocks))


def cache_features(
    prefix: FrozenPrefix, images: ImageSet, valid: ImageSet | None, views: Views, conditions: AdaptContext
) -> tuple[CachedFeatures, CachedFeatures | None]:
    """Return the features of views of the training images, and of the unaugmented validation images."""
    cache, hardware, watch = conditions.cache, conditions.hardware, conditions.watch
    task = f"{conditions.task}: features"
    rows = cache.get(prefix, images, views, hardware, watch, task)
    return rows, None if valid is None else cache.get(prefix, valid, Views(), hardware)


def fit_rest(
    prefix: FrozenPrefix,
    rows: CachedFeatures,
    valid: CachedFeatures | None,
    recipe: Recipe,
    conditions: AdaptContext,
    *,
    rates: RateMultipliers,
) -> Iterator[Epoch]:
    """Return the training of the blocks after a frozen prefix, in place, on the prefix's cached outputs.

    Its epochs run as they are taken from the iterator, as those of `fit`.
    """
    spec = prefix.classifier.spec
    return fit(
        prefix.rest(),
        rows,
        valid,
        recipe,
        outputs=spec.outputs,
        hardware=conditions.hardware.for_images(spec.size),
        seed=conditions.seed,
        options=conditions.fit_options(rates=lambda name, epoch: rates(prefix.weight(name), epoch)),
    )


def fit_all(
    classifier: Classifier,
    images: ImageSet,
    valid: ImageSet | None,
    recipe: Recipe,
    conditions: AdaptContext,
    *,
    rates: RateMultipliers = train_everything,
    penalty: Penalty | None = None,
) -> Iterator[Epoch]:
    """Return the training of a classifier, in place, on images augmented as the recipe says.

    Its epochs run as they are taken from the iterator, as those of `fit`.
    """
    device, spec = conditions.hardware.device, classifier.spec
    return fit(
        classifier,
        ImageBatches(images, device, parse_augmentation(recipe.augment)),
        None if valid is None else ImageBatches(valid, device),
        recipe,
        outputs=spec.outputs,
        hardware=conditions.hardware.for_images(spec.size),
        seed=conditions.seed,
        options=conditions.fit_options(rates=rates, penalty=penalty),
    )
