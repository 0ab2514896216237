"""MedMNIST files: small pictures of three splits in one file of arrays.

Source: Yang et al. 2023, MedMNIST v2, Scientific Data 10:41.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radapt.archives import DAMAGE, open_arrays
from radapt.errors import AskedWrongly
from radapt.files import sha256
from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.images.pixels import READER_VERSION, fitted
from radapt.images.preprocessing import Preprocessing
from radapt.labels import Labels, are_exclusive
from radapt.text import counted, listed

CLASSES = {  # class names, which the files do not hold
    "pneumoniamnist": ("normal", "pneumonia"),
    "chestmnist": (
        *("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia"),
        *("pneumothorax", "consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia"),
    ),
}

_SPLITS = ("train", "val", "test")
_NOTE = (
    "MedMNIST does not say whose its pictures are, so each counts as one patient: intervals are too narrow "
    "if some have several, and its own splits may share patients."
)


def read_medmnist(path: Path, reading: Preprocessing, classes: tuple[str, ...] | None = None) -> Dataset:
    """Read a `.npz` file of MedMNIST, of grey pictures, in the splits it has.

    A picture has one label, or 1 or 0 for each of several findings.

    Parameters
    ----------
    path
        The file: `train_images` uint8 (n, height, width), `train_labels` (n, 1) or (n, k) of 1 and 0, and so
        for val and test.
    reading
        What decides the pixels; its size is not None.
    classes
        Names of the labels 0, 1, ...; by default the published names for files of known names, otherwise
        "class 0" and so on.

    Raises
    ------
    AskedWrongly
        If it is missing, is no such file, or holds pictures in colour.
    """
    size = reading.size or 0
    try:
        digest = sha256(path)
        with open_arrays(path) as arrays:
            arrays_of = {
                split: _arrays(path, arrays, split) for split in _SPLITS if f"{split}_images" in arrays
            }
    except FileNotFoundError:
        raise AskedWrongly(f"There is no file {path}.") from None
    except (*DAMAGE, OSError, ValueError, KeyError, TypeError) as error:
        why = str(error) or type(error).__name__
        raise AskedWrongly(f"{path} is damaged, or not of MedMNIST ({why}).") from None
    if "train" not in arrays_of:
        raise AskedWrongly(f"{path} has no train_images, as files of MedMNIST do.")
    names = _names(path, max(_kinds(labels) for _, labels in arrays_of.values()), classes)
    splits = {}
    for split, (pictures, labels) in arrays_of.items():
        ids = np.array([f"{split}/{number:06d}" for number in range(len(labels))], dtype=np.str_)
        pixels = np.empty((len(labels), size, size), dtype=np.uint8)
        for row, picture in enumerate(pictures):
            pixels[row] = fitted(Image.fromarray(picture), reading)
        splits[split] = ImageSet(pixels, labels, ids, ids, names)
    about: dict[str, str | int] = {**reading.as_dict(), "reader": READER_VERSION}
    fingerprint = hashlib.sha256(repr((digest, sorted(about.items()), names)).encode()).hexdigest()
    return Dataset(splits, DataProvenance(path.name, "file", "MedMNIST", about, fingerprint, notes=(_NOTE,)))


def _kinds(labels: Labels) -> int:
    """Return the number of classes in the labels."""
    return int(labels.max(initial=0)) + 1 if are_exclusive(labels) else int(labels.shape[1])


def _arrays(path: Path, arrays: Any, split: str) -> tuple[NDArray[np.uint8], Labels]:
    pictures, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    if pictures.ndim != 3 or pictures.dtype != np.uint8:
        raise AskedWrongly(
            f"{path} holds pictures of {pictures.dtype} of shape {pictures.shape[1:]}. Grey ones are uint8 "
            "of height and width."
        )
    if labels.dtype.kind in "iub" and labels.ndim == 2 and labels.shape[1] > 1 and labels.max(initial=0) <= 1:
        return pictures, labels.astype(np.float32)
    if labels.dtype.kind not in "iu" or len(labels) != len(pictures) or labels.size != len(labels):
        raise AskedWrongly(
            f"{path} holds labels of shape {labels.shape} for {len(pictures)} pictures. One whole number for "
            "each is read, or 1 and 0 for each finding."
        )
    return pictures, labels.reshape(-1).astype(np.int64)


def _names(path: Path, count: int, classes: tuple[str, ...] | None) -> tuple[str, ...]:
    known = CLASSES.get(path.stem.partition("_")[0].lower(), tuple(f"class {each}" for each in range(count)))
    names = known if classes is None else classes
    if len(names) < max(2, count):
        has = counted(count, "class", "classes")
        raise AskedWrongly(f"{path} has {has}. Got names for {len(names)}: {listed(names)}.")
    return names
