"""What spoke for the answers that a study's best model got most wrong: Grad-CAM of each, when it is found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.explaining.maps import explain
from radapt.explaining.overlay import shares
from radapt.explaining.random_weights import similarity_to_random
from radapt.images.imageset import ImageSet
from radapt.models.checkpoint import load_classifier

METHOD = "grad-cam"
Models = Iterable[tuple[Path, ImageSet]]  # run folders, and the images that each was tested on


@dataclass(frozen=True, slots=True, eq=False)
class ErrorMaps:
    """Maps of images; none where they were left out."""

    drawn: NDArray[np.uint8]  # (n, h, w), 255 where a map is largest; none if there are no maps
    alike: tuple[float | None, ...]  # to maps of random weights, see `radapt.explaining.random_weights`


def error_maps(
    errors: ImageSet, targets: Sequence[int], models: Models, hardware: Hardware | None
) -> ErrorMaps:
    """Map what speaks for these classes in images, each by the model that it was tested on.

    Parameters
    ----------
    targets
        The class of each image that is explained.
    models
        The models that together were tested on the images: one, or one a fold. Without any, or if they let no
        gradient through, there are no maps.
    """
    models = list(models)
    if hardware is None or not models or not len(errors):
        return ErrorMaps(np.zeros((0, *errors.pixels.shape[1:]), dtype=np.uint8), ())
    drawn, alike = np.zeros(errors.pixels.shape, dtype=np.uint8), np.full(len(errors), np.nan)
    try:
        for folder, tested in models:
            rows = np.flatnonzero(np.isin(errors.ids, tested.ids))
            if len(rows):
                own = [targets[row] for row in rows.tolist()]
                drawn[rows], alike[rows] = _of_model(folder, errors.take(rows), own, hardware)
    except AskedWrongly:  # a program in a file, into which no gradient can look
        return ErrorMaps(drawn[:0], ())
    return ErrorMaps(drawn, tuple(None if np.isnan(each) else float(each) for each in alike))


def _of_model(
    folder: Path, errors: ImageSet, targets: Sequence[int], hardware: Hardware
) -> tuple[NDArray[np.uint8], list[Any]]:
    classifier = load_classifier(folder).to(hardware.device)
    maps = explain(classifier, errors.pixels, method=METHOD, target=targets)
    alike = similarity_to_random(classifier, errors.pixels, maps, targets, method=METHOD)
    drawn = np.stack([np.rint(255 * shares(each)).astype(np.uint8) for each in maps])
    return drawn, [np.nan if each is None else each for each in alike]
