"""What a row of a label table says of an image, and what its rows say together."""

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, Protocol

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.columns import Cells
from radapt.images.published_tables import NO, UNCERTAIN, YES, Convention, number
from radapt.images.spelling import check_spelling
from radapt.images.table_rows import given
from radapt.labels import Label

# What a row says of an image's class: the number of one, or one of these.
OTHER, ABSENT, UNSURE = -1, -2, -3

REASONS = {OTHER: "no label, or another finding alone", UNSURE: "uncertain"}

LabelRule = Callable[
    [Collection[Any]], Label | str
]  # what an image's rows say: its label, or why it has none


class Question(Protocol):
    """What a table is read for."""

    def verdict(self, cells: Cells) -> Hashable:
        """Give what a row says."""

    def answer(self) -> tuple[tuple[str, ...], LabelRule]:
        """Give the classes or findings, and what judges by all that the rows of an image say."""


class OneFinding:
    """One finding of a published table, against images on which nothing was found."""

    def __init__(self, convention: Convention, finding: str) -> None:
        self._convention = convention
        self._finding = finding
        self._seen: set[str] = set()

    def verdict(self, cells: Cells) -> int:
        """Give 1 where the finding is, 0 where nothing is."""
        said = self._convention.findings(cells)
        self._seen |= said.keys()
        value = said.get(self._finding)
        if value == UNCERTAIN:
            return UNSURE
        if value == YES:
            return 1
        if said.get(self._convention.healthy) == YES:
            return 0
        return ABSENT if value == NO else OTHER

    def answer(self) -> tuple[tuple[str, ...], LabelRule]:
        """Give the two classes, the healthy one first."""
        _check_seen(self._convention, [self._finding], self._seen)
        return (self._convention.healthy, self._finding), _judge_of({})


class OneColumn:
    """A column of class names, or of 1, 0 and -1."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._names: dict[str, int] = {}

    def verdict(self, cells: Cells) -> int:
        """Give the number of the name, in the order in which they come."""
        name = " ".join(given(cells[self._column]).split())
        return self._names.setdefault(name, len(self._names)) if name else OTHER

    def answer(self) -> tuple[tuple[str, ...], LabelRule]:
        """Give the classes in alphabetical order, or what the column is not and is."""
        values = {name: number(name) for name in self._names}
        if None not in values.values():
            means = {UNCERTAIN: UNSURE, NO: 0, YES: 1}
            same = {self._names[name]: means[value] for name, value in values.items() if value is not None}
            return (f"no {self._column}", self._column), _judge_of(same)
        order = sorted(self._names)
        check_spelling(order)
        return tuple(order), _judge_of({old: order.index(name) for name, old in self._names.items()})


class SeveralColumns:
    """A column of 1 and 0 for each class, of which one is 1."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def verdict(self, cells: Cells) -> int:
        """Give the column that alone is 1."""
        values = [number(cells[column]) for column in self._columns]
        if UNCERTAIN in values:
            return UNSURE
        return values.index(YES) if values.count(YES) == 1 else OTHER

    def answer(self) -> tuple[tuple[str, ...], LabelRule]:
        """Give the columns."""
        return tuple(self._columns), _judge_of({})


class SeveralFindings:
    """Findings of which an image may have any number: those of a published table, or columns of 1, 0 and -1.

    Where an image's rows disagree, or one is uncertain, the finding is not labelled. What no row speaks of is
    absent where the table lists all that was found, and not labelled where each finding has a column.
    """

    def __init__(self, findings: Sequence[str], convention: Convention | None) -> None:
        self._findings = findings
        self._convention = convention
        self._seen: set[str] = set()

    def verdict(self, cells: Cells) -> tuple[int | None, ...]:
        """Give what is said of each finding, None where nothing is."""
        if self._convention is None:
            return tuple(_number_in(cells, column) for column in self._findings)
        said = self._convention.findings(cells)
        self._seen |= said.keys()
        nothing = NO if said.get(self._convention.healthy) == YES else None
        return tuple(said.get(finding, nothing) for finding in self._findings)

    def answer(self) -> tuple[tuple[str, ...], LabelRule]:
        """Give the findings in the order in which they were asked for."""
        if self._convention is not None:
            _check_seen(self._convention, self._findings, self._seen)
        unsaid = 0.0 if self._convention is not None and self._convention.lists_all else math.nan

        def judge(verdicts: Collection[Sequence[int | None]]) -> Label | str:
            label = tuple(
                _together_one({row[k] for row in verdicts}, unsaid) for k in range(len(self._findings))
            )
            return label if any(value == value for value in label) else REASONS[OTHER]

        return tuple(self._findings), judge


def question(label: str | Sequence[str], convention: Convention | None, *, exclusive: bool) -> Question:
    """Give what a table is read for.

    Raises
    ------
    AskedWrongly
        If classes that exclude one another are asked of a published table, whose findings do not.
    """
    labels = (label,) if isinstance(label, str) else tuple(label)
    if convention is not None and exclusive and len(labels) > 1:
        raise AskedWrongly(f"The findings of {convention.title} do not exclude one another.")
    if len(labels) > 1:
        return SeveralColumns(labels) if exclusive else SeveralFindings(labels, convention)
    return OneColumn(labels[0]) if convention is None else OneFinding(convention, labels[0])


def combine(verdicts: Collection[int]) -> int:
    """Give what several rows say of one image: a class that none speaks against, `OTHER` or `UNSURE`."""
    classes = {verdict for verdict in verdicts if verdict >= 0}
    against = len(classes) > 1 or (bool(classes) and ABSENT in verdicts)
    if UNSURE in verdicts or against:
        return UNSURE
    return classes.pop() if classes else OTHER


def _judge_of(means: Mapping[int, int]) -> LabelRule:
    """Give what judges by numbers of classes, some of which stand for others."""

    def judge(verdicts: Collection[int]) -> Label | str:
        verdict = combine({means.get(verdict, verdict) for verdict in verdicts})
        return REASONS.get(verdict, verdict)

    return judge


def _together_one(said: Collection[int | None], unsaid: float) -> float:
    """Give what several rows say of one finding: 1, 0 or NaN."""
    values = {value for value in said if value is not None}
    if not values:
        return unsaid
    return float(values.pop()) if values in ({YES}, {NO}) else math.nan


def _number_in(cells: Cells, column: str) -> int | None:
    """Read 1, 0, -1 or nothing."""
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
