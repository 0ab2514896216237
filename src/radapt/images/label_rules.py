"""Turn the rows of a label table into labels: what one row says, and what all rows of an image say."""

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, Protocol

from radapt.errors import AskedWrongly, UnknownName
from radapt.images import uncertain
from radapt.images.class_rules import ClassRules, dropped
from radapt.images.columns import Cells
from radapt.images.published_tables import NO, SUPPORT_DEVICES, UNCERTAIN, YES, Convention, number
from radapt.images.table_rows import known_text
from radapt.labels import Label

# What a row says of an image's class: the index of a class, or one of these.
OTHER, ABSENT, UNSURE = -1, -2, -3
UNSURE_BESIDE_OTHERS = -4  # uncertain, but another finding is present
DROPPED = -5  # less one for each further label that is left out

REASONS = {OTHER: "no label, or another finding alone", UNSURE: "uncertain"}

# What an uncertain label of one finding is taken as, by policy.
_TAKEN_AS: dict[str, dict[int, int]] = {
    uncertain.IGNORE: {UNSURE_BESIDE_OTHERS: UNSURE},
    uncertain.ONES: {UNSURE: 1, UNSURE_BESIDE_OTHERS: 1},
    uncertain.ZEROS: {UNSURE: 0, UNSURE_BESIDE_OTHERS: ABSENT},
    uncertain.MULTI_CLASS: {UNSURE: 2, UNSURE_BESIDE_OTHERS: 2},
}
_FATES = (uncertain.ABSENT, uncertain.PRESENT, uncertain.OWN_CLASS)  # by the class of an image

# Takes what all rows of an image say; returns its label, or the reason why it has none.
LabelRule = Callable[[Collection[Any]], Label | str]


class LabelReader(Protocol):
    """How labels are read from a table."""

    def verdict(self, cells: Cells) -> Hashable:
        """Return what one row says of its image."""

    def finish(self, rules: ClassRules) -> tuple[tuple[str, ...], LabelRule]:
        """Return the classes or findings, and the rule that combines the rows of an image."""

    def fates(self, verdicts: Collection[Any], label: Label | str) -> list[str]:
        """Return what became of each uncertain label of an image; `label` is text if it was left out.

        Valid after `finish`; see `radapt.images.uncertain`.
        """


class OneFinding:
    """One finding of a published table against images without any finding."""

    def __init__(self, convention: Convention, finding: str, policy: str) -> None:
        self._convention = convention
        self._finding = finding
        self._policy = policy
        self._seen: set[str] = set()
        self._any_unsure = False

    def verdict(self, cells: Cells) -> int:
        """Return 1 if the finding is present, 0 if nothing was found."""
        row_findings = self._convention.findings(cells)
        self._seen |= row_findings.keys()
        value = row_findings.get(self._finding)
        if value == UNCERTAIN:
            self._any_unsure = True
            harmless = {self._convention.healthy, SUPPORT_DEVICES}
            others = {name for name, each in row_findings.items() if each == YES} - harmless
            return UNSURE_BESIDE_OTHERS if others else UNSURE
        if value == YES:
            return 1
        if row_findings.get(self._convention.healthy) == YES:
            return 0
        return ABSENT if value == NO else OTHER

    def finish(self, rules: ClassRules) -> tuple[tuple[str, ...], LabelRule]:
        """Return the two classes, the healthy one first; perhaps a third, of uncertain images."""
        _check_seen(self._convention, [self._finding], self._seen)
        classes = _with_uncertain(self._convention.healthy, self._finding, self._policy, self._any_unsure)
        return _reclassified(classes, _judge_of(_TAKEN_AS[self._policy]), rules)

    def fates(self, verdicts: Collection[int], label: Label | str) -> list[str]:
        """Return what became of the uncertain label."""
        return _fates_of_class(not {UNSURE, UNSURE_BESIDE_OTHERS}.isdisjoint(verdicts), label)


