"""An audit as one page: what was found, the images concerned side by side, and the numbers behind it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.audit.audit import Audit
from radapt.audit.finding import KINDS, SEVERITIES, Finding
from radapt.audit.shortcuts import Shortcuts
from radapt.files import write_text
from radapt.report import figures
from radapt.report.figure_data import Panel
from radapt.report.render import environment
from radapt.report.svg import SERIES
from radapt.report.wording import notice_of, number, patient_words, preprocessing_words
from radapt.text import counted, passed_over, reasons

LISTED = 200  # findings of a kind that are named; the rest are counted
OPEN = 8  # of them that are seen at once; the rest unfold
SIDE_BY_SIDE = 24  # groups of images that are shown
TOGETHER = 6  # images of a group that are shown
SINGLE = 36  # odd images that are shown
PATHS = 12  # images of a finding that are named

SEEN_TWICE = ("conflicting-labels", "near-duplicate")
SEEN_ODD = ("negative", "turned", "blank")
MEANS: dict[str, str] = {  # what a reader should make of it
    "patient-leak": "A model that has seen a patient knows more of that patient's other images, so scores on "
    "them are too good. All images of a patient belong on one side.",
    "conflicting-labels": "One of the labels is wrong, or the image shows more than one label can say.",
    "duplicate": "Within a split an image counts more than once; across splits a model is tested on what it "
    "was trained on.",
    "near-duplicate": "Suspected, not proven: the files differ, the picture seems to be the same.",
    "unreadable": "They are left out of everything. Export them again, or take them away.",
    "class-missing": "A class without images can neither be learnt nor scored.",
    "blank": "They teach nothing but that blank images have a label.",
    "negative": (
        "Suspected by comparison with the mean image. An export that overlooks MONOCHROME1 does this."
    ),
    "turned": "Suspected by comparison with the mean image.",
    "shortcut": "A model may take the same way, and lose it in another hospital. That it does is not shown.",
    "site": "What is common at a site may then be learnt in place of the finding. Test on a site that no "
    "model has seen, and look at each site by itself.",
    "prevalence": "Accuracy does not compare between sets that differ in this; AUROC does.",
    "imbalance": "Accuracy is high for whoever always names the common class. Look at sensitivity, too.",
    "grey-levels": "Another scanner, or another way of exporting.",
    "odd-size": "They may come from elsewhere, and where a size goes with a label it gives the label away.",
    "odd-depth": "They may come from elsewhere, and be darker or brighter for it.",
    "patients-unknown": "Name the patients by --patient-regex or a table, if files or somebody knows them.",
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """The findings of one kind."""

    kind: str
    title: str
    severity: str
    means: str
    total: int
    rows: tuple[tuple[str, tuple[str, ...], int], ...]  # what was found, the images, how many more there are


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Images to be looked at together."""

    kind: str
    detail: str
    images: tuple[tuple[NDArray[np.uint8], str, str], ...]  # pixels, path, label
    more: int  # images that are not shown


def render_audit(audit: Audit) -> str:
    """Draw an audit as one HTML page that needs no other file; equal audits give equal pages, to the byte."""
    return environment().get_template("audit.html.j2").render(_page(audit))


def write_audit(audit: Audit, path: Path) -> None:
    """Write the page of an audit, whole or not at all.

    Raises
    ------
    RadaptError
        If it cannot be written there.
    """
    write_text(path, render_audit(audit))


def _page(audit: Audit) -> dict[str, Any]:
    chapters = _chapters(audit.findings)
    twice, odd = (_shown(audit, kinds) for kinds in (SEEN_TWICE, SEEN_ODD))
    return {
        "title": _title(audit),
        "lead": _lead(audit),
        "warnings": [notice_of(notice) for notice in audit.notices],
        "chapters": chapters,
        "open": OPEN,
        "summary": [(name, sum(each.severity == name for each in audit.findings)) for name in SEVERITIES],
        "twice": twice[:SIDE_BY_SIDE],
        "twice_left": len(twice[SIDE_BY_SIDE:]),
        "odd": odd[:SINGLE],
        "odd_left": len(odd[SINGLE:]),
        "classes": list(dict.fromkeys(name for part in audit.parts for name in part.classes)),
        "counts": _counts(audit),
        "baselines": [
            (each.name, each.about, number("auroc", each.estimate)) for each in audit.shortcuts.baselines
        ],
        "held_out": audit.shortcuts.held_out,
        "frame": _frame(audit.shortcuts),
        "finding": audit.images.classes[1] if len(audit.images.classes) == 2 else "",
        "histograms": _histograms(audit),
        "series": [(part.name, at % len(SERIES)) for at, part in enumerate(audit.parts)],
        "facts_read": _facts(audit),
    }


def _title(audit: Audit) -> str:
    against = "" if audit.other is None else f", and what it shares with {audit.other.origin.name}"
    return f"Audit of {audit.images.origin.name}{against}"


def _lead(audit: Audit) -> str:
    said = []
    for each in (audit.images, audit.other):
        if each is not None:
            files = counted(len(each) + len(each.origin.failed), "file")
            said.append(f"{len(each):,} of {files} of {each.origin.name} were read.")
    mend = sum(finding.severity != "note" for finding in audit.findings)
    said.append(
        f"{counted(mend, 'finding')} to look into and mend." if mend else "Nothing was found to mend."
    )
    return " ".join(said)


def _chapters(findings: Sequence[Finding]) -> list[Chapter]:
    chapters = []
    for severity in SEVERITIES:
        for kind, title in KINDS.items():
            found = [each for each in findings if (each.severity, each.kind) == (severity, kind)]
            if found:
                rows = tuple(
                    (each.detail, each.paths[:PATHS], len(each.paths[PATHS:])) for each in found[:LISTED]
                )
                chapters.append(Chapter(kind, title, severity, MEANS[kind], len(found), rows))
    return chapters


def _shown(audit: Audit, kinds: Iterable[str]) -> list[Shown]:
    """Give the images of findings of some kinds, each set of images once."""
    pools = [each for each in (audit.images, audit.other) if each is not None]
    image_at = {path: (each, row) for each in pools for row, path in enumerate(audit.paths_of(each))}
    shown, seen = [], set()
    for kind in kinds:
        for finding in audit.findings:
            if finding.kind != kind or finding.paths in seen:
                continue
            seen.add(finding.paths)
            images = []
            for path in finding.paths[:TOGETHER]:
                owner, row = image_at[path]
                images.append((np.asarray(owner.pixels[row]), path, owner.labels_of(row)))
            shown.append(Shown(kind, finding.detail, tuple(images), len(finding.paths[TOGETHER:])))
    return shown


def _counts(audit: Audit) -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    """Lay out how many images each split has, of how many patients, and of each class with its share."""
    classes = list(dict.fromkeys(name for part in audit.parts for name in part.classes))
    return [
        (
            part.name,
            f"{part.images:,}",
            f"{part.patients:,}",
            [
                (
                    f"{part.classes[name]:,}",
                    f"{part.classes[name] / max(1, part.images):.1%}".replace("%", " %"),
                )
                if name in part.classes
                else ("", "")
                for name in classes
            ],
        )
        for part in audit.parts
    ]


def _frame(shortcuts: Shortcuts) -> dict[str, Any] | None:
    """Lay the map over the mean image: for each cell where it is, its colour, how strong, and its number."""
    if shortcuts.map is None or shortcuts.mean is None:
        return None
    side = len(shortcuts.map)
    cells = [
        {
            "x": 100 * column / side,
            "y": 100 * row / side,
            "series": 1 if value < 0.5 else 2,
            "strength": f"{min(0.85, 2 * abs(value - 0.5)):.2f}",
            "text": f"{value:.2f}".removeprefix("0"),
        }
        for row, values in enumerate(shortcuts.map.tolist())
        for column, value in enumerate(values)
    ]
    return {"mean": shortcuts.mean, "cells": cells, "side": 100 / side}


def _histograms(audit: Audit) -> list[Panel]:
    if not audit.parts:
        return []
    about = f"Grey histograms of {', '.join(part.name for part in audit.parts)}."
    lines = [(at % len(SERIES), part.histogram) for at, part in enumerate(audit.parts)]
    return [Panel("", "", figures.grey_histograms(lines, salt="grey", about=about))]


def _facts(audit: Audit) -> list[tuple[str, str]]:
    facts = []
    for each in (audit.images, audit.other):
        if each is not None:
            origin = each.origin
            facts += [
                ("Data set", origin.name),
                ("Patients", patient_words(origin.patient_rule)),
                ("Splits", origin.split_rule),
                ("Read as", preprocessing_words(origin.preprocessing)),
                *([("Passed over", passed_over(origin.passed))] if origin.passed else []),
                *([("Left out of the table", reasons(origin.left_out))] if origin.left_out else []),
                *(("Note", note) for note in origin.notes),
            ]
    return facts
