"""Find the files of a table's rows, by file name or by what DICOM headers say."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from radapt.errors import UnknownName
from radapt.images.dicom.keys import KEYS, PATIENT, read_keys
from radapt.images.file_matching import NamedFiles
from radapt.images.folder import Entry
from radapt.images.folder_walk import Walk
from radapt.images.published_tables import recognise
from radapt.images.table_rows import open_cells
from radapt.labels import Label

FILE = "file"
JOINS = (FILE, *KEYS)  # how rows and files may be joined
ROWS_SEEN = 200  # of a table, to find the column of images
MIN_SHARE = 0.5  # of the names that are files: then the headers are not read


class RowFiles:
    """The files that the names in a table's column of images stand for.

    If fewer than half of the names are files, the headers of all DICOM files below the folder are read once,
    and rows are joined by the tag that fits most of them, of a study to all of its images; of a patient only
    if there is one image, since a finding need not be that of another day.

    Parameters
    ----------
    root
        The folder of the images.
    names
        All names in the column.
    join
        What they are, one of `JOINS`; None to look at them.

    Raises
    ------
    UnknownName
        If rows cannot be joined in this way.
    AskedWrongly
        If headers are to be read, and the packages that read DICOM are not installed.
    """

    def __init__(self, root: Path, names: Iterable[str], join: str | None = None) -> None:
        if join is not None and join not in JOINS:
            raise UnknownName("way to join rows and files", join, JOINS)
        names = list(names)
        self._files = NamedFiles(root, names)
        self._paths: dict[str, list[str]] = {}
        self._several = 0
        self.join = FILE
        if join in (None, FILE):
            self._paths = {name: [path] for name in names if (path := self._files.find(name)) is not None}
        if join == FILE or (join is None and len(self._paths) >= MIN_SHARE * len(names)):
            return
        by_tag = _by_tag(root)
        tags = KEYS if join is None else (join,)
        best = max(tags, key=lambda tag: sum(_fits(by_tag, tag, name) for name in names))
        paths = {name: by_tag[best][name] for name in names if _fits(by_tag, best, name)}
        if join is not None or len(paths) > len(self._paths):
            self.join, self._paths = best, paths
            self._several = sum(name in by_tag[best] for name in names) - len(paths)

    @property
    def several(self) -> int:
        """The number of names that match several files, of which none is taken."""
        return self._files.several if self.join == FILE else self._several

    def has(self, name: str) -> bool:
        """Say whether there is a file for this name."""
        return name in self._paths

    def leads_out(self, name: str) -> bool:
        """Say whether a name leads out of the folder, see `NamedFiles.leads_out`."""
        return self.join == FILE and self._files.leads_out(name)

    def entries(self, name: str, label: Label, split: str, row: int) -> list[Entry]:
        """Return the files of this name as entries, with their row of the table."""
        return [self._files.entry(path, label, split, row) for path in self._paths.get(name, ())]


def find_column(table: Path, root: Path | str | None) -> str | None:
    """Return the column of a table that names the most files; None of a published table, or if none does.

    Parameters
    ----------
    table
        The table, of which the first rows are read.
    root
        The folder of the images; None for the table's own.

    Raises
    ------
    AskedWrongly
        If the table cannot be read.
    """
    columns, rows = open_cells(table)
    folder = table.absolute().parent if root is None else Path(root)
    if recognise(columns) is not None or not folder.is_dir():
        return None
    first = list(islice(rows, ROWS_SEEN))
    values = {column: {row[column].strip() for row in first} - {""} for column in columns}
    files = NamedFiles(folder)
    named = {column: sum(files.find(name) is not None for name in each) for column, each in values.items()}
    if max(named.values()) < MIN_SHARE * len(first):
        by_tag = _by_tag(folder)
        for column, each in values.items():
            fits = (sum(_fits(by_tag, tag, value) for value in each) for tag in KEYS if tag != PATIENT)
            named[column] = max(named[column], *fits)
        if not any(named.values()):
            named = {
                column: sum(_fits(by_tag, PATIENT, value) for value in values[column]) for column in columns
            }
    best = max(columns, key=lambda column: named[column])
    return best if named[best] else None


def _fits(by_tag: Mapping[str, Mapping[str, Sequence[str]]], tag: str, value: str) -> bool:
    """Say whether a value of a tag leads to the image or images that a row is of."""
    paths = by_tag[tag].get(value, ())
    return len(paths) == 1 if tag == PATIENT else bool(paths)


def _by_tag(root: Path) -> dict[str, dict[str, list[str]]]:
    """Return the paths of the DICOM files below a folder, by each tag and its value."""
    by_tag: dict[str, dict[str, list[str]]] = {tag: {} for tag in KEYS}
    for file in Walk(lambda _: None).files(root):
        if file.is_dicom:
            for tag, value in read_keys(root / file.inner).items():
                if value:
                    by_tag[tag].setdefault(value, []).append(file.inner)
    return by_tag