class OneColumn:
    """A column of class names, or of 1, 0 and -1."""

    def __init__(self, column: str, policy: str) -> None:
        self._column = column
        self._policy = policy
        self._names: dict[str, int] = {}
        self._unsure: set[int] = set()  # the names that are -1

    def verdict(self, cells: Cells) -> int:
        """Return the index of the label, in order of appearance."""
        name = " ".join(known_text(cells[self._column]).split())
        return self._names.setdefault(name, len(self._names)) if name else OTHER

    def finish(self, rules: ClassRules) -> tuple[tuple[str, ...], LabelRule]:
        """Return the classes in alphabetical order, or "no COLUMN" and "COLUMN" for 1, 0 and -1."""
        values = {name: number(name) for name in self._names}
        if None in values.values():
            labels = tuple(sorted(self._names))
            meant = {name: labels.index(name) for name in self._names}
            assigned = rules.assign(labels)
            classes = rules.in_order(assigned)
            if self._policy != uncertain.IGNORE:
                raise AskedWrongly(
                    "uncertain is for labels of 1, 0 and -1. "
                    f"The column {self._column!r} holds names of classes."
                )
        else:
            self._unsure = {self._names[name] for name, value in values.items() if value == UNCERTAIN}
            labels = _with_uncertain(f"no {self._column}", self._column, self._policy, bool(self._unsure))
            means = {UNCERTAIN: _TAKEN_AS[self._policy].get(UNSURE, UNSURE), NO: 0, YES: 1}
            meant = {name: means[value] for name, value in values.items() if value is not None}
            assigned = rules.assign(labels, {"0": labels[0], "1": labels[1]})
            classes = rules.in_order(assigned, labels)
        places = [_place(assigned[label], classes, DROPPED - row) for row, label in enumerate(labels)]
        verdicts = {
            self._names[name]: places[place] if place >= 0 else place for name, place in meant.items()
        }
        return classes, _judge_of(
            verdicts, {DROPPED - row: dropped(label) for row, label in enumerate(labels)}
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of classes in the table, which may differ by case."""
        return tuple(self._names)

    def fates(self, verdicts: Collection[int], label: Label | str) -> list[str]:
        """Return what became of the uncertain label."""
        return _fates_of_class(not self._unsure.isdisjoint(verdicts), label)


class SeveralColumns:
    """A column of 1 and 0 for each class, exactly one of which is 1."""

    def __init__(self, columns: Sequence[str], policy: str) -> None:
        self._columns = columns
        self._policy = policy

    def verdict(self, cells: Cells) -> tuple[int | None, ...]:
        """Return the row's value of each column; None if it has none."""
        return tuple(number(cells[column]) for column in self._columns)

    def finish(self, rules: ClassRules) -> tuple[tuple[str, ...], LabelRule]:
        """Return the columns as classes."""
        judge = _judge_of({})
        return _reclassified(
            tuple(self._columns), lambda verdicts: judge({self._class_of(row) for row in verdicts}), rules
        )

    def fates(self, verdicts: Collection[Sequence[int | None]], label: Label | str) -> list[str]:
        """Return what became of each uncertain label."""
        unsure = _uncertain_places(verdicts)
        if isinstance(label, str):
            return [uncertain.LEFT_OUT] * len(unsure)
        return [uncertain.PRESENT if place == label else uncertain.ABSENT for place in unsure]

    def _class_of(self, row: Sequence[int | None]) -> int:
        """Return the index of the only column that is 1."""
        values = [_decided(value, self._policy) for value in row]
        if UNCERTAIN in values:
            return UNSURE
        return values.index(YES) if values.count(YES) == 1 else OTHER


class SeveralFindings:
    """Multi-label findings: those of a published table, or columns of 1, 0 and -1.

    If the rows of an image disagree, or one is uncertain, the finding is unlabelled (NaN). A finding that no
    row mentions is absent if the table lists all findings, and unlabelled if each finding has a column.
    """

    def __init__(self, findings: Sequence[str], convention: Convention | None, policy: str) -> None:
        self._findings = findings
        self._policy = policy
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

    def finish(self, rules: ClassRules) -> tuple[tuple[str, ...], LabelRule]:
        """Return the findings in the requested order."""
        if self._convention is not None:
            _check_seen(self._convention, self._findings, self._seen)
        default = 0.0 if self._convention is not None and self._convention.lists_all else math.nan

        def judge(verdicts: Collection[Sequence[int | None]]) -> Label | str:
            label = tuple(
                _combine_finding({_decided(row[k], self._policy) for row in verdicts}, default)
                for k in range(len(self._findings))
            )
            return label if any(value == value for value in label) else REASONS[OTHER]

        return rules.rename_findings(self._findings) if rules else tuple(self._findings), judge

    def fates(self, verdicts: Collection[Sequence[int | None]], label: Label | str) -> list[str]:
        """Return what became of each uncertain label."""
        if not isinstance(label, tuple):
            return [uncertain.LEFT_OUT] * len(_uncertain_places(verdicts))
        fates = {1.0: uncertain.PRESENT, 0.0: uncertain.ABSENT}
        return [fates.get(label[place], uncertain.UNLABELLED) for place in _uncertain_places(verdicts)]


def label_reader(
    label: str | Sequence[str], convention: Convention | None, *, exclusive: bool, policy: str | None
) -> LabelReader:
    """Return how the labels of a table are read.

    Raises
    ------
    AskedWrongly
        If exclusive classes are requested of a published table, whose findings are not exclusive, or a policy
        for uncertain labels that is not for these.
    UnknownName
        If there is no such policy.
    """
    labels = (label,) if isinstance(label, str) else tuple(label)
    policy = uncertain.check_policy(policy, len(labels))
    if convention is not None and exclusive and len(labels) > 1:
        raise AskedWrongly(
            f"The findings of {convention.title} do not exclude one another: leave exclusive (--exclusive) "
            "out."
        )
    if len(labels) > 1:
        if exclusive:
            return SeveralColumns(labels, policy)
        return SeveralFindings(labels, convention, policy)
    if convention is None:
        return OneColumn(labels[0], policy)
    return OneFinding(convention, labels[0], policy)


def combine(verdicts: Collection[int]) -> int:
    """Combine what several rows say of one image: a class that no row contradicts, `OTHER` or `UNSURE`."""
    classes = {verdict for verdict in verdicts if verdict >= 0}
    against = len(classes) > 1 or (bool(classes) and ABSENT in verdicts)
    if UNSURE in verdicts or against:
        return UNSURE
    return classes.pop() if classes else OTHER


def _place(name: str | None, classes: Sequence[str], otherwise: int) -> int:
    """Return the index of a class, or `otherwise` for None."""
    return otherwise if name is None else classes.index(name)


def _judge_of(means: Mapping[int, int], reasons: Mapping[int, str] = REASONS) -> LabelRule:
    """Return a rule over class indices.

    Parameters
    ----------
    means
        Maps an index in the rows to that of a class, or to `DROPPED` and below for a label that is dropped.
    reasons
        Why an image is left out of which only dropped labels are given, by what `means` says of them.
    """

    def judge(verdicts: Collection[int]) -> Label | str:
        meant = {means.get(verdict, verdict) for verdict in verdicts}
        kept = {verdict for verdict in meant if verdict > DROPPED}
        if meant != kept and kept <= {OTHER}:
            return reasons[max(meant - kept)]
        verdict = combine(kept)
        return REASONS.get(verdict, verdict)

    return judge


def _reclassified(
    classes: tuple[str, ...], judge: LabelRule, rules: ClassRules
) -> tuple[tuple[str, ...], LabelRule]:
    """Return the classes that rules make of these, and the rule for them."""
    if not rules:
        return classes, judge
    assigned = rules.assign(classes)
    ordered = rules.in_order(assigned, classes)

    def judge_by_rules(verdicts: Collection[Any]) -> Label | str:
        label = judge(verdicts)
        if not isinstance(label, int):
            return label
        name = assigned[classes[label]]
        return dropped(classes[label]) if name is None else ordered.index(name)

    return ordered, judge_by_rules


def _with_uncertain(absent: str, present: str, policy: str, any_unsure: bool) -> tuple[str, ...]:
    """Return the classes of one finding, with that of uncertain images if they are to be one."""
    if policy != uncertain.MULTI_CLASS:
        return absent, present
    if not any_unsure:
        raise AskedWrongly(
            f"The table has no uncertain label (-1) of {present!r} to make a class of. Leave uncertain out."
        )
    return absent, present, f"uncertain {present}"


def _fates_of_class(unsure: bool, label: Label | str) -> list[str]:
    """Return what became of an image's label of one finding, if it is uncertain."""
    if not unsure:
        return []
    return [_FATES[label] if isinstance(label, int) else uncertain.LEFT_OUT]


def _uncertain_places(verdicts: Collection[Sequence[int | None]]) -> list[int]:
    """Return which of several columns are uncertain in some row."""
    return sorted({place for row in verdicts for place, value in enumerate(row) if value == UNCERTAIN})


def _decided(value: int | None, policy: str) -> int | None:
    """Return a value of a finding, an uncertain one as the policy takes it."""
    return {uncertain.ONES: YES, uncertain.ZEROS: NO}.get(policy, value) if value == UNCERTAIN else value


def _combine_finding(row_values: Collection[int | None], default: float) -> float:
    """Combine what several rows say of one finding: 1, 0 or NaN."""
    values = {value for value in row_values if value is not None}
    if not values:
        return default
    return float(values.pop()) if values in ({YES}, {NO}) else math.nan


def _number_in(cells: Cells, column: str) -> int | None:
    """Read 1, 0, -1 or, of an empty cell, None."""
    cell = known_text(cells[column])
    value = number(cell)
    if cell and value is None:
        raise AskedWrongly(f"A column of a finding holds 1, 0, -1 or nothing. {column!r} holds other things.")
    return value


def _check_seen(convention: Convention, findings: Sequence[str], in_table: set[str]) -> None:
    for finding in findings:
        if finding not in in_table - {convention.healthy}:
            raise UnknownName(
                f"finding in the table of {convention.title}", finding, in_table - {convention.healthy}
            )
