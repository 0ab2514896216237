"""Pictures that are no images to be judged: blank, nearly white or black, clipped, masks, negatives.

The limits were laid far from all of 822 images of Kermany et al. 2018 and ChestX-ray8: of these at most 57 %
of the pixels lay in the brightest eighth and 48 % in the darkest, 43 % were black or white, 67 grey levels or
more held nine tenths of an image, and the correlation with the drawn chest was 0.08 or more.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from radapt.images.streaming import stream
from radapt.images.thumbnails import averaged
from radapt.images.visible_range import mark_of
from radapt.phantom.drawing import HOSPITALS, draw_pixels, roster

BLANK_SPREAD = 3.0  # grey levels of standard deviation; the faintest image of Kermany's has 19
BLANK_SHARE = 0.97  # of an image's pixels that are of one grey level
NEARLY = 0.9  # of its pixels that lie in the brightest or the darkest eighth
CLIPPED = 0.7  # of its pixels that are quite black or quite white
FEW_LEVELS = 8  # grey levels that hold nine tenths of a mask, smooth edges being the rest
NEGATIVE = -0.25  # correlation with the drawn chest

_HELD = 0.9
_SIDE = 16


def blank(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say which images show nothing, (n,)."""
    return np.array(
        [_is_blank(image, _shares(image)) for _, part in stream(pixels) for image in part], dtype=np.bool_
    )


def unusable_kinds(pixels: NDArray[np.uint8]) -> list[str]:
    """Say of each of some pictures (n, height, width) what is odd, "" if nothing is.

    It is "blank", "near-white", "near-black", "mask" (few grey levels), "clipped" or "negative", the first
    that fits.
    """
    found = []
    for _, part in stream(pixels):
        chest = chest_likeness(part)
        found += [_oddity(image, like) for image, like in zip(part, chest.tolist(), strict=True)]
    return found


def unusable_warnings(pixels: NDArray[np.uint8], outside: Sequence[float]) -> list[tuple[str, str]]:
    """Say of each of some pictures why it is not to be judged: the kind, and a sentence; of others two "".

    Parameters
    ----------
    pixels
        (n, height, width).
    outside
        Of each the share of its pixels beyond its window, see `radapt.images.pixels.GreyImage`.
    """
    found = []
    for rows, part in stream(pixels):
        for image, kind, share in zip(part, unusable_kinds(part), outside[rows], strict=True):
            mark = "" if kind else mark_of(image, share)
            found.append((kind or _kind_of(mark), sentence(kind, image) if kind else _sentence_of(mark)))
    return found


def _kind_of(mark: str) -> str:
    if not mark:
        return ""
    return "blank" if mark.startswith("shows") else "near-white" if "white" in mark else "clipped"


def _sentence_of(mark: str) -> str:
    return f"{mark[:1].upper()}{mark[1:]}." if mark else ""


def sentence(kind: str, image: NDArray[np.uint8]) -> str:
    """Say what is odd about a picture, in a sentence."""
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
        return f"Mostly clipped: {_percent(shares[0] + shares[255])} of its pixels are quite black or white."
    if kind == "mask":
        return f"Looks like a mask, not an image: {_levels(shares)} grey levels hold {_percent(_HELD)} of it."
    like = float(chest_likeness(image[None])[0])
    return f"Suspected to be a negative: its correlation with a drawn chest is {like:.2f}."


def chest_likeness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give the correlation of pictures (n, height, width) with a drawn chest, over a coarse grid."""
    cells = averaged(pixels, _SIDE).reshape(len(pixels), -1)
    cells -= cells.mean(axis=1, keepdims=True)
    return np.asarray(cells @ _chest() / np.linalg.norm(cells, axis=1).clip(1e-6), dtype=np.float32)


@cache
def _chest() -> NDArray[np.float32]:
    """Give the mean of drawn images, of mean 0 and length 1."""
    images = roster(24, 0.5, 5, 1)
    drawn = [draw_pixels(images, HOSPITALS[name], 64, 5) for name in ("children", "digital")]
    cells = averaged(np.concatenate(drawn), _SIDE)
    cells -= cells.mean(axis=(1, 2), keepdims=True)
    mean = (cells / cells.std(axis=(1, 2), keepdims=True)).mean(axis=0).ravel()
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def _oddity(image: NDArray[np.uint8], like: float) -> str:
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
    return "negative" if like < NEGATIVE else ""


def has_few_levels(image: NDArray[np.uint8]) -> bool:
    """Say whether a picture has as few grey levels as a mask."""
    return _levels(_shares(image)) <= FEW_LEVELS


def _is_blank(image: NDArray[np.uint8], shares: NDArray[np.float64]) -> bool:
    return bool(shares.max() > BLANK_SHARE or image.std() < BLANK_SPREAD)


def _shares(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the share of the pixels that each grey level has, (256,)."""
    return np.bincount(image.ravel(), minlength=256) / image.size


def _levels(shares: NDArray[np.float64]) -> int:
    """Count the grey levels that hold nine tenths of a picture."""
    return int((np.cumsum(np.sort(shares)[::-1]) < _HELD).sum()) + 1


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
