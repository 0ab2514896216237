"""The characteristics of a study's, a run's or an audit's images as a table ("Table 1")."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.images.characteristics import PREVALENCE
from radapt.text import joined

ABSENT = "-"


@dataclass(frozen=True, slots=True)
class CharacteristicsTable:
    """Texts of the table: a column for each group, and one of standardised differences if there are any."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    compared: str  # a sentence on what the differences are of; "" without


def characteristics_table(raw: Mapping[str, Any] | None) -> CharacteristicsTable | None:
    """Return the table of `radapt.images.characteristics.characteristics`; None of None or without groups."""
    if not raw or not raw["groups"]:
        return None
    groups, (first, second) = raw["groups"], raw["compared"]
    differs = bool(first and second)
    head = ("", *(group["name"] for group in groups), *(["difference"] if differs else []))
    blank = ("",) * differs
    rows = [(what, *(f"{group[what]:,}" for group in groups), *blank) for what in ("images", "patients")]
    names = list(dict.fromkeys(row["name"] for row in raw["rows"]))
    for name in names:
        of_name = [row for row in raw["rows"] if row["name"] == name]
        rows += [(_label(row), *map(_cell, row["cells"]), *_difference(row, differs)) for row in of_name]
        rows += [(*row, *blank) for row in _missing(name, of_name[0]["cells"])]
    compared = f"Differences are of {joined(second)} less {joined(first)}." if differs else ""
    return CharacteristicsTable(head, tuple(rows), compared)


def _label(row: Mapping[str, Any]) -> str:
    if not row["level"]:
        return f"{row['name']} in years, mean (SD)"
    return (
        f"{row['name']} of {row['level']}" if row["name"] == PREVALENCE else f"{row['name']} {row['level']}"
    )


def _cell(cell: Mapping[str, Any]) -> str:
    if cell["value"] is None:
        return ABSENT
    if cell["count"] is None:
        return f"{cell['value']:.1f} ({cell['sd']:.1f})"
    return f"{cell['count']:,} ({100 * cell['value']:.1f} %)"


def _difference(row: Mapping[str, Any], differs: bool) -> Sequence[str]:
    if not differs:
        return ()
    return (ABSENT if row["difference"] is None else f"{row['difference']:+.2f}",)


def _missing(name: str, cells: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    if any(cell["missing"] for cell in cells):
        yield (f"{name} not known", *(f"{cell['missing']:,}" for cell in cells))
