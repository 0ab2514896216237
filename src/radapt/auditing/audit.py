"""Run every check on one data set, or on two that must not overlap."""

from dataclasses import dataclass
from typing import Any

from radapt.auditing.appearance import find_changed, find_unusable
from radapt.auditing.class_balance import (
    Part,
    compare_grey,
    compare_prevalence,
    find_imbalance,
    find_prevalence,
    parts_of,
    whole,
)
from radapt.auditing.collection import Collection, Pool, second_name
from radapt.auditing.duplicates import find_duplicates
from radapt.auditing.finding import KINDS, SEVERITIES, Finding, in_order
from radapt.auditing.formats import compare_formats, find_odd_depths, find_odd_sizes
from radapt.auditing.patients import find_leaks, find_leaks_between
from radapt.auditing.shortcuts import NO_SHORTCUTS, Shortcuts, find_shortcuts, measure_shortcuts
from radapt.auditing.sites import find_sites
from radapt.auditing.suspects import Review
from radapt.display.table import Row, Table, html_table, html_text
from radapt.images.characteristics import characteristics
from radapt.images.notice import Notice, as_rows
from radapt.progress import SILENT, Watch
from radapt.text import counted


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Audit(Table):
    """The findings about a data set."""

    images: Collection
    other: Collection | None
    findings: tuple[Finding, ...]  # most severe first
    parts: tuple[Part, ...]  # by split; names of the other data set's parts begin with its name
    shortcuts: Shortcuts
    review: Review | None = None  # of labels and views, if it was requested

    def __repr__(self) -> str:
        return f"Audit({self.images.origin.name}: {self._counts()})"

    def _counts(self) -> str:
        counts = [sum(each.severity == severity for each in self.findings) for severity in SEVERITIES]
        return ", ".join(counted(count, name) for count, name in zip(counts, SEVERITIES, strict=True))

    @property
    def headline(self) -> str:
        """Whether the images are fit to train and test on, as far as an audit can tell, and what is worst."""
        of = {
            severity: [each.kind for each in self.findings if each.severity == severity]
            for severity in SEVERITIES
        }
        errors, warnings = of["error"], of["warning"]
        if errors:
            more = f", and check {counted(len(warnings), 'warning')}" if warnings else ""
            return (
                f"Not fit to train and test on as it is: mend {counted(len(errors), 'error')} "
                f"({_titles(errors)}){more}."
            )
        if warnings:
            return (
                f"Check {counted(len(warnings), 'warning')} ({_titles(warnings)}) before you train and test "
                "on it; there is no error."
            )
        if "shortcut" in of["note"]:
            return (
                "There is no error and no warning, but the label can be predicted without the lungs"
                f"{self._strongest_shortcut()}: see whether the model that you train does so "
                "(radapt evaluate --occlusion)."
            )
        return "Nothing was found that needs fixing."

    def _strongest_shortcut(self) -> str:
        known = [each for each in self.shortcuts.baselines if each.estimate.value == each.estimate.value]
        if not known:
            return ""
        best = max(known, key=lambda each: each.estimate.value)
        return f" (from {best.about}: AUROC {best.estimate})"

    def _repr_html_(self) -> str:
        """Return how much was found of each kind, without patients and files, since notebooks are saved."""
        lead = f"{counted(len(self.images), 'image')} of {self.images.origin.name}: {self._counts()}"
        found: list[Row] = []
        for severity, kind in dict.fromkeys((each.severity, each.kind) for each in self.findings):
            own = [each for each in self.findings if (each.severity, each.kind) == (severity, kind)]
            images = len({path for each in own for path in each.paths})
            found.append({"severity": severity, "what": KINDS[kind], "findings": len(own), "images": images})
        return html_text(self.headline) + html_text(lead) + (html_table(found) if found else "")

    def rows(self) -> list[Row]:
        """Return a row for each finding, the most severe first, with the number of its images."""
        return [
            {
                "severity": each.severity,
                "kind": each.kind,
                "title": KINDS[each.kind],
                "images": len(each.paths),
                "detail": each.detail,
            }
            for each in self.findings
        ]

    @property
    def files(self) -> int:
        """The number of files, readable or not."""
        return len(self.images) + len(self.images.origin.failed)

    @property
    def is_clean(self) -> bool:
        """Whether there is no error and no warning."""
        return all(finding.severity == "note" for finding in self.findings)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The notices of the data sets, each once."""
        collections = [images for images in (self.images, self.other) if images is not None]
        return tuple(dict.fromkeys(notice for images in collections for notice in images.origin.notices))

    def paths_of(self, images: Collection) -> list[str]:
        """Return the names of a data set's images in the findings."""
        before = f"{second_name(self.images, images)}/" if images is self.other else ""
        return [before + name for name in images.ids.tolist()]

    def characteristics(self) -> dict[str, Any]:
        """Describe the images of each split, for JSON; differences are of the other data set or of test."""
        own, other = dict(self.images.sets), {}
        if self.other is not None:
            name = second_name(self.images, self.other)
            other = {f"{name}/{split}": images for split, images in self.other.sets.items()}
        sides = (tuple(own), tuple(other)) if other else (("train", "val"), ("test",))
        return characteristics({**own, **other}, *sides)

    def as_dict(self) -> dict[str, object]:
        """Return the number of images read, the findings and the notices, for JSON."""
        suspects = {} if self.review is None else self.review.as_dict()
        return {
            "images": len(self.images),
            "characteristics": self.characteristics(),
            "findings": [each.as_dict() for each in self.findings],
            **suspects,
            "notices": as_rows(self.notices),
        }


