"""An audit as one page: what was found, the images concerned side by side, and the numbers behind it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.auditing.audit import Audit
from radapt.auditing.finding import KINDS, SEVERITIES, Finding
from radapt.auditing.shortcuts import Shortcuts
from radapt.files import write_text
from radapt.images.notice import in_order
from radapt.report import figures
from radapt.report.characteristics import characteristics_table
from radapt.report.figure_data import Panel
from radapt.report.render import environment
from radapt.report.svg import SERIES
from radapt.report.wording import number, patient_words, preprocessing_words
from radapt.text import counted, passed_over, reasons

MAX_FINDINGS = 200  # findings of a kind that are named; the rest are counted
OPEN = 8  # of these, those that are not folded away
MAX_GROUPS = 24  # groups of suspected duplicates that are shown
MAX_IMAGES = 6  # images of a group that are shown
MAX_ODD = 36  # odd images that are shown
MAX_SUSPECTS = 36  # images with suspect labels or views that are shown
MAX_PATHS = 12  # images of a finding that are named

DUPLICATE_KINDS = ("conflicting-labels", "near-duplicate")
ODD_KINDS = ("negative", "turned", "blank")
SUSPECT_KINDS = ("suspect-label", "suspect-view")
MEANING: dict[str, str] = {  # what each kind of finding means for a reader
    "patient-leak": "A model trained on a patient does better on other images of that patient, so "
    "their scores are too high. All images of a patient belong in one split.",
    "conflicting-labels": "One of the labels is wrong, or the image shows more than one label can say.",
    "duplicate": "Within a split an image counts more than once; across splits a model is tested on what it "
    "was trained on.",
    "near-duplicate": "Suspected, not proven: the files differ, but the image seems to be the same.",
    "suspect-label": "The most suspect first. Look at them: such a label may be wrong, or the image unusual.",
    "suspect-view": "The most suspect first. A lateral image among frontal ones teaches a model the view.",
    "label-check": "Confident learning names candidates and proves nothing. Features of a model that was "
    "trained on these labels may repeat their errors.",
    "unreadable": "They are left out everywhere. Export them again, or remove them.",
    "class-missing": "A class without images can be neither learned nor scored.",
    "blank": "A model can learn nothing from them but that blank images have this label.",
    "negative": (
        "Suspected by comparison with the mean image. An export that overlooks MONOCHROME1 does this."
    ),
    "turned": "Suspected by comparison with the mean image.",
    "shortcut": "A model may use this shortcut and fail where it is missing. Whether it does is not shown.",
    "site": "A model may learn the site instead of the finding. Test on a site that was not trained on, and "
    "score each site separately.",
    "prevalence": "Accuracies are not comparable between sets with different prevalence; AUROCs are.",
    "imbalance": "A model that always predicts the common class is often right. Look at sensitivity, too.",
    "grey-levels": "Perhaps another scanner, or another export.",
    "odd-size": "They may come from another source; a size that goes with a label is a shortcut.",
    "odd-depth": "They may come from another source, and be darker or brighter.",
    "patients-unknown": "Identify the patients by --patient-regex or a table, if that is possible.",
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
    """Images that are shown side by side."""

    kind: str
    detail: str
    images: tuple[tuple[NDArray[np.uint8], str, str], ...]  # pixels, path, label
    more: int  # images that are not shown


def render_audit(audit: Audit) -> str:
    """Return an audit as one self-contained HTML page; equal audits give identical pages."""
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
    shown_kinds = (DUPLICATE_KINDS, ODD_KINDS, SUSPECT_KINDS)
    duplicates, odd, suspects = (_shown(audit, kinds) for kinds in shown_kinds)
    return {
        "title": _title(audit),
        "headline": audit.headline,
        "lead": _lead(audit),
        "warnings": in_order(audit.notices),
        "chapters": chapters,
        "open": OPEN,
        "summary": [(name, sum(each.severity == name for each in audit.findings)) for name in SEVERITIES],
        "duplicates": duplicates[:MAX_GROUPS],
        "duplicates_left": len(duplicates[MAX_GROUPS:]),
        "odd": odd[:MAX_ODD],
        "odd_left": len(odd[MAX_ODD:]),
        "suspects": suspects[:MAX_SUSPECTS],
        "suspects_left": len(suspects[MAX_SUSPECTS:]),
        "classes": list(dict.fromkeys(name for part in audit.parts for name in part.classes)),
        "counts": _counts(audit),
        "characteristics": characteristics_table(audit.characteristics()),
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
    sentences = []
    for each in (audit.images, audit.other):
        if each is not None:
            files = counted(len(each) + len(each.origin.failed), "file")
            sentences.append(f"{len(each):,} of {files} of {each.origin.name} were read.")
    return " ".join(sentences)


def _chapters(findings: Sequence[Finding]) -> list[Chapter]:
    chapters = []
    for severity in SEVERITIES:
        for kind, title in KINDS.items():
            of_kind = [each for each in findings if (each.severity, each.kind) == (severity, kind)]
            if of_kind:
                rows = tuple(
                    (each.detail, each.paths[:MAX_PATHS], len(each.paths[MAX_PATHS:]))
                    for each in of_kind[:MAX_FINDINGS]
                )
                chapters.append(Chapter(kind, title, severity, MEANING[kind], len(of_kind), rows))
    return chapters


def _shown(audit: Audit, kinds: Iterable[str]) -> list[Shown]:
    """Return the images of findings of these kinds, each set of images once."""
    pools = [each for each in (audit.images, audit.other) if each is not None]
    image_at = {path: (each, row) for each in pools for row, path in enumerate(audit.paths_of(each))}
    shown, drawn = [], set()
    for kind in kinds:
        for finding in audit.findings:
            if finding.kind != kind or finding.paths in drawn:
                continue
            drawn.add(finding.paths)
            images = []
            for path in finding.paths[:MAX_IMAGES]:
                owner, row = image_at[path]
                images.append((np.asarray(owner.pixels[row]), path, owner.labels_of(row)))
            shown.append(Shown(kind, finding.detail, tuple(images), len(finding.paths[MAX_IMAGES:])))
    return shown


def _counts(audit: Audit) -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    """Return the table of splits: images, patients, and each class with its share."""
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
    """Return the cells of the map over the mean image: position, colour, opacity and number of each."""
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
                *([("Skipped files", passed_over(origin.passed))] if origin.passed else []),
                *([("Left out", reasons(origin.left_out))] if origin.left_out else []),
                *([("Rows", account)] if (account := origin.account(len(each))) else []),
                *(("Note", note) for note in origin.notes),
            ]
    return facts
