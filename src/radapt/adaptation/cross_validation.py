"""Choose learning rate and epochs by cross-validation, where there are too few images for a validation set.

For each learning rate, the strategy is run on all folds of the patients but one, and the loss on the left-out
fold is recorded after every epoch. The rate and the number of epochs with the lowest mean loss over folds are
then used on all images. The threshold is chosen in the same way, on out-of-fold predictions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.images.split import fold_of, most_folds
from radapt.labels import stratify
from radapt.models.classifier import Classifier
from radapt.models.inference import predict
from radapt.predictions import Predictions, join_predictions
from radapt.progress import Within
from radapt.shift.counter_rng import derived_seed

FOLDS = 4  # folds of patients; fewer if a class has fewer patients
REPEATS = 2  # repetitions with different folds


def adapt_with_cv(
    strategy: Strategy,
    base: Classifier,
    images: ImageSet,
    valid: ImageSet | None,
    conditions: AdaptContext,
) -> AdaptResult:
    """Adapt by a strategy; without validation images, choose rate and epochs by cross-validation.

    There is no cross-validation if the strategy trains nothing, or if a class has fewer than two patients.
    """
    conditions = replace(conditions, few=valid is None)
    folds = list(folds_of(images, conditions.seed)) if strategy.few_rates and valid is None else []
    if not folds:
        return strategy.adapt(base, images, valid, conditions)
    losses: dict[float, list[list[float]]] = {rate: [] for rate in strategy.few_rates}
    watch, trials = conditions.watch, list(product(strategy.few_rates, folds))
    watch.begin(f"{conditions.task}, choosing rate and epochs", len(trials), "fold")
    for done, (rate, fold) in enumerate(trials):
        trial = replace(conditions, state=None, watch=Within(watch, done), rate=conditions.rate * rate)
        tried = strategy.adapt(base, images.take(~fold), images.take(fold), trial)
        losses[rate].append([epoch.valid_loss for epoch in tried.history])
        watch.advance(done + 1)
    watch.end()
    rate, epochs, loss = _lowest(losses)
    final = replace(conditions, rate=conditions.rate * rate, stop_at=epochs)
    adapted = strategy.adapt(base, images, None, final)
    chosen = {"rate": rate, "epochs": epochs, "loss": loss, "folds": len(folds)}
    return replace(adapted, notes={**adapted.notes, "chosen_by_cross_validation": chosen})


def _lowest(losses: Mapping[float, Sequence[Sequence[float]]]) -> tuple[float, int, float]:
    """Return the rate and number of epochs (at least 1) of the lowest mean loss over folds, and that loss.

    `losses` holds, for each rate and fold, the loss after each epoch; early stopping makes some shorter.
    """
    means = {}
    for rate, folds in losses.items():
        shortest = min(map(len, folds))
        means[rate] = np.mean([fold[:shortest] for fold in folds], axis=0)
    rate = min(means, key=lambda one: float(np.nanmin(means[one])))
    best = int(np.nanargmin(means[rate]))
    return rate, best + 1, float(means[rate][best])


def out_of_fold(
    strategy: Strategy, base: Classifier, images: ImageSet, conditions: AdaptContext, notes: Mapping[str, Any]
) -> Predictions | None:
    """Predict each labelled image with a model adapted without the image's fold of patients.

    Parameters
    ----------
    images
        All labelled images of the adaptation, which had no validation images.
    notes
        The notes of the adaptation to all of `images`: its chosen rate and epochs are used again.

    Returns
    -------
    Predictions | None
        Predictions for `images`, fold by fold; None if a class has only one patient.
    """
    folds = list(folds_of(images, conditions.seed))
    folds = folds[: len(folds) // REPEATS]
    if not folds:
        return None
    chosen = notes.get("chosen_by_cross_validation", {})
    conditions = replace(
        conditions,
        few=True,
        state=None,
        rate=conditions.rate * chosen.get("rate", 1.0),
        stop_at=chosen.get("epochs"),
    )
    parts, watch = [], conditions.watch
    watch.begin(f"{conditions.task}, choosing the threshold", len(folds), "fold")
    for done, fold in enumerate(folds):
        trial = replace(conditions, watch=Within(watch, done))
        adapted = strategy.adapt(base, images.take(~fold), None, trial)
        parts.append(predict(adapted.classifier, images.take(fold), conditions.hardware))
        watch.advance(done + 1)
    watch.end()
    return join_predictions(parts)


def folds_of(images: ImageSet, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield a mask (n,) of each fold's images, split by patient; none if a class has only one patient."""
    strata = stratify(images.labels)
    count = min(FOLDS, most_folds(images))
    if count < 2 or len(np.unique(strata)) < 2:
        return
    for repeat in range(REPEATS):
        which = fold_of(images, count, seed=derived_seed(seed, repeat) % 2**32)
        yield from (which == fold for fold in range(count))
