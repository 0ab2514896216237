"""A finding of an audit: its kind, severity, images and description."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SEVERITIES = ("error", "warning", "note")  # errors and warnings should be corrected, notes are information

KINDS: dict[str, str] = {  # in the order of the page
    "patient-leak": "Patients in two splits, or in two data sets",
    "conflicting-labels": "The same image under different labels",
    "duplicate": "Identical images",
    "near-duplicate": "Suspected duplicates",
    "suspect-label": "Suspect labels",
    "suspect-view": "Suspect views",
    "unreadable": "Files that cannot be read",
    "class-missing": "Classes without an image",
    "blank": "Blank images",
    "near-white": "Nearly white images",
    "near-black": "Nearly black images",
    "clipped": "Images mostly clipped, or outside their window",
    "mask": "Masks, not images",
    "negative": "Suspected negatives",
    "turned": "Images suspected to be turned",
    "shortcut": "Shortcuts to the label",
    "site": "Whether images reveal their site",
    "prevalence": "Classes more common in one set than in another",
    "imbalance": "Class imbalance",
    "grey-levels": "Grey levels that differ between sets",
    "odd-size": "Unusual sizes",
    "odd-depth": "Unusual bit depths",
    "patients-unknown": "Unknown patients",
    "label-check": "How labels and views were checked",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of an audit."""

    kind: str  # one of KINDS
    severity: str  # "error": makes scores wrong. "warning": check and correct. "note": information
    paths: tuple[str, ...]  # the images concerned; codes for DICOM files
    detail: str  # a sentence

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "paths": list(self.paths),
            "detail": self.detail,
        }


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by severity, then by kind."""
    kinds = list(KINDS)
    return tuple(
        sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), kinds.index(finding.kind)))
    )
