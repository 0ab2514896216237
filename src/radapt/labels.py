"""Labels of images: one of several exclusive classes, or any number of findings.

Labels are either int64 (n,), an index into exclusive classes; or float32 (n, k), for each of k findings 1
(present), 0 (absent) or NaN (not labelled; ignored by losses and metrics).
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly

Labels = NDArray[np.int64] | NDArray[np.float32]
Label = int | tuple[float, ...]  # of one image
SEPARATOR = "|"  # of the findings of one image, as NIH ChestX-ray14 has it

_NO_FINDING = re.compile(
    r"(no|non|without) .+|no ?findings?"
    r"|(.+ )?(normal|negative|healthy|clear|controls?|non\w+|un(infected|affected))"
)


def label_array(labels: Sequence[Label]) -> Labels:
    """Return n labels as an array: int64 (n,), or float32 (n, k) if they are tuples."""
    if labels and isinstance(labels[0], tuple):
        return np.array(labels, dtype=np.float32)
    return np.array(labels, dtype=np.int64)


def are_exclusive(labels: Labels) -> bool:
    """Return whether each image is of exactly one class; otherwise it has any number of findings."""
    return labels.ndim == 1


def check_labels(labels: Labels, classes: Sequence[str]) -> None:
    """Check that labels have one of the two formats.

    Raises
    ------
    AskedWrongly
        If they have not, or an index has no class.
    """
    if are_exclusive(labels):
        if labels.dtype != np.int64:
            raise AskedWrongly(f"Labels of one class an image are int64. Got {labels.dtype}.")
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
            raise AskedWrongly(
                f"Labels are numbers from 0 to {len(classes) - 1}, one for each class. "
                f"Got {labels.min()} to {labels.max()}."
            )
        return
    if labels.dtype != np.float32 or labels.shape[1:] != (len(classes),):
        raise AskedWrongly(
            f"Labels of {len(classes)} findings an image are float32 of shape (n, {len(classes)}). "
            f"Got {labels.dtype} of shape {labels.shape}."
        )
    if not np.isin(labels[~np.isnan(labels)], (0, 1)).all():
        raise AskedWrongly("Labels of findings are 1, 0 or NaN. Got other numbers.")


def stratify(labels: Labels) -> NDArray[np.int64]:
    """Return the stratum of each image, (n,), for stratified splits and samples.

    Its class; or for findings 1 + the index of the rarest one present, 0 if there is none.
    """
    if labels.ndim == 1:
        return labels.astype(np.int64, copy=False)
    has = labels == 1
    rarest_first = np.argsort(has.sum(axis=0), kind="stable")
    ranked = has[:, rarest_first]
    strata: NDArray[np.int64] = np.where(ranked.any(axis=1), 1 + rarest_first[ranked.argmax(axis=1)], 0)
    return strata


def positive_class(classes: Sequence[str]) -> int:
    """Return the index of the positive one of two classes, 0 or 1.

    If exactly one name means the absence of a finding ("NORMAL", "covid-negative", "No Finding", "healthy",
    "clear", "control"), the other class is positive; else the second one is.
    """
    return 0 if [names_absence(name) for name in classes] == [False, True] else 1


def names_absence(name: str) -> bool:
    """Return whether an English name of a class says that there is no finding, as "normal" does."""
    return _NO_FINDING.fullmatch(re.sub(r"[\W_]+", " ", name).strip().casefold()) is not None


def count_labels(labels: Labels, classes: Sequence[str]) -> dict[str, int]:
    """Return the number of images of each class, or with each finding."""
    numbers = np.bincount(labels, minlength=len(classes)) if labels.ndim == 1 else (labels == 1).sum(axis=0)
    return {name: int(number) for name, number in zip(classes, numbers, strict=True)}


def same_labels(one: Labels, other: Labels) -> bool:
    """Return whether two arrays of labels are equal, NaN at the same places included."""
    return one.shape == other.shape and bool(((one == other) | ((one != one) & (other != other))).all())


def join_labels(findings: Sequence[str], has: Iterable[bool]) -> str:
    """Return the names of an image's findings joined by `|` as in NIH ChestX-ray14, "none" without any."""
    return SEPARATOR.join(name for name, one in zip(findings, has, strict=True) if one) or "none"
