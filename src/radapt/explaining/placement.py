"""Bring a map from the square that a model reads back to the image that it was read from."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radapt.explaining.overlay import overlay, resampled, small_picture
from radapt.images.pixels import Extent, decode, inner_size
from radapt.images.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """An image as a model reads it, and as it is."""

    pixels: NDArray[np.uint8]  # (size, size), as the model reads it
    original: NDArray[np.uint8]  # (height, width), grey levels of the whole file, the right way up
    box: Extent  # which part of the original was read: left, top, right, bottom
    resize: str  # how that part fills the square, see `radapt.images.preprocessing`
    outside: float  # share of the pixels outside the window, see `radapt.images.pixels.GreyImage`

    def shrunk(self, side: int) -> "Placed":
        """Return the same with an original whose longer side has this many pixels at most."""
        small = np.asarray(small_picture(self.original, side))
        high, wide = (new / old for new, old in zip(small.shape, self.original.shape, strict=True))
        left, top, right, bottom = self.box
        return replace(self, original=small, box=(left * wide, top * high, right * wide, bottom * high))

    def bring_back(self, drawn: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a map (size, size) at the size of the original, NaN where the model did not look."""
        size = len(self.pixels)
        left, top, right, bottom = (round(each) for each in self.box)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        wide, high = inner_size(right - left, bottom - top, size, self.resize)
        across, down = (size - wide) // 2, (size - high) // 2
        whole = np.full(self.original.shape, np.nan, dtype=np.float32)
        part = drawn[down : down + high, across : across + wide]
        whole[top:bottom, left:right] = resampled(part, right - left, bottom - top)
        return whole

    def overlay(self, drawn: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the original with a map (size, size) over it, (height, width, 3)."""
        return overlay(self.original, self.bring_back(drawn))


def placed(data: bytes, reading: Preprocessing) -> Placed:
    """Decode the bytes of a picture file, DICOM too, twice: as a model reads it, and whole.

    Raises
    ------
    BadImage
        As for `radapt.images.pixels.decode`.
    """
    seen = decode(data, reading)
    whole = decode(data, replace(reading, size=None, trim=False))
    height, width = whole.pixels.shape
    box = seen.box or (0.0, 0.0, float(width), float(height))
    return Placed(seen.pixels, whole.pixels, box, reading.resize, seen.outside)
