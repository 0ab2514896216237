"""Map the stored values of a DICOM file to grey levels, as its header defines their presentation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.errors import BadImage
from radapt.images.depth import Range, counted_range, middle_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Lut:
    """A lookup table (DICOM PS3.3 C.11.1.1.1 and C.11.2.1.1)."""

    first: int  # the value of the first entry, which lower values get too; higher ones get the last entry
    entries: Floats  # (n,)
    bits: int  # bit depth of the entries; 0 if not declared


@dataclass(frozen=True, slots=True)
class Window:
    """The values that are spread from black to white (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

    centre: float
    width: float
    function: str  # "LINEAR", "LINEAR_EXACT" or "SIGMOID"


@dataclass(frozen=True, slots=True, eq=False)
class Presentation:
    """What a header says on the presentation of the stored values."""

    bits: int  # BitsStored
    declared: bool  # it is below BitsAllocated, or 8; otherwise it may say nothing about the values
    signed: bool
    slope: float
    intercept: float
    modality: Lut | None  # replaces slope and intercept
    voi: Lut | Window | None  # None: the whole range
    percentile: bool  # spread the 0.5th to 99.5th percentile, instead of `voi`
    inverse: bool  # MONOCHROME1, or a PresentationLUTShape of INVERSE: the lowest value is white
    padding: tuple[int, int] | None  # range of stored values that are not part of the image

    @property
    def lowest(self) -> int:
        """The lowest value that can be stored."""
        return -(2 ** (self.bits - 1)) if self.signed else 0


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """The grey level of every possible stored value."""

    levels: NDArray[np.float32]  # (2**bits,), 0 to 255, from the lowest possible stored value
    low: float  # after rescaling, the value at one end of the grey levels
    high: float  # and at the other
    outside: float  # share of the pixels outside these two, which are clipped


def map_levels(show: Presentation, counts: NDArray[np.int64]) -> Mapping:
    """Map every possible stored value to a grey level.

    The order is that of the standard. First rescaling, or the modality table. Then the values of interest: by
    the VOI table if there is one, else the first window with a width, else the full range of BitsStored (if
    that is 16 of 16 bits, the depth that holds all but one pixel in a thousand, see
    `radapt.images.depth.counted_range`); or, if requested, by the percentiles of the pixels that are not
    padding. Last, inversion if the header asks for it. Padding is black.

    Parameters
    ----------
    show
        The presentation of the file.
    counts
        The number of pixels of each value, (2**bits,), from the lowest possible stored value.

    Raises
    ------
    BadImage
        If a window has an unknown function.
    """
    values = np.arange(show.lowest, show.lowest + 2**show.bits, dtype=np.float64)
    padded = np.zeros(len(values), dtype=np.bool_)
    if show.padding is not None:
        padded = (values >= min(show.padding)) & (values <= max(show.padding))
    present = (counts > 0) & ~padded
    rescaled = _look_up(show.modality, values) if show.modality else values * show.slope + show.intercept
    if show.percentile:
        levels, low, high = _middle(rescaled, np.where(present, counts, 0))
    else:
        levels, low, high = _spread(show, rescaled, np.where(present, counts, 0))
    if show.inverse:
        levels = 255 - levels
    levels[padded] = 0
    beyond = present & ((rescaled < low) | (rescaled > high))
    outside = float(counts[beyond].sum()) / max(1, int(counts[present].sum()))
    return Mapping(levels.astype(np.float32), low, high, outside)


def _look_up(lut: Lut, values: Floats) -> Floats:
    places = np.clip(np.rint(values) - lut.first, 0, len(lut.entries) - 1)
    entries: Floats = lut.entries[places.astype(np.intp)]
    return entries


def _middle(values: Floats, counts: NDArray[np.int64]) -> tuple[Floats, float, float]:
    """Return levels from 0 to 255 by percentiles, and the two percentiles."""
    order = np.argsort(values, kind="stable")
    order = order[counts[order] > 0]
    if not len(order):
        return np.zeros_like(values), 0, 0
    low, high, outside = middle_of(values[order], counts[order])
    return Range(low, high - low, 0, outside).spread(values).astype(np.float64), low, high


def _spread(show: Presentation, values: Floats, counts: NDArray[np.int64]) -> tuple[Floats, float, float]:
    """Return levels from 0 to 255, and the values at their two ends."""
    voi = show.voi
    if isinstance(voi, Lut):
        return _look_up(voi, values) * (255 / _white_of(voi)), voi.first, voi.first + len(voi.entries) - 1
    if isinstance(voi, Window):
        return _window(voi, values)
    if show.declared or not counts.any():
        low, high = float(values.min()), float(values.max())
        return np.clip((values - low) * (255 / max(high - low, 1e-9)), 0, 255), low, high
    order = np.argsort(values, kind="stable")
    order = order[counts[order] > 0]
    whole = counted_range(values[order], counts[order], signed=show.signed)
    return np.clip(whole.spread(values), 0, 255).astype(np.float64), whole.low, whole.high


def _white_of(lut: Lut) -> float:
    """Return the entry that is white: some tables declare more bits than they use, some fewer."""
    top = float(lut.entries.max())
    nominal = 2.0**lut.bits - 1
    return nominal if nominal / 2 < top <= nominal else max(top, 1.0)


def _window(window: Window, values: Floats) -> tuple[Floats, float, float]:
    """Apply a window by DICOM PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2."""
    centre, width = window.centre, window.width
    if window.function == "SIGMOID" and width > 0:
        steep = np.clip(-4 * (values - centre) / width, -700, 700)
        return 255 / (1 + np.exp(steep)), float(values.min()), float(values.max())
    if window.function == "LINEAR" and width >= 1:
        centre, width = centre - 0.5, width - 1
    elif window.function != "LINEAR_EXACT":
        raise BadImage("has a window that cannot be applied; --intensity percentile does without it")
    low, high = centre - width / 2, centre + width / 2
    if width == 0:
        return np.where(values <= low, 0.0, 255.0), low, high
    return np.clip((values - low) * (255 / width), 0, 255), low, high
