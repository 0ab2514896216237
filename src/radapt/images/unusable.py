"""Recognise unusable images: blank, nearly white or black, clipped, masks, negatives.

The limits are far from all of 822 images of Kermany et al. 2018 and ChestX-ray8: of any of these at most 57 %
of the pixels are in the brightest eighth of the grey range, at most 48 % in the darkest, and at most 43 % are
black or white; nine tenths of the pixels have 67 grey levels or more; and the correlation with the drawn
chest is at least 0.08.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from radapt.images.streaming import stream
from radapt.images.thumbnails import averaged
from radapt.images.visible_range import mark_of
from radapt.phantom.drawing import HOSPITALS, draw_pixels, roster

BLANK_SPREAD = 3.0  # standard deviation in grey levels; the smallest of Kermany's images is 19
BLANK_SHARE = 0.97  # share of the pixels with one grey level
NEARLY = 0.9  # share of the pixels in the brightest or the darkest eighth of the grey range
CLIPPED = 0.7  # share of the pixels that are pure black or white
MAX_MASK_LEVELS = 8  # most grey levels of nine tenths of a mask's pixels; the rest are smooth edges
NEGATIVE = -0.25  # correlation with the drawn chest

_MAJORITY = 0.9
_SIDE = 16


def blank(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say which images are blank, (n,)."""
    return np.array(
        [_is_blank(image, _shares(image)) for _, part in stream(pixels) for image in part], dtype=np.bool_
    )


def unusable_kinds(pixels: NDArray[np.uint8]) -> list[str]:
    """Return why each of some pictures (n, height, width) is unusable, "" if it is usable.

    It is the first that applies of "blank", "mask" (few grey levels), "near-white", "near-black", "clipped"
    and "negative".
    """
    kinds = []
    for _, part in stream(pixels):
        correlations = chest_correlation(part)
        kinds += [
            _kind(image, correlation) for image, correlation in zip(part, correlations.tolist(), strict=True)
        ]
    return kinds


def unusable_warnings(pixels: NDArray[np.uint8], outside: Sequence[float]) -> list[tuple[str, str]]:
    """Return for each picture the kind of problem and a sentence on it; two "" if it is usable.

    Parameters
    ----------
    pixels
        (n, height, width).
    outside
        The share of each picture's pixels outside its window, see `radapt.images.pixels.GreyImage`.
    """
    warnings = []
    for rows, part in stream(pixels):
        for image, kind, share in zip(part, unusable_kinds(part), outside[rows], strict=True):
            visibility = "" if kind else mark_of(image, share)
            warnings.append(
                (kind or _kind_of(visibility), sentence(kind, image) if kind else _sentence_of(visibility))
            )
    return warnings


def _kind_of(mark: str) -> str:
    if not mark:
        return ""
    return "blank" if mark.startswith("shows") else "near-white" if "white" in mark else "clipped"


def _sentence_of(mark: str) -> str:
    return f"{mark[:1].upper()}{mark[1:]}." if mark else ""


def sentence(kind: str, image: NDArray[np.uint8]) -> str:
    """Return a sentence on why a picture is unusable."""
    shares = _shares(image)
    if kind == "blank":
        return (
            f"Shows nothing: {_percent(shares.max())} of its pixels have one grey level, the spread is "
            f"{image.std():.1f}."
        )
    if kind == "near-white":
        return f"Nearly all white: {_percent(shares[224:].sum())} of its pixels lie in the brightest eighth."
    if kind == "near-black":
        return f"Nearly all black: {_percent(shares[:32].sum())} of its pixels lie in the darkest eighth."
    if kind == "clipped":
        return f"Mostly clipped: {_percent(shares[0] + shares[255])} of its pixels are pure black or white."
    if kind == "mask":
        why = f"{_levels(shares)} grey levels hold {_percent(_MAJORITY)} of it"
        return f"Looks like a mask, not an image: {why}."
    correlation = float(chest_correlation(image[None])[0])
    return f"Suspected to be a negative: its correlation with a drawn chest is {correlation:.2f}."


def chest_correlation(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the correlation of pictures (n, height, width) with a drawn chest on a coarse grid, (n,)."""
    cells = averaged(pixels, _SIDE).reshape(len(pixels), -1)
    cells -= cells.mean(axis=1, keepdims=True)
    return np.asarray(cells @ _mean_chest() / np.linalg.norm(cells, axis=1).clip(1e-6), dtype=np.float32)


@cache
def _mean_chest() -> NDArray[np.float32]:
    """Return the mean of drawn images, scaled to mean 0 and length 1."""
    images = roster(24, 0.5, 5, 1)
    drawn = [draw_pixels(images, HOSPITALS[name], 64, 5) for name in ("children", "digital")]
    cells = averaged(np.concatenate(drawn), _SIDE)
    cells -= cells.mean(axis=(1, 2), keepdims=True)
    mean = (cells / cells.std(axis=(1, 2), keepdims=True)).mean(axis=0).ravel()
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def _kind(image: NDArray[np.uint8], correlation: float) -> str:
    shares = _shares(image)
    if _is_blank(image, shares):
        return "blank"
    if has_few_levels(image):
        return "mask"
    if shares[224:].sum() >= NEARLY:
        return "near-white"
    if shares[:32].sum() >= NEARLY:
        return "near-black"
    if shares[0] + shares[255] >= CLIPPED:
        return "clipped"
    return "negative" if correlation < NEGATIVE else ""


def has_few_levels(image: NDArray[np.uint8]) -> bool:
    """Say whether a picture has as few grey levels as a mask."""
    return _levels(_shares(image)) <= MAX_MASK_LEVELS


def _is_blank(image: NDArray[np.uint8], shares: NDArray[np.float64]) -> bool:
    return bool(shares.max() > BLANK_SHARE or image.std() < BLANK_SPREAD)


def _shares(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the share of the pixels of each grey level, (256,)."""
    return np.bincount(image.ravel(), minlength=256) / image.size


def _levels(shares: NDArray[np.float64]) -> int:
    """Count the most common grey levels that together have nine tenths of the pixels."""
    return int((np.cumsum(np.sort(shares)[::-1]) < _MAJORITY).sum()) + 1


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
