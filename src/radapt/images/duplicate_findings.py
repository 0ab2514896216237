"""Findings that a published table says twice: in its list of findings, and in columns of their own."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.published_tables import YES, Convention, number
from radapt.images.table_rows import given
from radapt.text import counted

WAYS = ("list", "columns")


def convention_of_findings(convention: Convention | None, findings: str | None) -> Convention | None:
    """Give the convention by which findings are read; None where it is by columns of 1, 0 and -1.

    Raises
    ------
    AskedWrongly
        If `findings` is none of the ways, or the table has no list of findings.
    """
    if findings is None:
        return convention
    if findings not in WAYS:
        raise UnknownName("way to read findings", findings, WAYS)
    if convention is None or not convention.listed:
        raise AskedWrongly(
            "findings (--findings) is for a published table with a list of findings, as NIH's; "
            "of any other table --label names the columns. Leave it out."
        )
    return convention if findings == "list" else None


class DuplicateFindings:
    """Compares a table's list of findings, row by row, with columns that are named like those asked for."""

    def __init__(
        self, table: Path, columns: Sequence[str], findings: Sequence[str], convention: Convention | None
    ) -> None:
        self._table = table
        self._convention = convention if convention is not None and convention.listed else None
        plain = {column.strip().casefold(): column for column in columns}
        self._columns = {
            finding: column
            for finding in findings
            if self._convention and (column := plain.get(finding.strip().casefold())) is not None
        }
        self._differing: Counter[str] = Counter()

    def compared(self, rows: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
        """Give the rows as they are.

        Raises
        ------
        AskedWrongly
            After the last one, if the two disagree in any.
        """
        if self._convention is None or not self._columns:
            yield from rows
            return
        for cells in rows:
            said = self._convention.findings(cells)
            self._differing.update(
                finding for finding, column in self._columns.items() if _differ(said, finding, cells[column])
            )
            yield cells
        for finding, count in self._differing.items():
            raise AskedWrongly(
                f"{self._table} says {finding!r} twice, in the list {self._convention.listed!r} and in the "
                f"column {self._columns[finding]!r}, which differ in {counted(count, 'row')}. "
                "Say which to take: findings list or columns (--findings list, --findings columns)."
            )

    def notes(self) -> tuple[str, ...]:
        """Say which of the two was taken, where both say the same."""
        return tuple(
            f"The table says {finding!r} both in {self._convention.listed!r} and in the column {column!r}, "
            f"and both agree: {self._convention.listed!r} was taken."
            for finding, column in self._columns.items()
            if self._convention
        )


def _differ(said: Mapping[str, int], finding: str, cell: str) -> bool:
    return bool(given(cell)) and number(cell) != int(said.get(finding) == YES)
