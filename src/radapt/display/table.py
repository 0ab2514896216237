"""Results as tables: rows for data frames, and HTML for a notebook."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from radapt.errors import RadaptError
from radapt.text import counted, visible

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_ROWS = 20  # of a table in a notebook; the others are counted
Row = dict[str, Any]


class Table(ABC):
    """A result with a row for each of its numbers.

    `pandas.DataFrame(result.rows())` and `polars.DataFrame(result.rows())` both work, and in a notebook the
    result shows its first rows.
    """

    __slots__ = ()

    @abstractmethod
    def rows(self) -> list[Row]:
        """Return the rows, all with the same columns; values are text, numbers, booleans or None."""

    def to_frame(self) -> "DataFrame":
        """Return the rows as a `pandas.DataFrame`.

        Raises
        ------
        RadaptError
            If pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError:
            raise RadaptError(
                "A data frame needs pandas: pip install pandas. Or take rows(), of which other libraries "
                "make data frames too."
            ) from None
        return DataFrame(self.rows())

    def _repr_html_(self) -> str:
        """Return the first rows as HTML, for a notebook."""
        return html_table(self.rows())


class Listing(Table):
    """A table of facts, such as the models that there are; prints as aligned columns."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = list(rows)

    def rows(self) -> list[Row]:
        """Return the rows."""
        return list(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def _repr_html_(self) -> str:
        return html_table(self._rows, limit=len(self._rows))

    def __repr__(self) -> str:
        return text_table(self._rows)


def html_table(rows: Sequence[Row], *, limit: int = MAX_ROWS) -> str:
    """Return rows as an HTML table; beyond `limit` they are counted. Every value is escaped."""
    if not rows:
        return "<p>No rows.</p>"
    head = "".join(f"<th>{_escaped(name)}</th>" for name in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{_escaped(written(value))}</td>' for value in row.values())}</tr>"
        for row in rows[:limit]
    )
    more = len(rows) - limit
    rest = f"<p>{counted(more, 'more row')}; rows() and to_frame() have all.</p>" if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def html_text(text: str) -> str:
    """Return a paragraph of HTML; the text is escaped."""
    return f"<p>{_escaped(text)}</p>"


def text_table(rows: Sequence[Row]) -> str:
    """Return rows as lines of aligned columns under their names."""
    if not rows:
        return "No rows."
    lines = [list(rows[0]), *([written(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def written(value: Any) -> str:
    """Write a value for a table: three decimals, no sign of what is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else visible(str(value))


def estimate_columns(row: Mapping[str, Any]) -> Row:
    """Return the columns of an estimate that a table of scores has: value, interval, images and patients."""
    return {name: row[name] for name in ("value", "low", "high", "n", "patients")}


def _escaped(text: str) -> str:
    return escape(visible(text))
