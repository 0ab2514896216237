"""Findings that a published table gives twice: in its list of findings and in columns of 1 and 0."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.published_tables import YES, Convention, number
from radapt.images.table_rows import known_text
from radapt.text import counted

WAYS = ("list", "columns")


def convention_of_findings(convention: Convention | None, findings: str | None) -> Convention | None:
    """Return the convention to read findings by; None for columns of 1, 0 and -1.

    Raises
    ------
    AskedWrongly
        If the table has no list of findings.
    UnknownName
        If `findings` is neither "list" nor "columns".
    """
    if findings is None:
        return convention
    if findings not in WAYS:
        raise UnknownName("way to read findings", findings, WAYS)
    if convention is None or not convention.listed:
        raise AskedWrongly(
            "findings (--findings) is for a published table with a list of findings, such as NIH's; for "
            "any other table, --label names the columns. Leave findings out."
        )
    return convention if findings == "list" else None


class DuplicateFindings:
    """Compares a table's list of findings, row by row, with columns of the same names."""

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
        """Yield the rows unchanged.

        Raises
        ------
        AskedWrongly
            After the last row, if list and columns disagree in any row.
        """
        if self._convention is None or not self._columns:
            yield from rows
            return
        for cells in rows:
            findings_of_row = self._convention.findings(cells)
            self._differing.update(
                finding
                for finding, column in self._columns.items()
                if _differ(findings_of_row, finding, cells[column])
            )
            yield cells
        for finding, count in self._differing.items():
            raise AskedWrongly(
                f"{self._table} gives {finding!r} twice, in the list {self._convention.listed!r} and in the "
                f"column {self._columns[finding]!r}, which differ in {counted(count, 'row')}. "
                "Choose one: findings list or columns (--findings list, --findings columns)."
            )

    def notes(self) -> tuple[str, ...]:
        """Return a sentence on which of the two was used, for each finding given twice."""
        return tuple(
            f"The table gives {finding!r} both in {self._convention.listed!r} and in the column {column!r}, "
            f"and both agree: {self._convention.listed!r} was used."
            for finding, column in self._columns.items()
            if self._convention
        )


def _differ(findings_of_row: Mapping[str, int], finding: str, cell: str) -> bool:
    return bool(known_text(cell)) and number(cell) != int(findings_of_row.get(finding) == YES)
