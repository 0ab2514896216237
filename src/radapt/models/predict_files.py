"""Predict single image files; files that cannot be read are reported, and the rest are scored."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, BadImage, WrongFolder
from radapt.images.folder_walk import Walk
from radapt.images.identify import printable
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.pixels import GreyImage, read_image
from radapt.images.preprocessing import Preprocessing
from radapt.images.store.store import is_store
from radapt.images.unusable import unusable_warnings
from radapt.labels import join_labels, positive_class
from radapt.text import listed

BATCH = 128  # images read before they are scored


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """What scores images, whatever runs it: PyTorch or ONNX Runtime."""

    classes: tuple[str, ...]
    findings: bool  # whether an image may have several of the classes
    reading: Preprocessing  # of its images
    score: Callable[[NDArray[np.uint8]], NDArray[np.float64]]  # images (n, h, w) to probabilities (n, k)

    def label(self, scores: Sequence[float], thresholds: Mapping[str, float]) -> str:
        """Return the class of an image by its scores, or its findings joined by `|`.

        Parameters
        ----------
        thresholds
            As for `score_files`.
        """
        if self.findings:
            pairs = zip(self.classes, scores, strict=True)
            return join_labels(self.classes, (score >= thresholds.get(name, 0.5) for name, score in pairs))
        if thresholds:
            positive = positive_class(self.classes)
            is_positive = scores[positive] >= thresholds[self.classes[positive]]
            return self.classes[positive if is_positive else 1 - positive]
        return self.classes[max(range(len(scores)), key=scores.__getitem__)]


def check_images(images: ImageSet | Dataset, classes: Sequence[str], *, findings: bool) -> None:
    """Refuse images of other classes than a model's.

    Raises
    ------
    AskedWrongly
        If the classes or their order differ, or only one side is multi-label.
    """
    if images.classes != tuple(classes):
        raise AskedWrongly(
            f"The model knows the classes {listed(classes)}; the images have {listed(images.classes)}. "
            "classes (--classes THEIRS=OURS) says which is which."
        )
    if images.exclusive == findings:
        one, several = "is of one class", "may have several findings"
        own, theirs = (several, one) if findings else (one, several)
        raise AskedWrongly(f"For the model, each image {own}; in this data set, each image {theirs}.")


def score_files(
    scorer: Scorer,
    paths: Sequence[Path],
    *,
    thresholds: Mapping[str, float] | None = None,
    observe: Callable[[NDArray[np.uint8]], None] | None = None,
    taken: Callable[[Path], None] | None = None,
) -> dict[str, Any]:
    """Score images by a model.

    Parameters
    ----------
    paths
        Files, and folders whose files (in sub-folders too) are all scored.
    thresholds
        The probability from which on an image is labelled so, by finding; of two classes that of the
        positive one. None: 0.5 for findings, and else the likeliest class.
    observe
        Called with the pixels (n, h, w) of the images, batch by batch in the order of the result.
    taken
        Called with the file of each image, in the order of the result: "path" is a text that can be printed.

    Returns
    -------
    dict
        "images": [{"path", "scores": {class: probability}, "label": the class, or the findings joined by
        `|`}], and "failed": [{"path", "error"}], in the order given. An
        image that is no image to be judged has "warning" too, a sentence (see `radapt.images.unusable`).
        "passed" counts the files that were skipped, by extension.

    Raises
    ------
    WrongFolder
        If none of the paths exists, or a folder holds no file.
    """
    images = []
    listing = find_files(paths)
    failed = listing.failed
    for start in range(0, len(listing.files), BATCH):
        read: list[tuple[Path, GreyImage]] = []
        for path in listing.files[start : start + BATCH]:
            try:
                read.append((path, read_image(path, scorer.reading)))
            except BadImage as error:
                failed.append({"path": printable(str(path)), "error": str(error)})
        if read:
            pixels = np.stack([radiograph.pixels for _, radiograph in read])
            if observe is not None:
                observe(pixels)
            scores = scorer.score(pixels)
            warned_of = unusable_warnings(pixels, [radiograph.outside for _, radiograph in read])
            for (path, _), row, (_, warning) in zip(read, scores.tolist(), warned_of, strict=True):
                named = dict(zip(scorer.classes, row, strict=True))
                image = {
                    "path": printable(str(path)),
                    "scores": named,
                    "label": scorer.label(row, thresholds or {}),
                }
                if taken is not None:
                    taken(path)
                images.append(image | ({"warning": warning} if warning else {}))
    return {"images": images, "failed": failed, "passed": dict(sorted(listing.passed.items()))}


@dataclass(slots=True)
class FoundFiles:
    """The files of some paths, and what was not taken."""

    files: list[Path] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)  # by extension


def find_files(paths: Sequence[Path]) -> FoundFiles:
    """Return the files of some paths, with all that lie in folders and below.

    Raises
    ------
    WrongFolder
        As for `score_files`.
    """
    listing, missing = FoundFiles(), 0
    for path in paths:
        if is_store(path):
            raise WrongFolder(
                f"{path} is a store, which `radapt evaluate` scores. Give images, or a folder of them."
            )
        if path.is_dir():
            _walk(path, listing)
        elif os.path.lexists(path):
            listing.files.append(path)
        else:
            missing += 1
            listing.failed.append({"path": printable(str(path)), "error": "is missing"})
    if missing == len(paths):
        raise WrongFolder(f"There is no file or folder {paths[0]}. Give images, or folders of images.")
    return listing


def _walk(folder: Path, listing: FoundFiles) -> None:
    """Collect the files below a folder, and report sub-folders that cannot be read."""
    before = (len(listing.files), len(listing.failed))

    def refused(error: OSError) -> None:
        why = f"is a folder that cannot be looked into ({error.strerror})"
        listing.failed.append({"path": printable(str(error.filename)), "error": why})

    walk = Walk(refused)
    listing.files += [folder / file.inner for file in walk.files(folder)]
    listing.passed.update(walk.passed)
    if before == (len(listing.files), len(listing.failed)):
        raise WrongFolder(f"The folder {folder} holds no image.")
