"""How a data set is read: preprocessing, table, classes, patients and splits."""

from dataclasses import dataclass
from typing import Any

from radapt.images.class_rules import ClassRules
from radapt.images.preprocessing import Preprocessing
from radapt.images.table_options import TableOptions


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
    default_size: int = 128  # where `size` is None and there is no store yet

    @property
    def requested(self) -> dict[str, Any]:
        """The fields of `Preprocessing` that are not None."""
        values = {name: getattr(self, name) for name in ("size", "resize", "intensity", "trim")}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def reading(self) -> Preprocessing:
        """How files are read, with defaults for what was not requested."""
        return Preprocessing.from_dict({"size": self.default_size, **self.requested})
