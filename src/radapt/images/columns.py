"""What else is known of an image, a column each: site, age, sex, view, device.

All of it is text, and "" is what is not known. `age` is in whole years: 0 below one, 90 for all above 89, so
that nobody is known by a great age, and unknown above 120, as typing errors are. `sex` is M, F or O, as DICOM
has it; `view` is in capitals. Any other column is kept as it stands.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence

from radapt.images.table_rows import given

Cells = Mapping[str, str]  # a row of a table: the text in each column, "" where there is none
Reader = Callable[[Cells], str]

AGE, SEX, VIEW, SITE, DEVICE = "age", "sex", "view", "site", "device"
OLDEST, POSSIBLE = 90, 120  # years

_AGE = re.compile(r"(\d+)(?:[.,]\d*)?\s*([YMWD]?)")  # "58", "58.0", or as DICOM has it "058Y", "007M"
_A_YEAR = {"": 1, "Y": 1, "M": 12, "W": 52, "D": 365}
_SEXES = {
    **{"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"},
    **{"u": "", "unknown": "", "nan": "", "none": "", "n/a": ""},
}


def kept(name: str, text: str) -> str:
    """Give a cell as it is kept in the column of this name."""
    text = given(text)
    if name == AGE:
        return _age(text)
    if name == SEX:
        return _SEXES.get(text.lower(), text)
    return text.upper() if name == VIEW else text


def _age(text: str) -> str:
    said = _AGE.fullmatch(text.upper())
    years = int(said[1]) // _A_YEAR[said[2]] if said else POSSIBLE + 1
    return "" if years > POSSIBLE else str(min(years, OLDEST))


class Kept:
    """The columns that are kept of a table, by their names, and what reads each."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self._readers = dict(readers)
        self._seen: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._no_ages = 0

    def of(self, cells: Cells) -> tuple[str, ...]:
        """Give what a row says in each of them; rows that say the same share it."""
        said = tuple(read(cells) for read in self._readers.values())
        values = tuple(kept(name, text) for name, text in zip(self._readers, said, strict=True))
        pairs = zip(self._readers, said, values, strict=True)
        self._no_ages += any(name == AGE and given(text) and not value for name, text, value in pairs)
        return self._seen.setdefault(values, values)

    def view(self, values: tuple[str, ...]) -> str:
        """Give the view among what `of` gave; "" if it is not known."""
        return dict(zip(self._readers, values, strict=True)).get(VIEW, "")

    def columns(self, rows: Sequence[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Give the columns of images, of each what `of` gave; those that say nothing of any are left out."""
        columns = zip(self._readers, zip(*rows, strict=True), strict=True) if rows else ()
        return {name: tuple(map(sys.intern, values)) for name, values in columns if any(values)}

    def notes(self) -> tuple[str, ...]:
        """Say what could not be read."""
        if not self._no_ages:
            return ()
        return (f"Ages that are no number of years up to {POSSIBLE}, taken as unknown: {self._no_ages}.",)
