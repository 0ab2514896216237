"""Which label is of which class: labels matched without regard to case, renamed, or left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from radapt.errors import AskedWrongly, UnknownName
from radapt.labels import names_absence, positive_class
from radapt.text import listed

ONE_CLASS = "Labels read as one class"  # how the note begins


def matching(name: str) -> str:
    """Return a name as it is compared: without regard to case and white space."""
    return " ".join(name.casefold().split())


@dataclass(frozen=True, slots=True)
class ClassRules:
    """How the labels of a data set become classes.

    Labels that differ by case or white space alone are one class, spelled as the first of them.
    """

    names: tuple[tuple[str, str], ...] = ()  # pairs of a label and the class that it is read as
    drop: tuple[str, ...] = ()  # labels whose images are left out
    positive: str | None = None  # the label or class that is the finding, of two classes
    strict: bool = True  # whether a label that the data set does not have is refused

    def __bool__(self) -> bool:
        return bool(self.names or self.drop or self.positive is not None)

    def assign(
        self, labels: Iterable[str], aliases: Mapping[str, str] | None = None
    ) -> dict[str, str | None]:
        """Return the class of each label, None if it is dropped.

        Parameters
        ----------
        labels
            All labels of the data set.
        aliases
            Other names of labels, such as "1" and "0" of a column.

        Raises
        ------
        UnknownName
            If a rule is about a label that is not there, and the rules are strict.
        """
        spelled: dict[str, str] = {}
        for label in sorted(set(labels)):
            spelled.setdefault(matching(label), label)
        also = {matching(alias): matching(label) for alias, label in (aliases or {}).items()}
        named = {self._key(label, spelled, also): name for label, name in self.names}
        dropped = {self._key(label, spelled, also) for label in self.drop}
        wanted = {matching(name): name for name in named.values()}
        classes: dict[str, str | None] = {}
        for label in labels:
            key = matching(label)
            name = named.get(key, spelled[key])
            classes[label] = None if key in dropped else wanted.get(matching(name), name)
        return classes

    def _key(self, label: str, spelled: Mapping[str, str], also: Mapping[str, str]) -> str:
        key = matching(label)
        key = key if key in spelled else also.get(key, key)
        if self.strict and key not in spelled:
            raise UnknownName("label in the data set", label, sorted(spelled.values()))
        return key

    def in_order(self, assigned: Mapping[str, str | None], order: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the classes in the given order, or alphabetically; the finding second if it is named.

        Parameters
        ----------
        assigned
            What `assign` returned.
        order
            Labels in the order of their classes.

        Raises
        ------
        UnknownName
            If no class or label is called like the finding.
        AskedWrongly
            If there are not two classes, or the name of the finding says that there is none.
        """
        ordered = [assigned[label] for label in order] if order else sorted(filter(None, assigned.values()))
        classes = tuple(dict.fromkeys(name for name in ordered if name is not None))
        if self.positive is None:
            return classes
        by_key = {matching(name): name for name in classes}
        by_key |= {matching(label): name for label, name in assigned.items() if name is not None}
        finding = by_key.get(matching(self.positive))
        if finding is None:
            if not self.strict:
                return classes
            raise UnknownName("class", self.positive, classes)
        if len(classes) != 2:
            raise AskedWrongly(
                f"positive needs two classes, one of them the finding. There are: {listed(classes)}."
            )
        classes = (*(name for name in classes if name != finding), finding)
        if positive_class(classes) != 1:
            raise AskedWrongly(
                f"The class {finding!r} cannot be the finding, since its name says that there is none. "
                f"Give it another name, as in classes {finding}=NAME."
            )
        return classes

    def rename_findings(self, findings: Sequence[str]) -> tuple[str, ...]:
        """Return the names of findings that may occur together.

        Raises
        ------
        UnknownName
            If a rule is about a finding that is not there, and the rules are strict.
        AskedWrongly
            If findings would be dropped or joined, or one of them is to be the positive one.
        """
        if self.drop or self.positive is not None:
            raise AskedWrongly(
                "drop and positive are for images of one class each. For several findings, label names "
                "those to read."
            )
        assigned = self.assign(findings)
        names = tuple(assigned[finding] or finding for finding in findings)
        if len(set(names)) < len(names):
            raise AskedWrongly(f"Each finding needs a name of its own. Got: {listed(names)}.")
        return names


def merged(labels: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence on labels that differ by case or white space alone, if there are any."""
    groups: dict[str, list[str]] = {}
    for label in sorted(set(labels)):
        groups.setdefault(matching(label), []).append(label)
    several = [" = ".join(map(repr, group)) for group in groups.values() if len(group) > 1]
    return (f"{ONE_CLASS}, since they differ by case or white space alone: {listed(several)}.",) * bool(
        several
    )


def dropped(label: str) -> str:
    """Return the reason for which images of this label are left out."""
    return f"labelled {label!r}, which is dropped"


def which_is_positive(classes: Sequence[str]) -> str:
    """Return a sentence on which of two classes is taken as the finding; "" for other numbers of classes."""
    if len(classes) != 2:
        return ""
    positive = positive_class(classes)
    finding, other = classes[positive], classes[1 - positive]
    if names_absence(other) and not names_absence(finding):
        return f"The finding is {finding!r}; {other!r} is its absence."
    return (
        f"The finding is taken to be {finding!r}, and {other!r} its absence: the names do not say so. "
        "--positive NAME does."
    )
