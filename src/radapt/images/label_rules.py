"""Turn the rows of a label table into labels: what one row says, and what all rows of an image say."""

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, Protocol

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.columns import Cells
from radapt.images.published_tables import NO, UNCERTAIN, YES, Convention, number
from radapt.images.spelling import check_spelling
from radapt.images.table_rows import given
from radapt.labels import Label

# What a row says of an image's class: the index of a class, or one of these.
OTHER, ABSENT, UNSURE = -1, -2, -3

REASONS = {OTHER: "no label, or another finding alone", UNSURE: "uncertain"}

# Takes what all rows of an image say; returns its label, or the reason why it has none.
LabelRule = Callable[[Collection[Any]], Label | str]


class LabelReader(Protocol):
    """How labels are read from a table."""

    def verdict(self, cells: Cells) -> Hashable:
        """Return what one row says of its image."""

    def finish(self) -> tuple[tuple[str, ...], LabelRule]:
        """Return the classes or findings, and the rule that combines the rows of an image."""


class OneFinding:
    """One finding of a published table against images without any finding."""

    def __init__(self, convention: Convention, finding: str) -> None:
        self._convention = convention
        self._finding = finding
        self._seen: set[str] = set()

    def verdict(self, cells: Cells) -> int:
        """Return 1 if the finding is present, 0 if nothing was found."""
        row_findings = self._convention.findings(cells)
        self._seen |= row_findings.keys()
        value = row_findings.get(self._finding)
        if value == UNCERTAIN:
            return UNSURE
        if value == YES:
            return 1
        if row_findings.get(self._convention.healthy) == YES:
            return 0
        return ABSENT if value == NO else OTHER

    def finish(self) -> tuple[tuple[str, ...], LabelRule]:
        """Return the two classes, the healthy one first."""
        _check_seen(self._convention, [self._finding], self._seen)
        return (self._convention.healthy, self._finding), _judge_of({})


class OneColumn:
    """A column of class names, or of 1, 0 and -1."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._names: dict[str, int] = {}

    def verdict(self, cells: Cells) -> int:
        """Return the index of the class name, in order of appearance."""
        name = " ".join(given(cells[self._column]).split())
        return self._names.setdefault(name, len(self._names)) if name else OTHER

    def finish(self) -> tuple[tuple[str, ...], LabelRule]:
        """Return the classes in alphabetical order, or "no COLUMN" and "COLUMN" for 1, 0 and -1."""
        values = {name: number(name) for name in self._names}
        if None not in values.values():
            means = {UNCERTAIN: UNSURE, NO: 0, YES: 1}
            same = {self._names[name]: means[value] for name, value in values.items() if value is not None}
            return (f"no {self._column}", self._column), _judge_of(same)
        order = sorted(self._names)
        check_spelling(order)
        return tuple(order), _judge_of({old: order.index(name) for name, old in self._names.items()})


class SeveralColumns:
    """A column of 1 and 0 for each class, exactly one of which is 1."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def verdict(self, cells: Cells) -> int:
        """Return the index of the only column that is 1."""
        values = [number(cells[column]) for column in self._columns]
        if UNCERTAIN in values:
            return UNSURE
        return values.index(YES) if values.count(YES) == 1 else OTHER

    def finish(self) -> tuple[tuple[str, ...], LabelRule]:
        """Return the columns as classes."""
        return tuple(self._columns), _judge_of({})


class SeveralFindings:
    """Multi-label findings: those of a published table, or columns of 1, 0 and -1.

    If the rows of an image disagree, or one is uncertain, the finding is unlabelled (NaN). A finding that no
    row mentions is absent if the table lists all findings, and unlabelled if each finding has a column.
    """

    def __init__(self, findings: Sequence[str], convention: Convention | None) -> None:
        self._findings = findings
        self._convention = convention
        self._seen: set[str] = set()

    def verdict(self, cells: Cells) -> tuple[int | None, ...]:
        """Return the row's value of each finding; None if it has none."""
        if self._convention is None:
            return tuple(_number_in(cells, column) for column in self._findings)
        row_findings = self._convention.findings(cells)
        self._seen |= row_findings.keys()
        default = NO if row_findings.get(self._convention.healthy) == YES else None
        return tuple(row_findings.get(finding, default) for finding in self._findings)

    def finish(self) -> tuple[tuple[str, ...], LabelRule]:
        """Return the findings in the requested order."""
        if self._convention is not None:
            _check_seen(self._convention, self._findings, self._seen)
        default = 0.0 if self._convention is not None and self._convention.lists_all else math.nan

        def judge(verdicts: Collection[Sequence[int | None]]) -> Label | str:
            label = tuple(
                _combine_finding({row[k] for row in verdicts}, default) for k in range(len(self._findings))
            )
            return label if any(value == value for value in label) else REASONS[OTHER]

        return tuple(self._findings), judge


def label_reader(
    label: str | Sequence[str], convention: Convention | None, *, exclusive: bool
) -> LabelReader:
    """Return how the labels of a table are read.

    Raises
    ------
    AskedWrongly
        If exclusive classes are requested of a published table, whose findings are not exclusive.
    """
    labels = (label,) if isinstance(label, str) else tuple(label)
    if convention is not None and exclusive and len(labels) > 1:
        raise AskedWrongly(f"The findings of {convention.title} do not exclude one another.")
    if len(labels) > 1:
        return SeveralColumns(labels) if exclusive else SeveralFindings(labels, convention)
    return OneColumn(labels[0]) if convention is None else OneFinding(convention, labels[0])


def combine(verdicts: Collection[int]) -> int:
    """Combine what several rows say of one image: a class that no row contradicts, `OTHER` or `UNSURE`."""
    classes = {verdict for verdict in verdicts if verdict >= 0}
    against = len(classes) > 1 or (bool(classes) and ABSENT in verdicts)
    if UNSURE in verdicts or against:
        return UNSURE
    return classes.pop() if classes else OTHER


def _judge_of(means: Mapping[int, int]) -> LabelRule:
    """Return a rule over class indices; `means` maps an index in the rows to that of a class."""

    def judge(verdicts: Collection[int]) -> Label | str:
        verdict = combine({means.get(verdict, verdict) for verdict in verdicts})
        return REASONS.get(verdict, verdict)

    return judge


def _combine_finding(row_values: Collection[int | None], default: float) -> float:
    """Combine what several rows say of one finding: 1, 0 or NaN."""
    values = {value for value in row_values if value is not None}
    if not values:
        return default
    return float(values.pop()) if values in ({YES}, {NO}) else math.nan


def _number_in(cells: Cells, column: str) -> int | None:
    """Read 1, 0, -1 or, of an empty cell, None."""
    cell = given(cells[column])
    value = number(cell)
    if cell and value is None:
        raise AskedWrongly(f"A column of a finding holds 1, 0, -1 or nothing. {column!r} holds other things.")
    return value


def _check_seen(convention: Convention, findings: Sequence[str], seen: set[str]) -> None:
    for finding in findings:
        if finding not in seen - {convention.healthy}:
            raise UnknownName(
                f"finding in the table of {convention.title}", finding, seen - {convention.healthy}
            )
