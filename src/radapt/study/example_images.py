"""Example images for a report: some of source and target, and the most confident errors."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.artefacts import EXAMPLE_IMAGES
from radapt.device import Hardware
from radapt.evaluation.scores import Outcome
from radapt.files import atomic
from radapt.images.imageset import ImageSet
from radapt.labels import join_labels
from radapt.predictions import Predictions
from radapt.study.domains import Domains
from radapt.study.error_maps import Models, error_maps

SHOWN = 8  # images of source and of target each
WORST = 12  # most confident errors


def save_example_images(
    out: Path, images: Domains, best: Outcome, models: Models = (), hardware: Hardware | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Write the pixels of the example images to `images.npz`; return their captions.

    A shifted target shows the same images as the source, unless the shift drops some; a real one its own.
    The errors are those of `best`, the best model by `radapt.study.comparison.best_model`; `models` and
    `hardware` are for their maps, see `radapt.study.error_maps`.

    Returns
    -------
    dict
        "source", "target" and "worst": a dict per image with its "id" and "label", for "worst" also
        "strategy", "budget", "predicted" (the predicted class), "true_class_probability" and, where maps are
        drawn, "explained" (the class) and "alike_with_random_weights".
    """
    source = images.source_test.spread(SHOWN)
    # A shifted target has the ids and labels of the source, so `spread` selects the same images,
    # unless the shift drops some.
    target = images.target_test.spread(SHOWN)
    worst, about_worst, targets = _worst(images.target_test, best)
    maps = error_maps(worst, targets, models, hardware, out)
    for caption, label, alike in zip(about_worst, targets, maps.alike, strict=False):
        caption |= {"explained": images.target_test.classes[label], "alike_with_random_weights": alike}
    with atomic(out / EXAMPLE_IMAGES) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, source=source.pixels, target=target.pixels, worst=worst.pixels)
    return {"source": _captions(source), "target": _captions(target), "worst": about_worst}


def _captions(images: ImageSet) -> list[dict[str, Any]]:
    return [{"id": str(image), "label": name} for image, name in zip(images.ids, images.names(), strict=True)]


def _worst(images: ImageSet, outcome: Outcome) -> tuple[ImageSet, list[dict[str, Any]], list[int]]:
    """Return the errors of the first seed with the lowest probability of the true class, and captions.

    The last is the class that each is wrong about: the predicted one, or the label that is missed by most.
    """
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
    return shown, about, _wrong_about(predictions)[chosen].tolist()


def _wrong_about(predictions: Predictions) -> NDArray[np.int64]:
    if predictions.exclusive:
        return np.asarray(predictions.scores.argmax(axis=1), dtype=np.int64)
    return np.asarray(np.nan_to_num(np.abs(predictions.scores - predictions.labels)).argmax(axis=1))


def _predicted(predictions: Predictions) -> list[str]:
    decided = predictions.decide()
    if predictions.exclusive:
        return [predictions.classes[label] for label in decided]
    return [join_labels(predictions.classes, row == 1) for row in decided]
