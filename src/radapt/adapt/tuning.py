"""Training as most strategies do it: some weights of a copy, from a bank of features where that can be."""

from copy import deepcopy
from dataclasses import replace

from torch import nn

from radapt.adapt.feature_cache import CachedFeatures, FrozenPrefix, Views
from radapt.adapt.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier, Spec
from radapt.models.parameter_info import parameter_info
from radapt.shift.augment import parse_augmentation
from radapt.text import counted
from radapt.training.batches import BatchSource, ImageBatches
from radapt.training.loop import Epoch, Penalty, fit, steps_per_epoch
from radapt.training.optimiser import RateMultipliers
from radapt.training.recipe import Recipe, recipe_for

SLOWER = 10.0  # what the rate of training from scratch is divided by
MANY = 500  # images to train on, from which a strategy's `many_rate` counts
FEW_EPOCHS, FEW_STEPS = 20, 300  # where no image is set aside: a few are soon learned by heart
VIEWS = 4  # of each image in a bank


def fine_tuning_recipe(
    strategy: Strategy, base: Classifier, images: ImageSet, conditions: AdaptContext
) -> Recipe:
    """Give the recipe by which weights that have learned already are trained further."""
    faster = strategy.many_rate if len(images) >= MANY and not conditions.few else 1.0
    recipe = recipe_for(base.spec.model).slowed(SLOWER / faster)
    if conditions.few:
        steps = steps_per_epoch(len(images), recipe)
        return conditions.adjusted(replace(recipe, epochs=min(FEW_EPOCHS, max(3, FEW_STEPS // steps))))
    return conditions.adjusted(recipe.stretched(len(images)))


def tune(
    strategy: Strategy,
    base: Classifier,
    images: ImageSet,
    valid: ImageSet | None,
    recipe: Recipe,
    conditions: AdaptContext,
    *,
    penalty: Penalty | None = None,
) -> AdaptResult:
    """Train a copy of the base as a strategy's rates say, from a bank where they freeze the first blocks."""
    adapted = deepcopy(base).to(conditions.hardware.device)
    rates = rates_of(strategy, adapted, recipe)
    cut = frozen_blocks(adapted, rates, recipe)
    prefix = FrozenPrefix(adapted, cut)
    if not cut or not prefix.fits(images, conditions.hardware):
        return train_all(adapted, images, valid, recipe, conditions, rates=rates, penalty=penalty)
    views = Views(recipe.augment, VIEWS, seed=conditions.seed)
    rows, valid_rows = cache_features(prefix, images, valid, views, conditions)
    return train_rest(prefix, rows, valid_rows, recipe, conditions, rates=rates)


def rates_of(strategy: Strategy, classifier: Classifier, recipe: Recipe) -> RateMultipliers:
    """Give the rates of a strategy for the weights of a classifier, by name and epoch."""
    where = parameter_info(classifier)
    return lambda name, epoch: strategy.rate(where[name], (epoch - 1) / recipe.epochs)


def frozen_blocks(classifier: Classifier, rates: RateMultipliers, recipe: Recipe) -> int:
    """Count the blocks from the input side on that never learn."""
    learn = [
        place.block
        for name, place in parameter_info(classifier).items()
        if any(rates(name, epoch) > 0 for epoch in range(1, recipe.epochs + 1))
    ]
    return min(learn, default=len(classifier.blocks))


def cache_features(
    prefix: FrozenPrefix, images: ImageSet, valid: ImageSet | None, views: Views, conditions: AdaptContext
) -> tuple[CachedFeatures, CachedFeatures | None]:
    """Give what a prefix gives for the views of images to train on, and for validation images as they are."""
    shelf, hardware, watch = conditions.shelf, conditions.hardware, conditions.watch
    task = f"{conditions.task}: features"
    rows = shelf.bank(prefix, images, views, hardware, watch, task)
    return rows, None if valid is None else shelf.bank(prefix, valid, Views(), hardware)


def train_rest(
    prefix: FrozenPrefix,
    rows: CachedFeatures,
    valid: CachedFeatures | None,
    recipe: Recipe,
    conditions: AdaptContext,
    *,
    rates: RateMultipliers,
) -> AdaptResult:
    """Train what comes after a prefix, in place, on what the prefix gave."""
    done = _fit(
        prefix.rest(),
        rows,
        valid,
        recipe,
        conditions,
        spec=prefix.classifier.spec,
        rates=lambda name, epoch: rates(prefix.weight(name), epoch),
    )
    return AdaptResult(prefix.classifier.cpu().eval(), done, recipe)


def train_all(
    classifier: Classifier,
    images: ImageSet,
    valid: ImageSet | None,
    recipe: Recipe,
    conditions: AdaptContext,
    *,
    rates: RateMultipliers | None = None,
    penalty: Penalty | None = None,
) -> AdaptResult:
    """Train a classifier, in place, on images augmented as the recipe says."""
    device = conditions.hardware.device
    rows = ImageBatches(images, device, parse_augmentation(recipe.augment))
    valid_rows = None if valid is None else ImageBatches(valid, device)
    spec = classifier.spec
    done = _fit(classifier, rows, valid_rows, recipe, conditions, spec=spec, rates=rates, penalty=penalty)
    return AdaptResult(classifier.cpu().eval(), done, recipe)


def _fit(
    model: nn.Module,
    rows: BatchSource,
    valid: BatchSource | None,
    recipe: Recipe,
    conditions: AdaptContext,
    *,
    spec: Spec,
    rates: RateMultipliers | None,
    penalty: Penalty | None = None,
) -> tuple[Epoch, ...]:
    """Train a module in place, telling the watcher of every step."""
    hardware, watch = conditions.hardware.for_images(spec.size), conditions.watch
    history: list[Epoch] = []
    watch.begin(conditions.task, recipe.stop_at or recipe.epochs, "epoch")

    def tick(done: int, steps: int) -> None:
        watch.advance(len(history) + done / steps)

    epochs = fit(
        model.to(hardware.device),
        rows,
        valid,
        recipe,
        outputs=spec.outputs,
        hardware=hardware,
        seed=conditions.seed,
        state=conditions.state,
        tick=tick,
        rates=rates,
        penalty=penalty,
    )
    for epoch in epochs:
        history.append(epoch)
        validation = "" if valid is None else f", validation AUROC {epoch.valid_auroc:.3f}"
        fewer = epoch.threads < max(each.threads for each in history)
        slowed = f", other work took the cores: {counted(epoch.threads, 'thread')} now" if fewer else ""
        watch.advance(len(history), f"loss {epoch.loss:.3f}{validation}{slowed}")
    watch.end()
    return tuple(history)
