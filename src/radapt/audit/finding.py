"""One thing that an audit found, and how much it matters."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SEVERITIES = ("error", "warning", "note")  # the first two are for mending, a note is for knowing

KINDS: dict[str, str] = {  # in the order in which they are shown
    "patient-leak": "Patients in two splits, or in two data sets",
    "conflicting-labels": "The same image under different labels",
    "duplicate": "Identical images",
    "near-duplicate": "Suspected duplicates",
    "unreadable": "Files that cannot be read",
    "class-missing": "Classes without an image",
    "blank": "Blank images",
    "near-white": "Nearly white images",
    "near-black": "Nearly black images",
    "clipped": "Images mostly clipped, or outside their window",
    "mask": "Masks, not images",
    "negative": "Suspected negatives",
    "turned": "Images suspected to be turned",
    "shortcut": "Cheap ways to tell the label",
    "site": "Whether images give away where they were taken",
    "prevalence": "Classes more common in one set than in another",
    "imbalance": "Classes unlike in number",
    "grey-levels": "Grey levels that differ between sets",
    "odd-size": "Sizes out of the ordinary",
    "odd-depth": "Bit depths out of the ordinary",
    "patients-unknown": "Patients that are not known",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an audit found."""

    kind: str  # one of KINDS
    severity: str  # "error": scores are wrong by it. "warning": look and mend. "note": good to know
    paths: tuple[str, ...]  # the images concerned; of DICOM images their codes
    detail: str  # a sentence

    def as_dict(self) -> dict[str, Any]:
        """Give its fields, for JSON."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "paths": list(self.paths),
            "detail": self.detail,
        }


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order findings: what matters most first, kinds together."""
    kinds = list(KINDS)
    return tuple(sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), kinds.index(each.kind))))


def joined(names: Iterable[str]) -> str:
    """Write `a`, `a and b`, `a, b and c`."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
