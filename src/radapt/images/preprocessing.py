"""How images are read: what decides the pixels that a file becomes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from radapt.errors import AskedWrongly, UnknownName

FITS = ("squash", "pad")
LEVELS = ("window", "percentile")
LARGEST = 4096  # pixels a side


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What decides the pixels that a file becomes; part of every store, every model and every report.

    By "window", grey levels are those that the file says it is meant to be seen with: as they are stored, or
    of more than 8 bits scaled as `radapt.images.pixels.decode` says, or of DICOM by its table or window. By
    "percentile", they are spread linearly over the image's own values, black at the 0.5th percentile and
    white at the 99.5th: of DICOM after rescaling and in place of its table or window, leaving out padding,
    and before MONOCHROME1 is turned round. No more than half a percent is cut off at either end; where
    one value has nearly all pixels, nothing is. An image of one value is black.

    Borders are trimmed as `radapt.images.borders.inside_borders` says.

    Raises
    ------
    UnknownName
        If there is no such fit or way to choose the grey levels.
    AskedWrongly
        If the size is not 1 to 4096 pixels.
    """

    size: int | None = 128  # height and width in pixels, 1 to 4096; None: as large as the file's picture
    fit: str = "squash"  # fills the square; "pad" keeps the aspect, centred on black
    levels: str = "window"  # as the file says it is meant to be seen; or "percentile"
    trim: bool = False  # whether even borders (collimation, a scanner's frame) are cut off first

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise UnknownName("fit", self.fit, FITS)
        if self.levels not in LEVELS:
            raise UnknownName("way to choose grey levels", self.levels, LEVELS)
        if self.size is not None and not 1 <= self.size <= LARGEST:
            raise AskedWrongly(f"A size is 1 to {LARGEST} pixels. Got {self.size}.")

    def as_dict(self) -> dict[str, Any]:
        """Give its fields, for JSON or as options."""
        return asdict(self)

    @classmethod
    def from_dict(cls, about: Mapping[str, Any]) -> "Preprocessing":
        """Find the fields of a reading among others; what is missing is as it is by default."""
        return cls(**{name: about[name] for name in cls.__dataclass_fields__ if name in about})
