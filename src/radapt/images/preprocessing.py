"""The preprocessing options: size, resizing, grey levels and trimming."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from radapt.errors import AskedWrongly, UnknownName

RESIZE_MODES = ("squash", "pad")
INTENSITY_MODES = ("window", "percentile")
LARGEST = 4096  # pixels a side


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a file becomes pixels; part of every store, model and report.

    With intensity "window", the grey levels are those that the file declares: 8-bit values as stored, deeper
    ones scaled as in `radapt.images.pixels.decode`, DICOM by its lookup table or window. With "percentile",
    the image's own values are spread linearly, black at the 0.5th percentile and white at the 99.5th; for
    DICOM after rescaling, instead of its table or window, without padding, and before MONOCHROME1 is
    inverted. If both percentiles are one value, the full range is used. An image of one value is black.

    Borders are trimmed by `radapt.images.borders.inside_borders`.

    Raises
    ------
    UnknownName
        If there is no such way to resize or to choose the grey levels.
    AskedWrongly
        If the size is not 1 to 4096 pixels.
    """

    size: int | None = 128  # height and width in pixels, 1 to 4096; None keeps the size of the file
    resize: str = "squash"  # fills the square; "pad" keeps the aspect ratio, centred on black
    intensity: str = "window"  # as the file declares; or "percentile"
    trim: bool = False  # whether uniform borders (collimation, a scanner's frame) are cut off first

    def __post_init__(self) -> None:
        if self.resize not in RESIZE_MODES:
            raise UnknownName("way to resize", self.resize, RESIZE_MODES)
        if self.intensity not in INTENSITY_MODES:
            raise UnknownName("way to choose grey levels", self.intensity, INTENSITY_MODES)
        if self.size is not None and not 1 <= self.size <= LARGEST:
            raise AskedWrongly(f"A size is 1 to {LARGEST} pixels. Got {self.size}.")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON or as options."""
        return asdict(self)

    @classmethod
    def from_dict(cls, about: Mapping[str, Any]) -> "Preprocessing":
        """Take the fields of this class from a mapping with more keys; missing ones get their defaults."""
        return cls(**{name: about[name] for name in cls.__dataclass_fields__ if name in about})
