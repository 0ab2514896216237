"""The reference of a model for drift: features, scores and grey statistics of its validation images.

`reference.safetensors` holds them for images of patients that the model was not trained on, and
`reference.json` their number. It contains no image and no name of a file or patient; but features are derived
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
from radapt.files import atomic, check_file, read_document, write_document
from radapt.images.imageset import ImageSet
from radapt.images.subsample import sample_images
from radapt.models.checkpoint import model_digest
from radapt.models.classifier import Classifier

NUMBERS = "reference.safetensors"
ABOUT = "reference.json"
MAX_IMAGES = 1000

# name to dtype and number of dimensions
_ARRAYS = {
    "features": ("float32", 2),
    "scores": ("float32", 2),
    "patients": ("int64", 1),
    "greys": ("float32", 2),
}


def write_reference(
    classifier: Classifier,
    images: ImageSet,
    folder: Path,
    hardware: Hardware,
    *,
    about: Mapping[str, Any],
    seed: int = 0,
) -> None:
    """Write the reference of a model into its run folder, from at most 1,000 images of whole patients.

    Raises
    ------
    RadaptError
        If it cannot be written.
    """
    from safetensors.numpy import save

    features = extract_features(classifier, sample_images([images], MAX_IMAGES, seed=seed), hardware)
    arrays = {name: np.ascontiguousarray(getattr(features, name)) for name in (*_ARRAYS, "labels")}
    data = save(arrays)
    with atomic(folder / NUMBERS) as temporary:
        temporary.write_bytes(data)
    description = {
        **about,
        "images": len(features),
        "patients": features.people,
        "classes": list(features.classes),
        "model": model_digest(classifier),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    write_document(folder / ABOUT, description)


def read_reference(folder: Path, classifier: Classifier) -> DriftFeatures:
    """Read a reference that `write_reference` wrote for this model.

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
            f"{folder} has no reference to compare images with: `radapt train` writes one, and `radapt "
            "adapt` does if it has validation images. Give --reference DATA, images like those that the "
            "model was trained on."
        )
    try:
        about = read_document(folder / ABOUT)
    except BadArtefact as error:
        raise BadArtefact(f"{error} Give --reference DATA instead.") from None
    if about.get("model") != model_digest(classifier):
        raise BadArtefact(f"{folder / ABOUT} is the reference of another model: give --reference DATA.")
    check_file(folder / NUMBERS)
    try:
        data = (folder / NUMBERS).read_bytes()
        if hashlib.sha256(data).hexdigest() != about.get("sha256"):
            raise BadArtefact(
                f"{folder / NUMBERS} is not the file that was written there: its sha256 differs. Give "
                "--reference DATA instead."
            )
        arrays = load(data)
        for name, (kind, dimensions) in _ARRAYS.items():
            if arrays[name].dtype != kind or arrays[name].ndim != dimensions:
                raise ValueError(f"{name} is {arrays[name].dtype} of shape {arrays[name].shape}")
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise BadArtefact(
            f"{folder / NUMBERS} could not be read: {error}. Give --reference DATA instead."
        ) from None
    if arrays["greys"].shape[1] != len(NAMES):
        raise BadArtefact(
            f"{folder / ABOUT} is a reference of another version of radapt: give --reference DATA."
        )
    return DriftFeatures(**arrays, classes=classifier.spec.classes)
