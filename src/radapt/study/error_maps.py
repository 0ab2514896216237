"""What spoke for the answers that a study's best model got most wrong: Grad-CAM of each.

The maps are kept in the study folder, so that a study that is asked for again needs no model.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.archives import DAMAGE, open_arrays
from radapt.artefacts import ERROR_MAPS
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.explaining.maps import METHOD, explain
from radapt.explaining.overlay import shares
from radapt.explaining.random_weights import similarity_to_random
from radapt.files import atomic, check_file
from radapt.images.imageset import ImageSet
from radapt.models.checkpoint import load_classifier
from radapt.runs.folder import read_record

Kept = tuple[NDArray[np.uint8], NDArray[np.float64]]  # maps, and how alike each is
Models = Iterable[tuple[Path, ImageSet]]  # run folders, and the images that each was tested on


@dataclass(frozen=True, slots=True, eq=False)
class ErrorMaps:
    """Maps of images; none where they were left out."""

    drawn: NDArray[np.uint8]  # (n, h, w), 255 where a map is largest; none if there are no maps
    alike: tuple[float | None, ...]  # to maps of random weights, see `radapt.explaining.random_weights`


def error_maps(
    errors: ImageSet, targets: Sequence[int], models: Models, hardware: Hardware | None, out: Path
) -> ErrorMaps:
    """Map what speaks for these classes in images, each by the model that it was tested on.

    Parameters
    ----------
    targets
        The class of each image that is explained.
    models
        The models that together were tested on the images: one, or one a fold. Without any, or if they let no
        gradient through, there are no maps.
    out
        The study folder, where the maps are kept.
    """
    models = list(models)
    if hardware is None or not models or not len(errors):
        return ErrorMaps(np.zeros((0, *errors.pixels.shape[1:]), dtype=np.uint8), ())
    key = _key(errors, targets, models)
    kept = _kept(out / ERROR_MAPS, key)
    if kept is None:
        kept = _made(errors, targets, models, hardware)
        with atomic(out / ERROR_MAPS) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, drawn=kept[0], alike=kept[1], key=np.array(key))
    drawn, alike = kept
    return ErrorMaps(drawn, tuple(None if np.isnan(each) else float(each) for each in alike))


def _key(errors: ImageSet, targets: Sequence[int], models: Sequence[tuple[Path, ImageSet]]) -> str:
    """Return a digest of what maps are made of: images, classes, and when each model was finished."""
    made = [(folder.name, read_record(folder)["provenance"]["finished"]) for folder, _ in models]
    about = json.dumps([METHOD, errors.ids.tolist(), list(targets), made])
    return hashlib.sha256(about.encode()).hexdigest()


def _kept(path: Path, key: str) -> Kept | None:
    """Return the maps that a study keeps; None if they are of others, or cannot be read."""
    if not path.exists():
        return None
    check_file(path)
    with suppress(*DAMAGE, OSError, KeyError, ValueError), open_arrays(path) as stored:
        if str(stored["key"]) == key:
            return stored["drawn"], stored["alike"]
    return None


def _made(
    errors: ImageSet, targets: Sequence[int], models: Sequence[tuple[Path, ImageSet]], hardware: Hardware
) -> Kept:
    """Make the maps; none if a model lets no gradient through."""
    drawn, alike = np.zeros(errors.pixels.shape, dtype=np.uint8), np.full(len(errors), np.nan)
    try:
        for folder, tested in models:
            rows = np.flatnonzero(np.isin(errors.ids, tested.ids))
            if len(rows):
                own = [targets[row] for row in rows.tolist()]
                drawn[rows], alike[rows] = _of_model(folder, errors.take(rows), own, hardware)
    except AskedWrongly:  # a program in a file, into which no gradient can look
        return drawn[:0], alike[:0]
    return drawn, alike


def _of_model(
    folder: Path, errors: ImageSet, targets: Sequence[int], hardware: Hardware
) -> tuple[NDArray[np.uint8], list[Any]]:
    classifier = load_classifier(folder).to(hardware.device)
    maps = explain(classifier, errors.pixels, method=METHOD, target=targets)
    alike = similarity_to_random(classifier, errors.pixels, maps, targets, method=METHOD)
    drawn = np.stack([np.rint(255 * shares(each)).astype(np.uint8) for each in maps])
    return drawn, [np.nan if each is None else each for each in alike]
