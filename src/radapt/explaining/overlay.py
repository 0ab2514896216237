"""Draw a map over its image, in colours that the colour-blind tell apart and that grow lighter with value."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radapt.images.depth import bands

# Matplotlib's "inferno" at every 17th level: its lightness rises evenly (van der Walt and Smith 2015).
COLOURS = (
    *("000003", "0b0726", "240b4e", "410967", "5d126e", "781c6d", "932567", "ae305b"),
    *("c73e4c", "dc5039", "ed6825", "f7850e", "fba40a", "f9c52c", "f2e660", "fcfea4"),
)
STRONGEST = 0.6  # the share of colour where the map is largest; where it is nothing the image shows alone
LEGEND = "From nothing (the radiograph alone) to the most in this image (bright yellow)."
RESEARCH_USE = "For research. A map shows what raised this score, not where a disease is, and is no finding."


def overlay(image: NDArray[np.uint8], drawn: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return an image with its map in colour over it.

    What speaks against the class is not drawn, and the largest value gets the strongest colour: colours of
    two images do not compare.

    Parameters
    ----------
    image
        Grey levels (h, w).
    drawn
        The map; one of another size is resampled to that of the image.

    Returns
    -------
    array
        Red, green and blue, (h, w, 3).
    """
    if drawn.shape != image.shape:
        drawn = resampled(drawn, image.shape[1], image.shape[0])
    share, mixed = shares(drawn), np.empty((*image.shape, 3), dtype=np.uint8)
    for rows in bands(*image.shape):  # colours in floats take twelve times the memory of grey
        mixed[rows] = _mixed(image[rows], share[rows])
    return mixed


def _mixed(image: NDArray[np.uint8], share: NDArray[np.float32]) -> NDArray[np.float32]:
    colour = palette()[np.rint(255 * share).astype(np.uint8)].astype(np.float32)
    weight = (STRONGEST * np.minimum(1, 2 * share))[..., None]
    return np.rint((1 - weight) * image[..., None].astype(np.float32) + weight * colour)


def shares(drawn: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the positive part of a map as shares of its largest value; 0 where nothing is positive."""
    positive = np.nan_to_num(np.asarray(drawn, dtype=np.float32))
    np.maximum(positive, 0, out=positive)
    if (most := positive.max(initial=0)) > 0:
        positive /= most
    return positive


def resampled(drawn: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Return a map (h, w) in another size, bilinear."""
    picture = Image.fromarray(np.ascontiguousarray(drawn, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)


@cache
def palette() -> NDArray[np.uint8]:
    """Return the 256 colours from nothing to the most, (256, 3)."""
    known = np.array([list(bytes.fromhex(each)) for each in COLOURS], dtype=np.float64)
    at = np.linspace(0, 255, len(known))
    return np.stack([np.interp(np.arange(256), at, part) for part in known.T], axis=1).astype(np.uint8)


def small_picture(image: NDArray[np.uint8], side: int) -> Image.Image:
    """Return an image (h, w) or (h, w, 3) as a picture whose longer side has this many pixels at most."""
    picture = Image.fromarray(image)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture
