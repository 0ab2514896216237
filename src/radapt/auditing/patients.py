"""Find patients with images in two splits, or in two data sets."""

import numpy as np
from numpy.typing import NDArray

from radapt.auditing.collection import Collection, second_name
from radapt.auditing.finding import Finding
from radapt.images.patients import PUBLISHED
from radapt.text import counted, joined


def find_leaks(images: Collection) -> list[Finding]:
    """Find patients with images in more than one split, and report unknown patients."""
    if not images.knows_patients:
        detail = (
            "The patients are not known, so leaks between splits can only be found by the images themselves."
        )
        return [Finding("patients-unknown", "note", (), detail)]
    findings = []
    if unnamed := images.origin.unnamed:
        are = "is" if unnamed == 1 else "are"
        detail = (
            f"The table does not say whose {counted(unnamed, 'image')} {are}: each "
            "counts as one patient, so a leak of theirs can be found by the images themselves alone."
        )
        findings.append(Finding("patients-unknown", "note", (), detail))
    for name, rows in _shared(images.patients, images.splits).items():
        splits, counts = np.unique(images.splits[rows], return_counts=True)
        listed_splits = joined(
            f"{split} ({count})" for split, count in zip(splits.tolist(), counts.tolist(), strict=True)
        )
        detail = f"The patient {name} has images in {listed_splits}."
        findings.append(Finding("patient-leak", "error", tuple(images.ids[rows].tolist()), detail))
    return findings


def find_leaks_between(images: Collection, other: Collection) -> list[Finding]:
    """Find patients with images in both data sets, if both identify patients by the same rule.

    Patient numbers of two hospitals may be equal by chance, so a match is an error only if the numbers are
    those of one published data set.
    """
    rule = images.origin.patient_rule
    if not images.knows_patients or rule != other.origin.patient_rule:
        return []
    name = second_name(images, other)
    severity = "error" if rule in PUBLISHED else "warning"
    word = "has images" if severity == "error" else "is suspected, by name, to have images"
    here, there = _paths_of(images), _paths_of(other, f"{name}/")
    return [
        Finding(
            "patient-leak",
            severity,
            (*here[patient], *there[patient]),
            f"The patient {patient} {word} both in {images.origin.name} and in {name}.",
        )
        for patient in sorted(here.keys() & there.keys())
    ]


def _paths_of(images: Collection, before: str = "") -> dict[str, list[str]]:
    """Return the images of each patient."""
    grouped: dict[str, list[str]] = {}
    for patient, image in zip(images.patients.tolist(), images.ids.tolist(), strict=True):
        grouped.setdefault(patient, []).append(before + image)
    return grouped


def _shared(patients: NDArray[np.str_], splits: NDArray[np.str_]) -> dict[str, NDArray[np.intp]]:
    """Return the rows of each patient with images in two or more splits."""
    rows_of: dict[str, list[int]] = {}
    for row, patient in enumerate(patients.tolist()):
        rows_of.setdefault(patient, []).append(row)
    several = {patient: np.array(rows) for patient, rows in sorted(rows_of.items()) if len(rows) > 1}
    return {patient: rows for patient, rows in several.items() if (splits[rows] != splits[rows[0]]).any()}
