"""How a label table is read: the columns, and what is done with their values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.columns import AGE, DATE, SEX, SITE, VIEW
from radapt.images.published_tables import Convention
from radapt.text import listed


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a label table is read; a published table needs only `label`."""

    root: Path | str | None = None  # the folder of the images; by default the table's own
    images: str | None = None  # the column that names the image: a file, or a tag of its DICOM header
    join: str | None = None  # what that column holds, one of `radapt.images.row_files.JOINS`; None looks
    label: str | tuple[str, ...] | None = None  # the column of classes, columns of 1 and 0, or a finding
    patient: str | None = None  # the column of patients
    split: str | None = None  # the column of train, val and test
    site: str | None = None  # the column of sites
    age: str | None = None  # the column of ages, in years or as in DICOM
    sex: str | None = None  # the column of sexes
    view: str | None = None  # the column of views
    date: str | None = None  # the column of dates
    columns: tuple[str, ...] = ()  # further columns to keep, see `radapt.images.columns`
    views: tuple[str, ...] | None = (
        None  # views to keep; by default the frontal ones of a published table, else all
    )
    classes: tuple[str, ...] | None = None  # names for the classes, in their order, healthy first
    exclusive: bool = False  # whether several label columns are exclusive classes
    findings: str | None = None  # "list" or "columns", if a published table has both
    uncertain: str | None = None  # a policy of `radapt.images.uncertain`: by default "ignore"
    exclude: tuple[tuple[str, str], ...] = ()  # rows to leave out: pairs of a column and a value

    def __post_init__(self) -> None:
        for name in ("label", "columns", "views", "classes"):
            value = getattr(self, name)
            if isinstance(value, list) or (isinstance(value, str) and name != "label"):
                example = tuple(value) if isinstance(value, list) else (value,)
                raise AskedWrongly(f"{name} takes a tuple of names, as {example}. Got {value!r}.")


def check_columns(
    table: Path, columns: Sequence[str], options: TableOptions, convention: Convention | None
) -> None:
    """Refuse options that do not go with a table's columns.

    Raises
    ------
    AskedWrongly
        If the columns of the images or of the labels are not named.
    UnknownName
        If a column that is named is not there.
    """
    if convention is None and options.images is None:
        raise AskedWrongly(
            f"{table} is not a published table known to radapt. Name the column of the images (--images) "
            f"and that of the classes (--label). Its columns are: {listed(columns)}."
        )
    if not options.label:
        what = "finding, such as 'Pneumonia'" if convention else f"column. Its columns are: {listed(columns)}"
        raise AskedWrongly(f"Say what to read from {table}: label (--label) is a {what}.")
    named = [options.images, options.patient, options.split, *requested_columns(options).values()]
    named += [column for column, _ in options.exclude]
    if convention is None or options.findings == "columns":
        named += labels_of(options)
    for name in named:
        if name is not None and name not in columns:
            raise UnknownName(f"column in {table}", name, columns)


def labels_of(options: TableOptions) -> tuple[str, ...]:
    """Return the requested findings or columns."""
    return (options.label,) if isinstance(options.label, str) else options.label or ()


def requested_columns(options: TableOptions) -> dict[str, str]:
    """Return the requested metadata columns: the name to keep them by, and the column's own name."""
    named = {SITE: options.site, AGE: options.age, SEX: options.sex, VIEW: options.view}
    named[DATE] = options.date
    requested = {name: column for name, column in named.items() if column is not None}
    for column in options.columns:
        if requested.setdefault(column, column) != column:
            raise AskedWrongly(
                f"{column} is requested twice: as itself, and as the column {requested[column]}."
            )
    return requested
