"""Find files whose size or bit depth differs from the rest."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radapt.auditing.collection import Collection
from radapt.auditing.finding import Finding
from radapt.images.visible_range import level_notes
from radapt.text import joined

RULE = 0.9  # share of the images from which a size or depth is the rule, and others are exceptions
SHOWN = 3  # most sizes or depths that a sentence names

_FENCE = 3.0  # interquartile ranges beyond a quartile from which a size is an outlier (Tukey 1977)


def find_odd_sizes(images: Collection) -> list[Finding]:
    """Find images whose size differs from nearly all others, or, if sizes vary, is an outlier."""
    if not images.files:
        return []
    widths, heights = images.files["width"], images.files["height"]
    names = np.array([_size(*each) for each in zip(widths.tolist(), heights.tolist(), strict=True)])
    common = _exceptions(names, images, "odd-size", "pixels")
    if common is not None:
        return common
    area, shape = np.log(widths * heights), np.log(widths / heights)
    findings = []
    for values, below, above in ((area, "small", "large"), (shape, "tall", "wide")):
        low, high = np.quantile(values, [0.25, 0.75])
        fence = _FENCE * (high - low)
        for rows, word in ((values < low - fence, below), (values > high + fence, above)):
            for row in np.flatnonzero(rows).tolist():
                middle = _size(int(np.median(widths)), int(np.median(heights)))
                detail = f"{names[row]} pixels: far too {word} compared to the median of {middle}."
                findings.append(Finding("odd-size", "note", (str(images.ids[row]),), detail))
    return findings


def find_odd_depths(images: Collection) -> list[Finding]:
    """Find images whose bit depth differs from nearly all others, or report mixed depths."""
    if not images.files:
        return []
    spread = [Finding("odd-depth", "note", (), note) for note in level_notes(images.files)]
    names = np.array([f"{bits} bits" for bits in images.files["bits"].tolist()])
    common = _exceptions(names, images, "odd-depth", "")
    if common is not None:
        return [*common, *spread]
    return [Finding("odd-depth", "note", (), f"Depths are mixed: {shares(names)}."), *spread]


def compare_formats(images: Collection, other: Collection, names: Sequence[str]) -> list[Finding]:
    """Report how sizes and bit depths of two data sets differ."""
    if not images.files or not other.files:
        return []
    findings = []
    for kind, columns in (("odd-size", ("width", "height")), ("odd-depth", ("bits",))):
        formats = [_formats(each, columns) for each in (images, other)]
        if set(formats[0].tolist()) != set(formats[1].tolist()):
            detail = "; ".join(
                f"{name} has {shares(each)}" for name, each in zip(names, formats, strict=True)
            )
            findings.append(Finding(kind, "note", (), f"{detail}."))
    return findings


def shares(names: NDArray[np.str_]) -> str:
    """Return the share of each value as text: `8 bits (60 %) and 16 bits (40 %)`."""
    values, counts = np.unique(names, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    parts = [
        f"{values[at]} ({counts[at] / len(names):.0%})".replace("%", " %") for at in order[:SHOWN].tolist()
    ]
    return joined([*parts, f"{len(order) - SHOWN} others"] if len(order) > SHOWN else parts)


def _formats(images: Collection, columns: Sequence[str]) -> NDArray[np.str_]:
    values = [images.files[column].tolist() for column in columns]
    if len(columns) == 1:
        return np.array([f"{bits} bits" for bits in values[0]])
    return np.array([_size(*each) for each in zip(*values, strict=True)])


def _exceptions(names: NDArray[np.str_], images: Collection, kind: str, unit: str) -> list[Finding] | None:
    """Return findings on images that differ from the rule; None if no value is the rule."""
    values, counts = np.unique(names, return_counts=True)
    rule = int(counts.argmax())
    if counts[rule] < RULE * len(names):
        return None
    findings = []
    for value in values.tolist():
        if value != values[rule]:
            rows = np.flatnonzero(names == value)
            description = " ".join(filter(None, [value, unit]))
            detail = f"{description}, where {counts[rule]:,} of {len(names):,} images have {values[rule]}."
            findings.append(Finding(kind, "note", tuple(images.ids[rows].tolist()), detail))
    return findings


def _size(width: int, height: int) -> str:
    return f"{width} x {height}"
