"""Read the rows of a label table as text, one at a time: CSV or TSV, also gzipped, or Parquet."""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

from radapt.errors import AskedWrongly, BadArtefact
from radapt.parquet import read_text_rows
from radapt.text import listed

TABLE_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
NOT_GIVEN = frozenset(
    {"", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "nil", "?", "-", "--"}
    | {"unknown", "not known", "missing", "not available", "not given"}
)


def known_text(cell: str) -> str:
    """Return the text of a cell without surrounding white space; "" if it means that nothing is known."""
    text = cell.strip()
    return "" if text.lower() in NOT_GIVEN else text


def is_table(path: Path) -> bool:
    """Say whether a file is a label table, by its extension."""
    return path.name.lower().endswith(TABLE_SUFFIXES)


def open_cells(path: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    """Open a label table: return its column names, and an iterator over its rows.

    Raises
    ------
    AskedWrongly
        If it is missing or not such a table; while iterating, if a row is longer than the header.
    """
    if path.name.lower().endswith(".parquet"):
        try:
            return read_text_rows(path)
        except BadArtefact as error:
            raise AskedWrongly(str(error)) from None
    rows = _lines(path)
    columns = next(rows, None)
    if not columns or len(set(columns)) != len(columns):
        what = f"names a column twice: {listed(columns)}" if columns else "is empty"
        raise AskedWrongly(f"{path} {what}. A table begins with a line of column names, each once.")
    return columns, _named(path, columns, rows)


def _named(path: Path, columns: list[str], rows: Iterator[list[str]]) -> Iterator[dict[str, str]]:
    for number, row in enumerate(rows, start=2):
        if len(row) > len(columns) and any(row[len(columns) :]):
            raise AskedWrongly(f"{path} has more cells than columns in row {number}.")
        if row:
            yield {name: row[place] if place < len(row) else "" for place, name in enumerate(columns)}


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            header = text.readline(1_000_000)
            delimiter = max("\t,;", key=header.count)  # spreadsheets of some countries write ";"
            yield [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
            yield from csv.reader(text, delimiter=delimiter)
    except FileNotFoundError:
        raise AskedWrongly(f"There is no table {path}.") from None
    except UnicodeDecodeError as error:
        wide = error.object[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in error.object[:100]
        kind = "UTF-16" if wide else "another encoding than UTF-8, such as Windows-1252"
        raise AskedWrongly(
            f"{path} is encoded in {kind}. Save it as UTF-8 (in a spreadsheet: 'CSV UTF-8')."
        ) from None
    except (OSError, EOFError, csv.Error) as error:
        raise AskedWrongly(f"{path} could not be read as a table ({type(error).__name__}).") from None
