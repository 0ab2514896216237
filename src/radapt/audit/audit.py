"""The whole audit: every check, on one data set or on two."""

from dataclasses import dataclass

from radapt.audit.appearance import find_changed, find_odd
from radapt.audit.class_balance import (
    Part,
    compare_grey,
    compare_prevalence,
    find_imbalance,
    find_prevalence,
    parts_of,
    whole,
)
from radapt.audit.collection import Collection, Pool, second_name
from radapt.audit.duplicates import find_duplicates
from radapt.audit.finding import Finding, in_order
from radapt.audit.formats import compare_formats, find_odd_depths, find_odd_sizes
from radapt.audit.patients import find_leaks, find_leaks_between
from radapt.audit.shortcuts import NO_SHORTCUTS, Shortcuts, find_shortcuts, measure_shortcuts
from radapt.audit.sites import find_sites
from radapt.progress import SILENT, Watch


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What was found out about a data set."""

    films: Collection
    other: Collection | None
    findings: tuple[Finding, ...]  # what matters most first
    parts: tuple[Part, ...]  # by split; those of another data set begin with its name
    shortcuts: Shortcuts

    @property
    def files(self) -> int:
        """How many files there are, readable or not."""
        return len(self.films) + len(self.films.origin.failed)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found that should be mended."""
        return all(finding.severity == "note" for finding in self.findings)

    @property
    def stamps(self) -> tuple[str, ...]:
        """What every page has to say in red of the films, each once."""
        both = [films for films in (self.films, self.other) if films is not None]
        return tuple(dict.fromkeys(stamp for films in both for stamp in films.origin.stamps))

    def paths_of(self, films: Collection) -> list[str]:
        """Give what findings call the films of one of the data sets."""
        before = f"{second_name(self.films, films)}/" if films is self.other else ""
        return [before + name for name in films.ids.tolist()]

    def as_dict(self) -> dict[str, object]:
        """Give how many films were read, and the findings, for JSON."""
        return {"images": len(self.films), "findings": [each.as_dict() for each in self.findings]}


def run_audit(films: Collection, other: Collection | None = None, *, watch: Watch = SILENT) -> Audit:
    """Look for all that could spoil a result.

    Parameters
    ----------
    films
        The data set, see `radapt.audit.collection.collect`.
    other
        One that it must not overlap with, such as another hospital's.
    watch
        Told how the comparing of films gets on.
    """
    findings = _unreadable(films)
    parts, shortcuts = parts_of(films), NO_SHORTCUTS
    if len(films):
        shortcuts = measure_shortcuts(films)
        findings += [
            *find_leaks(films),
            *find_duplicates(Pool.of(films), watch),
            *_looks(films),
            *find_odd_sizes(films),
            *find_odd_depths(films),
            *find_imbalance(films, parts),
            *find_prevalence(films),
            *compare_grey(parts),
            *find_shortcuts(shortcuts),
            *find_sites(films),
        ]
    if other is not None:
        name = second_name(films, other)
        theirs = parts_of(other, f"{name}/")
        findings += _unreadable(other, f"{name}/")
        if len(films) and len(other):
            findings += _between(films, other, [whole(parts, films.origin.name), whole(theirs, name)], watch)
        parts += theirs
    return Audit(films, other, in_order(findings), tuple(parts), shortcuts)


def _between(films: Collection, other: Collection, wholes: list[Part], watch: Watch) -> list[Finding]:
    names = (wholes[0].name, wholes[1].name)
    return [
        *find_leaks_between(films, other),
        *find_duplicates(Pool.of(films, other), watch),
        *compare_prevalence(films, other, names),
        *compare_formats(films, other, names),
        *compare_grey(wholes),
    ]


def _looks(films: Collection) -> list[Finding]:
    """Name each film that looks odd once, by itself or beside the others."""
    odd = find_odd(films)
    named = {path for finding in odd for path in finding.paths}
    return [*odd, *(each for each in find_changed(films) if named.isdisjoint(each.paths))]


def _unreadable(films: Collection, before: str = "") -> list[Finding]:
    """Name each file that gave no film."""
    return [
        Finding("unreadable", "warning", (before + name,), f"It {reason}.")
        for name, reason in films.origin.failed
    ]
