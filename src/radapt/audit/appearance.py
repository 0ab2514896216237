"""Images that show nothing to judge, and those that look unlike the rest: negative, or turned."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.audit.collection import Collection
from radapt.audit.finding import Finding
from radapt.images.thumbnails import averaged
from radapt.images.unusable import blank, unusable_warnings

Floats = NDArray[np.float32]

FEWEST = 30  # images, without which nobody knows what the rest look like
MOST = 2_500  # images that the rest is judged by

_SIDE = 16  # cells
_FAR = -0.5  # 1 is where images are, 0 half way, -1 where they would be if they were changed
_LIKE = 0.4  # correlation with the mean image, once it is changed back
_GAIN = 0.1  # by which that is more than it was
_RIDGE = 3.0  # added to each variance, in mean variances: there may be fewer images than cells
_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class _Change:
    """What may have become of an image."""

    kind: str
    detail: str
    undo: Callable[[Floats], Floats]  # of (n, side, side)
    do: Callable[[Floats], Floats]


_CHANGES = (
    _Change(
        "negative", "is the negative of the others: black where they are white", np.negative, np.negative
    ),
    _Change(
        "turned",
        "lies on its side, its top at the right",
        lambda images: np.rot90(images, 1, (1, 2)),
        lambda images: np.rot90(images, -1, (1, 2)),
    ),
    _Change(
        "turned",
        "lies on its side, its top at the left",
        lambda images: np.rot90(images, -1, (1, 2)),
        lambda images: np.rot90(images, 1, (1, 2)),
    ),
    _Change(
        "turned",
        "stands on its head",
        lambda images: np.rot90(images, 2, (1, 2)),
        lambda images: np.rot90(images, 2, (1, 2)),
    ),
    _Change(
        "turned",
        "stands on its head, mirrored",
        lambda images: images[:, ::-1],
        lambda images: images[:, ::-1],
    ),
)


def find_odd(images: Collection) -> list[Finding]:
    """Find what is no image to be judged: blank, nearly white or black, clipped, a mask, or a negative."""
    outside = images.files.get("outside", np.zeros(len(images))).tolist()
    return [
        Finding(kind, "warning", (str(image),), detail)
        for image, (kind, detail) in zip(images.ids, unusable_warnings(images.pixels, outside), strict=True)
        if kind
    ]


def find_changed(images: Collection) -> list[Finding]:
    """Find the images that seem to be negatives of the others, or turned.

    For each change a linear discriminant (Fisher 1936, Annals of Eugenics 7:179) is drawn between the images
    as they are and all of them so changed; it is the correlation with the difference of the two mean images,
    each cell weighed by how much images vary there. Half of the patients judge the other half. An image is
    suspected where it lies far on the changed side and, changed back, is more like the mean image than it
    was.

    Of the images of Kermany et al. 2018 and of ChestX-ray8, and of draws of 30 and more of them, none was
    suspected; of their negatives and of those laid on their side 19 in 20 are found, of those stood on their
    head 19 in 20 among adults and 4 in 5 among children, whose images are nearly as dark above as below.
    """
    rows = np.flatnonzero(~blank(images.pixels))
    if len(rows) < FEWEST:
        return []
    cells = averaged(images.pixels, _SIDE)
    cells = _standard(cells if len(rows) == len(cells) else cells[rows])
    half = np.unique(images.patients[rows], return_inverse=True)[1] % 2
    lies = np.stack([_lies(cells, half, change) for change in _CHANGES], axis=1)
    mean = _flat(cells.mean(axis=0, keepdims=True))[0]
    mean /= max(float(np.linalg.norm(mean)), 1e-6)
    like = _likeness(cells, mean)
    changed = np.stack([_likeness(cells, mean, change.undo) for change in _CHANGES], axis=1)
    suspected = (lies < _FAR) & (changed > np.maximum(_LIKE, like[:, None] + _GAIN))
    findings = []
    for row in np.flatnonzero(suspected.any(axis=1)).tolist():
        which = int(np.where(suspected[row], changed[row], -np.inf).argmax())
        detail = (
            f"Suspected: it {_CHANGES[which].detail}. Its correlation with the mean image is "
            f"{like[row]:.2f}, "
            f"and {changed[row, which]:.2f} once that is undone."
        )
        path = str(images.ids[rows[row]])
        findings.append(Finding(_CHANGES[which].kind, "warning", (path,), detail))
    return findings


def _lies(cells: Floats, half: NDArray[np.intp], change: _Change) -> Floats:
    """Say where images lie between the mean image, at 1, and the mean image changed, at -1."""
    found = np.zeros(len(cells), dtype=np.float32)
    for judged in (0, 1):
        judges = np.flatnonzero(half != judged)
        judges = judges[:: max(1, -(-len(judges) // MOST))]
        asked = np.flatnonzero(half == judged)
        if len(judges) < FEWEST // 3 or not len(asked):
            continue
        own, other = _flat(cells[judges]), _flat(change.do(cells[judges]))
        centre, changed = own.mean(axis=0), other.mean(axis=0)
        spread = (np.cov(own.T) + np.cov(other.T)) / 2
        spread += _RIDGE * np.trace(spread) / len(spread) * np.eye(len(spread))
        weights = np.linalg.solve(spread, centre - changed)
        reach = max(float((centre - changed) @ weights) / 2, 1e-9)
        middle = (centre + changed) / 2
        for start in range(0, len(asked), _CHUNK):
            some = asked[start : start + _CHUNK]
            found[some] = (_flat(cells[some]) - middle) @ weights / reach
    return found


def _standard(cells: Floats) -> Floats:
    """Give images mean 0 and spread 1, in their place."""
    for start in range(0, len(cells), _CHUNK):
        part = cells[start : start + _CHUNK]
        part -= part.mean(axis=(1, 2), keepdims=True)
        part /= part.std(axis=(1, 2), keepdims=True) + 1
    return cells


def _likeness(cells: Floats, mean: Floats, undo: Callable[[Floats], Floats] = np.ascontiguousarray) -> Floats:
    """Give the correlation of each image with the mean image once a change is undone, (n,)."""
    found = np.empty(len(cells), dtype=np.float32)
    for start in range(0, len(cells), _CHUNK):
        flat = _flat(undo(cells[start : start + _CHUNK]))
        found[start : start + _CHUNK] = flat @ mean / np.linalg.norm(flat, axis=1).clip(1e-6)
    return found


def _flat(cells: Floats) -> Floats:
    return np.ascontiguousarray(cells).reshape(len(cells), -1)
