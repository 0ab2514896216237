"""The section of a stress test: the drop under each shift at each severity, as a heat map."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radapt.artefacts import STRESS, STRESS_IMAGES
from radapt.files import read_document
from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.example_images import ExampleImage, stored_images
from radapt.report.folder import expected_in
from radapt.report.wording import Number
from radapt.stats.estimate import Estimate
from radapt.text import counted, joined

MAX_DROP = 0.30  # drops from here on have the strongest colour


@dataclass(frozen=True, slots=True)
class StressScore:
    """A model's score under one shift at one severity, by one metric."""

    shift: str
    severity: int  # 0 where the shift has none
    requested: str
    metric: str
    estimate: Estimate
    drop: Estimate  # against the images as they are, paired
    verdict: str


@dataclass(frozen=True, slots=True, eq=False)
class Stress:
    """A finished stress test."""

    suite: str
    data: str
    part: str
    images: int
    clean: tuple[Mapping[str, Any], ...]  # of the unshifted images: "metric" and "estimate"
    cells: tuple[StressScore, ...]
    ranking: tuple[Mapping[str, Any], ...]
    harmless: tuple[str, ...]
    shown: Mapping[str, Any]
    examples: tuple[tuple[ExampleImage, ExampleImage], ...]  # unshifted and shifted


@dataclass(frozen=True, slots=True)
class Heat:
    """A cell of the heat map."""

    drop: str  # in points, "" where there is none
    title: str  # the score and the drop with their intervals
    strength: int  # 0 to 100 percent of the colour
    significant: bool  # whether the interval of the drop excludes 0


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A shift."""

    name: str
    cells: tuple[Heat, ...]
    verdict: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """All shifts by one metric, the most harmful first."""

    heading: str
    severities: tuple[int, ...]
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A stress test, ready for a page."""

    title: str
    lead: str
    maps: tuple[HeatMap, ...]
    examples: tuple[tuple[ExampleImage, ExampleImage], ...]  # unshifted and shifted
    examples_heading: str


def read_stresses(folder: Path) -> list[Stress]:
    """Read the finished stress tests of a run.

    Raises
    ------
    BadArtefact
        If one is damaged.
    """
    return [_read(path.parent) for path in sorted(folder.glob(f"*/{STRESS}"))]


def _read(folder: Path) -> Stress:
    raw = read_document(folder / STRESS)
    pixels = stored_images(folder / STRESS_IMAGES, ("clean", "shifted"))
    with expected_in(folder / STRESS):
        about = raw["shown"]["images"]
        pairs = tuple(
            (
                ExampleImage(clean, image["id"], image["label"], true_class_probability=image["before"]),
                ExampleImage(shifted, image["id"], image["label"], true_class_probability=image["after"]),
            )
            for clean, shifted, image in zip(pixels["clean"], pixels["shifted"], about, strict=True)
        )
        clean = tuple({"metric": row["metric"], "estimate": Estimate.from_dict(row)} for row in raw["clean"])
        return Stress(
            suite=str(raw["suite"]),
            data=str(raw.get("data", "a data set")),
            part=str(raw.get("part", "")),
            images=max(row["estimate"].n for row in clean),
            clean=clean,
            cells=tuple(_stress_score(row) for row in raw["cells"]),
            ranking=tuple(raw["ranking"]),
            harmless=tuple(raw["harmless"]),
            shown=dict(raw["shown"]),
            examples=pairs,
        )


def _stress_score(raw: Mapping[str, Any]) -> StressScore:
    return StressScore(
        shift=raw["shift"],
        severity=int(raw["severity"]),
        requested=raw["requested"],
        metric=raw["metric"],
        estimate=Estimate.from_dict(raw),
        drop=Estimate.from_dict(raw["drop"]),
        verdict=raw["verdict"],
    )


def sections(stresses: Sequence[Stress]) -> list[Section]:
    """Return the sections of the stress tests of a run."""
    return [_section(stress) for stress in stresses]


def _section(stress: Stress) -> Section:
    severities = tuple(sorted({row.severity for row in stress.cells}))
    harmful = [row["shift"] for row in stress.ranking if row["lowest_harmful_severity"] is not None]
    worst = stress.shown
    lead = f"{len(harmful)} of {len(stress.ranking)} shifts lower the scores. " + (
        f"The most harmful: {joined(harmful[:3])}. " if harmful else ""
    )
    if stress.harmless:
        lead += f"No drop shown on these images: {joined(stress.harmless)}. "
    comparisons = len([row for row in stress.cells if row.metric == "accuracy"])
    lead += (
        f"Of {comparisons} comparisons at 95 %, about {max(1, round(comparisons / 40))} would show a drop by "
        "chance alone."
    )
    maps = tuple(
        HeatMap(
            f"{find_metric(clean['metric']).heading} unshifted: {_clean(clean)}",
            severities,
            tuple(_row(stress, ranked, clean["metric"], severities) for ranked in stress.ranking),
        )
        for clean in stress.clean
    )
    return Section(
        title=f"Stress test: {stress.suite}",
        lead=f"{counted(stress.images, 'image')} of {stress.data}, {stress.part}. {lead}",
        maps=maps,
        examples=stress.examples,
        examples_heading=f"Images with the largest drop under {worst['shift']}@{worst['severity']}",
    )


def _clean(row: Mapping[str, Any]) -> str:
    number = wording.number(row["metric"], row["estimate"])
    return f"{number.value} {number.interval}"


def _row(stress: Stress, ranked: Mapping[str, Any], metric: str, severities: Sequence[int]) -> HeatRow:
    own = {row.severity: row for row in stress.cells if (row.shift, row.metric) == (ranked["shift"], metric)}
    cells = []
    for severity in severities:
        row = own.get(severity)
        if row is None or math.isnan(row.drop.value):
            cells.append(Heat("", "", 0, False))
            continue
        change: Number = wording.change(metric, row.drop)
        score = wording.number(metric, row.estimate)
        strength = round(100 * min(1.0, max(0.0, -row.drop.value) / MAX_DROP))
        title = f"{row.requested}: {score.value} {score.interval}, {change.value} {change.interval}"
        cells.append(Heat(change.value, title, strength, row.verdict == "worse"))
    harm = sorted(severity for severity, each in own.items() if each.verdict == "worse")
    verdict = f"drop from {harm[0]}" if harm and harm[0] else "drop" if harm else "no drop shown"
    return HeatRow(ranked["shift"], tuple(cells), verdict)
