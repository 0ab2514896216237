"""The images that a model is held against later: features, scores and grey statistics, beside its weights.

`reference.safetensors` holds what the model saw in images of patients that it was not trained on, and
`reference.json` says of how many. There is no image in it and no name of a file or patient; but features come
from images, and whoever has the model may learn something of the images from them.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from radapt.device import Hardware
from radapt.drift.features import DriftFeatures, extract_features
from radapt.drift.pixels import NAMES
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import atomic, check_file, read_json, write_json
from radapt.images.imageset import ImageSet
from radapt.images.subsample import sample_images
from radapt.models.checkpoint import weights_digest
from radapt.models.classifier import Classifier

NUMBERS = "reference.safetensors"
ABOUT = "reference.json"
FORMAT = 2  # the first had no grey statistics: it is read, and pixels are then not compared
MOST = 1000  # images

_KINDS = {"features": ("float32", 2), "scores": ("float32", 2), "patients": ("int64", 1)}
_GREYS = {"greys": ("float32", 2)}


def write_reference(
    classifier: Classifier,
    images: ImageSet,
    folder: Path,
    hardware: Hardware,
    *,
    about: Mapping[str, Any],
    seed: int = 0,
) -> None:
    """Write what a model sees in some 1,000 of these images, by whole patients, into its run folder.

    Raises
    ------
    RadaptError
        If it cannot be written.
    """
    from safetensors.numpy import save

    looks = extract_features(classifier, sample_images([images], MOST, seed=seed), hardware)
    arrays = {name: np.ascontiguousarray(getattr(looks, name)) for name in (*_KINDS, *_GREYS, "labels")}
    data = save(arrays)
    with atomic(folder / NUMBERS) as temporary:
        temporary.write_bytes(data)
    said = {
        "format": FORMAT,
        **about,
        "images": len(looks),
        "patients": looks.people,
        "classes": list(looks.classes),
        "model": weights_digest(classifier),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    write_json(folder / ABOUT, said)


def read_reference(folder: Path, classifier: Classifier) -> DriftFeatures:
    """Read what `write_reference` wrote for a model; one of format 1 has no grey statistics.

    Raises
    ------
    AskedWrongly
        If the folder has none.
    BadArtefact
        If it is damaged, or of another model.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if not (folder / ABOUT).is_file():
        raise AskedWrongly(
            f"{folder} has no reference to hold images against: `radapt train` writes one, and "
            f"`radapt adapt` "
            "where it has validation images. Give --reference DATA, images of the kind that it was made for."
        )
    about = read_json(folder / ABOUT)
    if not isinstance(about, dict) or about.get("format") not in (1, FORMAT):
        raise BadArtefact(f"{folder / ABOUT} is not a reference of this radapt's: give --reference DATA.")
    if about.get("model") != weights_digest(classifier):
        raise BadArtefact(f"{folder / ABOUT} is the reference of another model: give --reference DATA.")
    kinds = _KINDS if about["format"] == 1 else {**_KINDS, **_GREYS}
    check_file(folder / NUMBERS)
    try:
        data = (folder / NUMBERS).read_bytes()
        if hashlib.sha256(data).hexdigest() != about.get("sha256"):
            raise BadArtefact(
                f"{folder / NUMBERS} is not the file that was written there: its sha256 differs."
            )
        arrays = load(data)
        for name, (kind, dimensions) in kinds.items():
            if arrays[name].dtype != kind or arrays[name].ndim != dimensions:
                raise ValueError(f"{name} is {arrays[name].dtype} of shape {arrays[name].shape}")
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise BadArtefact(f"{folder / NUMBERS} could not be read: {error}.") from None
    if len(kinds) > len(_KINDS) and arrays["greys"].shape[1] != len(NAMES):
        raise BadArtefact(f"{folder / ABOUT} is not a reference of this radapt's: give --reference DATA.")
    return DriftFeatures(**arrays, classes=classifier.spec.classes)
