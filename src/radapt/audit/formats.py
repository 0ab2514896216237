"""Files of other sizes and depths than the rest."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radapt.audit.collection import Collection
from radapt.audit.finding import Finding, joined
from radapt.images.visible_range import level_notes

RULE = 0.9  # share of images that makes a size or depth the rule, and any other the exception
SHOWN = 3  # sizes or depths that a sentence names

_FENCE = 3.0  # spreads between the quartiles beyond either, from where on a size is far out (Tukey 1977)


def find_odd_sizes(images: Collection) -> list[Finding]:
    """Find the images of another size than nearly all, or, where sizes vary, of one that is far out."""
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
        room = _FENCE * (high - low)
        for rows, word in ((values < low - room, below), (values > high + room, above)):
            for row in np.flatnonzero(rows).tolist():
                middle = _size(int(np.median(widths)), int(np.median(heights)))
                detail = f"{names[row]} pixels: far too {word} beside the others, of {middle} in the middle."
                findings.append(Finding("odd-size", "note", (str(images.ids[row]),), detail))
    return findings


def find_odd_depths(images: Collection) -> list[Finding]:
    """Find images of another bit depth than nearly all, and say where depths are mixed."""
    if not images.files:
        return []
    spread = [Finding("odd-depth", "note", (), note) for note in level_notes(images.files)]
    names = np.array([f"{bits} bits" for bits in images.files["bits"].tolist()])
    common = _exceptions(names, images, "odd-depth", "")
    if common is not None:
        return [*common, *spread]
    return [Finding("odd-depth", "note", (), f"Depths are mixed: {shares(names)}."), *spread]


def compare_formats(images: Collection, other: Collection, names: Sequence[str]) -> list[Finding]:
    """Say how sizes and depths of two data sets differ."""
    if not images.files or not other.files:
        return []
    findings = []
    for kind, columns in (("odd-size", ("width", "height")), ("odd-depth", ("bits",))):
        said = [_formats(each, columns) for each in (images, other)]
        if set(said[0].tolist()) != set(said[1].tolist()):
            detail = "; ".join(f"{name} has {shares(each)}" for name, each in zip(names, said, strict=True))
            findings.append(Finding(kind, "note", (), f"{detail}."))
    return findings


def shares(names: NDArray[np.str_]) -> str:
    """Write how common each of a few values is: `8 bits (60 %) and 16 bits (40 %)`."""
    values, counts = np.unique(names, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    said = [
        f"{values[at]} ({counts[at] / len(names):.0%})".replace("%", " %") for at in order[:SHOWN].tolist()
    ]
    return joined([*said, f"{len(order) - SHOWN} others"] if len(order) > SHOWN else said)


def _formats(images: Collection, columns: Sequence[str]) -> NDArray[np.str_]:
    values = [images.files[column].tolist() for column in columns]
    if len(columns) == 1:
        return np.array([f"{bits} bits" for bits in values[0]])
    return np.array([_size(*each) for each in zip(*values, strict=True)])


def _exceptions(names: NDArray[np.str_], images: Collection, kind: str, unit: str) -> list[Finding] | None:
    """Name the images that differ from a rule; None where there is no rule."""
    values, counts = np.unique(names, return_counts=True)
    rule = int(counts.argmax())
    if counts[rule] < RULE * len(names):
        return None
    findings = []
    for value in values.tolist():
        if value != values[rule]:
            rows = np.flatnonzero(names == value)
            said = " ".join(filter(None, [value, unit]))
            detail = f"{said}, where {counts[rule]:,} of {len(names):,} images have {values[rule]}."
            findings.append(Finding(kind, "note", tuple(images.ids[rows].tolist()), detail))
    return findings


def _size(width: int, height: int) -> str:
    return f"{width} x {height}"
