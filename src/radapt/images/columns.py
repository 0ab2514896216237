"""Metadata of an image, one column each: site, age, sex, view, device and columns of the user's.

All values are text; "" is unknown. `age` is in whole years: 0 below one year, 90 for all above 89, since a
great age can identify a patient, and unknown above 120, which is a typing error. `sex` is M, F or O, as in
DICOM; `view` is in capitals; a `date` of eight digits, as in DICOM, becomes 2019-05-31. Any other column
is kept as it is.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence

from radapt.images.table_rows import known_text

Cells = Mapping[str, str]  # a row of a table: the text in each column, "" where there is none
Reader = Callable[[Cells], str]

AGE, SEX, VIEW, SITE, DEVICE, DATE = "age", "sex", "view", "site", "device", "date"
STUDY_DATE = "study date"  # of DICOM files, to hold images out by; no store keeps it
OLDEST, POSSIBLE = 90, 120  # years

_AGE = re.compile(r"(\d+)(?:[.,]\d*)?\s*([YMWD]?)")  # "58", "58.0", or as DICOM has it "058Y", "007M"
_A_YEAR = {"": 1, "Y": 1, "M": 12, "W": 52, "D": 365}
_SEXES = {
    **{"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"},
    **{"u": "", "unknown": "", "nan": "", "none": "", "n/a": ""},
}


def normalise(name: str, text: str) -> str:
    """Normalise the text of a cell for the column of this name."""
    text = known_text(text)
    if name == AGE:
        return _age(text)
    if name == SEX:
        return _SEXES.get(text.lower(), text)
    if name == DATE and re.fullmatch(r"(19|20)\d{6}", text):
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text.upper() if name == VIEW else text


def _age(text: str) -> str:
    match = _AGE.fullmatch(text.upper())
    years = int(match[1]) // _A_YEAR[match[2]] if match else POSSIBLE + 1
    return "" if years > POSSIBLE else str(min(years, OLDEST))


class MetadataReader:
    """Reads the metadata columns of a table's rows; `readers` holds a function for each column."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self._readers = dict(readers)
        self._seen: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._no_ages = 0

    def of(self, cells: Cells) -> tuple[str, ...]:
        """Return a row's value in each column; equal rows share one tuple, to save memory."""
        texts = tuple(read(cells) for read in self._readers.values())
        values = tuple(normalise(name, text) for name, text in zip(self._readers, texts, strict=True))
        pairs = zip(self._readers, texts, values, strict=True)
        self._no_ages += any(name == AGE and known_text(text) and not value for name, text, value in pairs)
        return self._seen.setdefault(values, values)

    def view(self, values: tuple[str, ...]) -> str:
        """Return the view among the values that `of` returned; "" if it is unknown."""
        return dict(zip(self._readers, values, strict=True)).get(VIEW, "")

    def columns(self, rows: Sequence[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Turn rows that `of` returned into columns, without those that are empty in every row."""
        columns = zip(self._readers, zip(*rows, strict=True), strict=True) if rows else ()
        return {name: tuple(map(sys.intern, values)) for name, values in columns if any(values)}

    def notes(self) -> tuple[str, ...]:
        """Return a sentence on ages that could not be read, if there were any."""
        if not self._no_ages:
            return ()
        return (f"Ages that are no number of years up to {POSSIBLE}, taken as unknown: {self._no_ages}.",)
