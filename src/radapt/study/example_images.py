"""Example images for a report: some of source and target, and the most confident errors."""

from pathlib import Path
from typing import Any

import numpy as np

from radapt.artefacts import EXAMPLE_IMAGES
from radapt.evaluation.scores import Outcome
from radapt.files import atomic
from radapt.images.imageset import ImageSet
from radapt.labels import join_labels
from radapt.predictions import Predictions
from radapt.study.domains import Domains

SHOWN = 8  # images of source and of target each
WORST = 12  # most confident errors


def save_example_images(out: Path, images: Domains, best: Outcome) -> dict[str, list[dict[str, Any]]]:
    """Write the pixels of the example images to `images.npz`; return their captions.

    A shifted target shows the same images as the source, unless the shift drops some; a real one its own.
    The errors are those of `best`, the best model by `radapt.study.comparison.best_model`.

    Returns
    -------
    dict
        "source", "target" and "worst": a dict per image with its "id" and "label", for "worst" also
        "strategy", "budget", "predicted" (the predicted class) and "true_class_probability".
    """
    source = images.source_test.spread(SHOWN)
    # A shifted target has the ids and labels of the source, so `spread` selects the same images,
    # unless the shift drops some.
    target = images.target_test.spread(SHOWN)
    worst, about_worst = _worst(images.target_test, best)
    with atomic(out / EXAMPLE_IMAGES) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, source=source.pixels, target=target.pixels, worst=worst.pixels)
    return {"source": _captions(source), "target": _captions(target), "worst": about_worst}


def _captions(images: ImageSet) -> list[dict[str, Any]]:
    return [{"id": str(image), "label": name} for image, name in zip(images.ids, images.names(), strict=True)]


def _worst(images: ImageSet, outcome: Outcome) -> tuple[ImageSet, list[dict[str, Any]]]:
    """Return the errors of the first seed with the lowest probability of the true class, and captions."""
    predictions = outcome.predictions["target"][0]
    own, predicted = predictions.own_scores(), _predicted(predictions)
    wrong = np.flatnonzero(
        own < 0.5 if not predictions.exclusive else predictions.decide() != predictions.labels
    )
    chosen = wrong[np.argsort(own[wrong], kind="stable")][:WORST]
    row_of = {name: row for row, name in enumerate(images.ids.tolist())}
    shown = images.take([row_of[str(predictions.ids[row])] for row in chosen])
    about = [
        {
            **caption,
            "strategy": outcome.strategy,
            "budget": outcome.budget,
            "predicted": predicted[row],
            "true_class_probability": float(own[row]),
        }
        for caption, row in zip(_captions(shown), chosen, strict=True)
    ]
    return shown, about


def _predicted(predictions: Predictions) -> list[str]:
    decided = predictions.decide()
    if predictions.exclusive:
        return [predictions.classes[label] for label in decided]
    return [join_labels(predictions.classes, row == 1) for row in decided]
