"""How a data set is read: preprocessing, table, classes, patients and splits."""

import datetime
from dataclasses import dataclass
from typing import Any

from radapt.errors import AskedWrongly
from radapt.images.class_rules import ClassRules
from radapt.images.preprocessing import Preprocessing
from radapt.images.table_options import TableOptions


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Which images are for testing: those dated after a day, or those of some sites.

    Raises
    ------
    AskedWrongly
        If both are given, or the day is no date.
    """

    after: str | None = None  # a day such as 2024-07-01
    sites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.after is not None and self.sites:
            raise AskedWrongly("Test images are held out by date or by site: give one of the two.")
        if self.after is not None and not _is_day(self.after):
            raise AskedWrongly(f"A day is written as 2024-07-01. Got {self.after!r}.")

    def __bool__(self) -> bool:
        return bool(self.after or self.sites)


def _is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class LoadOptions:
    r"""How a data set is read. Every field has a default, so that `LoadOptions(size=224)` is enough.

    The first four are the fields of `radapt.images.preprocessing.Preprocessing`. Where one is None, a store
    keeps its own value, and other data sets are read with the default of `Preprocessing`. A store that was
    packed with another value than the one requested is refused.
    """

    size: int | None = None  # height and width in pixels
    resize: str | None = None  # "squash" or "pad"
    intensity: str | None = None  # "window" or "percentile"
    trim: bool | None = None  # whether even borders are cut off
    table: TableOptions = TableOptions()  # noqa: RUF009
    rules: ClassRules = ClassRules()  # noqa: RUF009  # which label is of which class
    patient_regex: str | None = (
        None  # the patient in a file name, as in r"^(\d+)_"; see `radapt.images.patients`
    )
    split_seed: int = 0  # draws the split of images that the data set does not split
    unsafe_image_split: bool = (
        False  # split by image though patients are known: scores are too high, as pages say
    )
    held_out: HeldOut = HeldOut()  # how test images are chosen, in place of that
    default_size: int = 128  # where `size` is None and there is no store yet

    def __post_init__(self) -> None:
        if self.held_out and (self.table.split is not None or self.unsafe_image_split):
            raise AskedWrongly(
                "Test images that are held out by date or site are split by patient: leave the column of "
                "splits and unsafe_image_split out."
            )

    @property
    def requested(self) -> dict[str, Any]:
        """The fields of `Preprocessing` that are not None."""
        values = {name: getattr(self, name) for name in ("size", "resize", "intensity", "trim")}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def reading(self) -> Preprocessing:
        """How files are read, with defaults for what was not requested."""
        return Preprocessing.from_dict({"size": self.default_size, **self.requested})
