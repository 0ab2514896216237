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

    images: Collection
    other: Collection | None
    findings: tuple[Finding, ...]  # what matters most first
    parts: tuple[Part, ...]  # by split; those of another data set begin with its name
    shortcuts: Shortcuts

    @property
    def files(self) -> int:
        """How many files there are, readable or not."""
        return len(self.images) + len(self.images.origin.failed)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found that should be mended."""
        return all(finding.severity == "note" for finding in self.findings)

    @property
    def notices(self) -> tuple[str, ...]:
        """What every page has to say in red of the images, each once."""
        both = [images for images in (self.images, self.other) if images is not None]
        return tuple(dict.fromkeys(notice for images in both for notice in images.origin.notices))

    def paths_of(self, images: Collection) -> list[str]:
        """Give what findings call the images of one of the data sets."""
        before = f"{second_name(self.images, images)}/" if images is self.other else ""
        return [before + name for name in images.ids.tolist()]

    def as_dict(self) -> dict[str, object]:
        """Give how many images were read, and the findings, for JSON."""
        return {"images": len(self.images), "findings": [each.as_dict() for each in self.findings]}


def run_audit(images: Collection, other: Collection | None = None, *, watch: Watch = SILENT) -> Audit:
    """Look for all that could spoil a result.

    Parameters
    ----------
    images
        The data set, see `radapt.audit.collection.collect`.
    other
        One that it must not overlap with, such as another hospital's.
    watch
        Told how the comparing of images gets on.
    """
    findings = _unreadable(images)
    parts, shortcuts = parts_of(images), NO_SHORTCUTS
    if len(images):
        shortcuts = measure_shortcuts(images)
        findings += [
            *find_leaks(images),
            *find_duplicates(Pool.of(images), watch),
            *_looks(images),
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
        theirs = parts_of(other, f"{name}/")
        findings += _unreadable(other, f"{name}/")
        if len(images) and len(other):
            findings += _between(
                images, other, [whole(parts, images.origin.name), whole(theirs, name)], watch
            )
        parts += theirs
    return Audit(images, other, in_order(findings), tuple(parts), shortcuts)


def _between(images: Collection, other: Collection, wholes: list[Part], watch: Watch) -> list[Finding]:
    names = (wholes[0].name, wholes[1].name)
    return [
        *find_leaks_between(images, other),
        *find_duplicates(Pool.of(images, other), watch),
        *compare_prevalence(images, other, names),
        *compare_formats(images, other, names),
        *compare_grey(wholes),
    ]


def _looks(images: Collection) -> list[Finding]:
    """Name each image that looks odd once, by itself or beside the others."""
    odd = find_odd(images)
    named = {path for finding in odd for path in finding.paths}
    return [*odd, *(each for each in find_changed(images) if named.isdisjoint(each.paths))]


def _unreadable(images: Collection, before: str = "") -> list[Finding]:
    """Name each file that gave no image."""
    return [
        Finding("unreadable", "warning", (before + name,), f"It {reason}.")
        for name, reason in images.origin.failed
    ]