def _titles(kinds: list[str]) -> str:
    """Name the kinds of findings, each once: `identical images; blank images`."""
    titles = [KINDS[kind] for kind in dict.fromkeys(kinds)]
    return "; ".join(title[:1].lower() + title[1:] for title in titles)


def run_audit(
    images: Collection,
    other: Collection | None = None,
    *,
    review: Review | None = None,
    watch: Watch = SILENT,
) -> Audit:
    """Look for everything that could bias a result.

    Parameters
    ----------
    images
        The data set, see `radapt.auditing.collection.collect`.
    other
        A data set that it must not overlap with, such as that of another hospital.
    review
        The suspect labels and views of the data set, see `radapt.auditing.suspects.review`.
    watch
        Receives the progress of comparing images.
    """
    findings = [*_unreadable(images), *([] if review is None else review.findings())]
    parts, shortcuts = parts_of(images), NO_SHORTCUTS
    if len(images):
        shortcuts = measure_shortcuts(images)
        findings += [
            *find_leaks(images),
            *find_duplicates(Pool.of(images), watch),
            *_find_unusual(images),
            *find_odd_sizes(images),
            *find_odd_depths(images),
            *find_imbalance(images, parts),
            *find_prevalence(images),
            *compare_grey(parts),
            *find_shortcuts(shortcuts),
            *find_sites(images),
        ]
    if other is not None:
        name = second_name(images, other)
        other_parts = parts_of(other, f"{name}/")
        findings += _unreadable(other, f"{name}/")
        if len(images) and len(other):
            findings += _between(
                images, other, [whole(parts, images.origin.name), whole(other_parts, name)], watch
            )
        parts += other_parts
    return Audit(images, other, in_order(findings), tuple(parts), shortcuts, review)


def _between(images: Collection, other: Collection, wholes: list[Part], watch: Watch) -> list[Finding]:
    names = (wholes[0].name, wholes[1].name)
    return [
        *find_leaks_between(images, other),
        *find_duplicates(Pool.of(images, other), watch),
        *compare_prevalence(images, other, names),
        *compare_formats(images, other, names),
        *compare_grey(wholes),
    ]


def _find_unusual(images: Collection) -> list[Finding]:
    """Find unusable and changed images, each only once."""
    unusable = find_unusable(images)
    named = {path for finding in unusable for path in finding.paths}
    return [*unusable, *(change for change in find_changed(images) if named.isdisjoint(change.paths))]


def _unreadable(images: Collection, before: str = "") -> list[Finding]:
    """Return a finding for each file that could not be read."""
    return [
        Finding("unreadable", "warning", (before + name,), f"It {reason}.")
        for name, reason in images.origin.failed
    ]
