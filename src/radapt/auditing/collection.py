"""The images under audit, row by row, and pools of one or two data sets to search for duplicates."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.images.description import described
from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.images.load import load_dataset, packed
from radapt.images.load_options import LoadOptions
from radapt.images.reclassify import reclassified
from radapt.images.store.pack import NothingReadable
from radapt.images.store.store import is_store, open_columns, open_store
from radapt.progress import SILENT, Watch

Truth = NDArray[np.float32]  # (n, k): 1 if an image has a class, 0 if not, NaN if unknown


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """The images of a data set, row by row, and the files that could not be read."""

    pixels: NDArray[np.uint8]  # (n, size, size), may be a memory map
    truth: Truth
    patients: NDArray[np.str_]
    ids: NDArray[np.str_]
    splits: NDArray[np.str_]
    digests: NDArray[np.bytes_]  # sha256 of each file, or of the pixels if there are no files
    files: dict[
        str, NDArray[Any]
    ]  # columns width, height, bits, low, high and outside; empty if there are no files
    classes: tuple[str, ...]
    origin: DataProvenance
    sets: dict[str, ImageSet]  # the same images by split

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def knows_patients(self) -> bool:
        """Whether patients are known."""
        return self.origin.patient_rule != "file"

    def labels_of(self, row: int) -> str:
        """Return the classes of an image as text."""
        return joined_classes(self.truth[row], self.classes)


def joined_classes(truth: NDArray[np.float32], classes: Sequence[str]) -> str:
    """Return the classes that are 1 in a row of truth as text."""
    return " + ".join(name for name, value in zip(classes, truth, strict=True) if value == 1) or "none"


def collect(
    path: Path, wanted: LoadOptions, *, cache: Path | None = None, watch: Watch = SILENT
) -> Collection:
    """Load the images of a data set for an audit, even if it cannot be trained on.

    Parameters
    ----------
    path, wanted, cache, watch
        As for `radapt.images.load.load_dataset`.

    Raises
    ------
    AskedWrongly
        If the path is missing or holds no images, or an option is not one or not for it.
    BadArtefact
        If the store is damaged.
    """
    path, wanted = described(path, wanted)
    if path.suffix.lower() == ".npz":
        return collection_of(load_dataset(path, wanted))
    try:
        store = packed(path, wanted, complete=False, cache=cache, watch=watch)
    except NothingReadable as error:
        return _empty_collection(path, wanted, error.failed)
    pixels, files = open_columns(store, ["width", "height", "bits", "low", "high", "outside", "digest"])
    digests, dataset = files.pop("digest").astype(np.bytes_), open_store(store)
    if is_store(path) and wanted.rules:
        ids = np.concatenate([each.ids for each in dataset.splits.values()])
        dataset = reclassified(dataset, wanted.rules)
        kept = np.isin(ids, np.concatenate([each.ids for each in dataset.splits.values()]))
        pixels, digests = pixels[kept], digests[kept]
        files = {name: column[kept] for name, column in files.items()}
    return _collection(dataset, pixels, digests, files)


def collection_of(dataset: Dataset) -> Collection:
    """Return the images of a data set in memory, of whose files nothing is known."""
    pixels = np.concatenate([images.pixels for images in dataset.splits.values()])
    digests = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in pixels], dtype=np.bytes_)
    return _collection(dataset, pixels, digests, {})


def _collection(
    dataset: Dataset,
    pixels: NDArray[np.uint8],
    digests: NDArray[np.bytes_],
    files: dict[str, NDArray[Any]],
) -> Collection:
    sets = dataset.splits
    labels = np.concatenate([images.labels for images in sets.values()])
    truth = labels if labels.ndim == 2 else np.eye(len(dataset.classes), dtype=np.float32)[labels]
    return Collection(
        pixels=pixels,
        truth=truth.astype(np.float32),
        patients=np.concatenate([images.patients for images in sets.values()]),
        ids=np.concatenate([images.ids for images in sets.values()]),
        splits=np.concatenate([np.full(len(images), split) for split, images in sets.items()]),
        digests=digests,
        files=files,
        classes=dataset.classes,
        origin=dataset.origin,
        sets=sets,
    )


def _empty_collection(path: Path, wanted: LoadOptions, failed: tuple[tuple[str, str], ...]) -> Collection:
    """Return a collection without images."""
    size = wanted.reading.size or 1
    none, no_sum = np.empty(0, dtype=np.str_), np.empty(0, dtype=np.bytes_)
    origin = DataProvenance(path.resolve().name, "file", "none", wanted.reading.as_dict(), "", failed)
    pixels = np.empty((0, size, size), dtype=np.uint8)
    return Collection(pixels, np.empty((0, 0), np.float32), none, none, none, no_sum, {}, (), origin, {})


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Images to compare: within one data set, or between two."""

    collections: tuple[Collection, ...]  # one or two
    paths: NDArray[np.str_]  # (n,), unique; those of the second data set begin with its name
    places: NDArray[np.str_]  # (n,), the split of each image, or its data set if there are two
    truth: Truth  # (n, k) of all classes
    classes: tuple[str, ...]
    digests: NDArray[np.bytes_]

    @classmethod
    def of(cls, images: Collection, other: Collection | None = None) -> "Pool":
        """Pool the images of one or two data sets."""
        if other is None:
            return cls((images,), images.ids, images.splits, images.truth, images.classes, images.digests)
        classes = tuple(dict.fromkeys((*images.classes, *other.classes)))
        names = [images.origin.name, second_name(images, other)]
        return cls(
            collections=(images, other),
            paths=np.concatenate([images.ids, np.char.add(f"{names[1]}/", other.ids)]),
            places=np.repeat(np.array(names, dtype=np.str_), [len(images), len(other)]),
            truth=np.concatenate([_extended(each, classes) for each in (images, other)]),
            classes=classes,
            digests=np.concatenate([images.digests, other.digests]),
        )

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def is_between(self) -> bool:
        """Whether two data sets are compared; then only duplicates across them count."""
        return len(self.collections) > 1

    def image(self, row: int) -> NDArray[np.uint8]:
        """Return the pixels of an image, (size, size)."""
        first = len(self.collections[0])
        owner, at = (self.collections[0], row) if row < first else (self.collections[1], row - first)
        pixels: NDArray[np.uint8] = owner.pixels[at]
        return pixels

    def conflict(self, rows: Sequence[int]) -> bool:
        """Say whether labels of these images contradict each other."""
        values = self.truth[list(rows)]
        return bool(((values == 1).any(axis=0) & (values == 0).any(axis=0)).any())

    def labels_of(self, row: int) -> str:
        """Return the classes of an image as text."""
        return joined_classes(self.truth[row], self.classes)


def second_name(images: Collection, other: Collection) -> str:
    """Return the name of the second data set, made different from the first's."""
    name = other.origin.name
    return name if name != images.origin.name else f"{name} (other)"


def _extended(images: Collection, classes: Sequence[str]) -> Truth:
    """Extend truth to more classes; classes that the data set does not have are NaN."""
    wide = np.full((len(images), len(classes)), np.nan, dtype=np.float32)
    if len(images):
        wide[:, [classes.index(name) for name in images.classes]] = images.truth
    return wide
