"""What is said of each image: that it is of one of several classes, or of several findings which it has.

Labels are either int64 (n,), an index into the classes, which exclude one another; or float32 (n, k), for
each finding 1 (the image has it), 0 (it has not) or NaN (not labelled: losses and metrics pass over it).
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly

Labels = NDArray[np.int64] | NDArray[np.float32]
Label = int | tuple[float, ...]  # of one image

_NO_FINDING = re.compile(
    r"(no|non|without) .+|no ?findings?"
    r"|(.+ )?(normal|negative|healthy|clear|controls?|non\w+|un(infected|affected))"
)


def label_array(labels: Sequence[Label]) -> Labels:
    """Give the labels of images, one by one, as an array."""
    if labels and isinstance(labels[0], tuple):
        return np.array(labels, dtype=np.float32)
    return np.array(labels, dtype=np.int64)


def are_exclusive(labels: Labels) -> bool:
    """Say whether each image is of one class; otherwise it has any number of findings."""
    return labels.ndim == 1


def check_labels(labels: Labels, classes: Sequence[str]) -> None:
    """Check that labels are of one of the two kinds.

    Raises
    ------
    AskedWrongly
        If they are not, or name a class that there is none of.
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
    """Give each image the one kind that splits and samples spread evenly, (n,).

    Its class; of several findings 1 + the rarest that it has, or 0 if it has none.
    """
    if labels.ndim == 1:
        return labels.astype(np.int64, copy=False)
    has = labels == 1
    rarest_first = np.argsort(has.sum(axis=0), kind="stable")
    ranked = has[:, rarest_first]
    strata: NDArray[np.int64] = np.where(ranked.any(axis=1), 1 + rarest_first[ranked.argmax(axis=1)], 0)
    return strata


def positive_class(classes: Sequence[str]) -> int:
    """Say which of two classes is the finding: 0 or 1.

    If exactly one of the two reads as the absence of a finding ("NORMAL", "covid-negative", "No Finding",
    "healthy", "clear", "control"), it is the other one; else the last.
    """
    names = [re.sub(r"[\W_]+", " ", name).strip().casefold() for name in classes]
    quiet = [_NO_FINDING.fullmatch(name) is not None for name in names]
    return 0 if quiet == [False, True] else 1


def count_labels(labels: Labels, classes: Sequence[str]) -> dict[str, int]:
    """Count the images of each class, or those that have each finding."""
    numbers = np.bincount(labels, minlength=len(classes)) if labels.ndim == 1 else (labels == 1).sum(axis=0)
    return {name: int(number) for name, number in zip(classes, numbers, strict=True)}


def same_labels(one: Labels, other: Labels) -> bool:
    """Say whether two sets of labels are the same, gaps included."""
    return one.shape == other.shape and bool(((one == other) | ((one != one) & (other != other))).all())


def join_labels(findings: Sequence[str], has: Iterable[bool]) -> str:
    """Name the findings that an image has, as NIH ChestX-ray14 writes them: with `|` between."""
    return "|".join(name for name, one in zip(findings, has, strict=True) if one) or "none"
