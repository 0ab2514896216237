"""What a row of a label table says of a film, and what its rows say together."""

from collections.abc import Collection, Sequence
from typing import Protocol

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.conventions import NO, UNCERTAIN, YES, Cells, Convention, number

# Verdicts are the number of a class, or one of these.
OTHER, ABSENT, UNSURE = -1, -2, -3

REASONS = {OTHER: "no label, or another finding alone", UNSURE: "uncertain"}


class Question(Protocol):
    """What a table is read for."""

    def verdict(self, cells: Cells) -> int:
        """Give what a row says: the number of a class, or `OTHER`, `ABSENT` or `UNSURE`."""

    def answer(self) -> tuple[tuple[str, ...], dict[int, int]]:
        """Give the classes, and for the verdicts that stand for something else what they are."""


class OneFinding:
    """One finding of a published table, against films on which nothing was found."""

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

    def answer(self) -> tuple[tuple[str, ...], dict[int, int]]:
        """Give the two classes, the healthy one first."""
        findings = self._seen - {self._convention.healthy}
        if self._finding not in findings:
            raise UnknownName(f"finding in the table of {self._convention.title}", self._finding, findings)
        return (self._convention.healthy, self._finding), {}


class OneColumn:
    """A column of class names, or of 1, 0 and -1."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._names: dict[str, int] = {}

    def verdict(self, cells: Cells) -> int:
        """Give the number of the name, in the order in which they come."""
        name = cells[self._column].strip()
        return self._names.setdefault(name, len(self._names)) if name else OTHER

    def answer(self) -> tuple[tuple[str, ...], dict[int, int]]:
        """Give the classes in alphabetical order, or what the column is not and is."""
        values = {name: number(name) for name in self._names}
        if None not in values.values():
            means = {UNCERTAIN: UNSURE, NO: 0, YES: 1}
            same = {self._names[name]: means[value] for name, value in values.items() if value is not None}
            return (f"no {self._column}", self._column), same
        order = sorted(self._names)
        return tuple(order), {old: order.index(name) for name, old in self._names.items()}


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

    def answer(self) -> tuple[tuple[str, ...], dict[int, int]]:
        """Give the columns."""
        return tuple(self._columns), {}


def question(label: str | Sequence[str], convention: Convention | None) -> Question:
    """Give what a table is read for.

    Raises
    ------
    AskedWrongly
        If several findings of a published table are asked for.
    """
    labels = (label,) if isinstance(label, str) else tuple(label)
    if convention is not None:
        if len(labels) != 1:
            raise AskedWrongly(
                f"One finding of {convention.title} is read at a time. Got {', '.join(labels)}."
            )
        return OneFinding(convention, labels[0])
    return OneColumn(labels[0]) if len(labels) == 1 else SeveralColumns(labels)


def together(verdicts: Collection[int]) -> int:
    """Give what several rows say of one film: a class that none speaks against, `OTHER` or `UNSURE`."""
    classes = {verdict for verdict in verdicts if verdict >= 0}
    against = len(classes) > 1 or (bool(classes) and ABSENT in verdicts)
    if UNSURE in verdicts or against:
        return UNSURE
    return classes.pop() if classes else OTHER
