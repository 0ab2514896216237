"""The scores of a model with parts of every image hidden, as a small table below the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.best_model import named
from radapt.report.folder import Study
from radapt.report.wording import Number
from radapt.shortcuts.occlusion import ABOUT, METRICS
from radapt.stats.estimate import Estimate

HEADING = "Occlusion: scores with parts of every image hidden"


@dataclass(frozen=True, slots=True)
class OcclusionTable:
    """One model on one test set: for each mask and metric the score and its change."""

    heading: str
    note: str  # which model, on which images; "" where there is one
    rows: tuple[tuple[str, str, tuple[Number, ...]], ...]  # (mask, what is hidden, numbers)
    corners: tuple[tuple[str, Number], ...]  # (corner, effect of permuting it in %)
    metrics: tuple[str, ...] = tuple(find_metric(name).heading for name in METRICS)


def run_occlusion(
    rows: Sequence[Mapping[str, Any]], corners: Sequence[Mapping[str, Any]]
) -> list[OcclusionTable]:
    """Return the tables of occlusion scores of a run; empty where there are none."""
    return [OcclusionTable(HEADING, "", _rows(rows), _corners(corners))] if rows else []


def occlusion_tables(study: Study) -> list[OcclusionTable]:
    """Return the tables of occlusion scores of a study's models."""
    return [
        OcclusionTable(
            HEADING,
            f"{named(each['strategy'], each['budget'], study)}, {wording.DOMAINS[each['domain']]}",
            _rows(each["occlusion"]),
            _corners(each["corner_permutation"]),
        )
        for each in study.occlusions
    ]


def _corners(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, Number], ...]:
    return tuple((row["corner"], wording.share(Estimate.from_dict(row))) for row in rows)


def _rows(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str, tuple[Number, ...]], ...]:
    numbers: dict[str, dict[str, tuple[Number, Number]]] = {}
    for row in rows:
        numbers.setdefault(row["mask"], {})[row["metric"]] = (
            wording.number(row["metric"], Estimate.from_dict(row)),
            wording.change(row["metric"], Estimate.from_dict(row["change"])),
        )
    about = {row["mask"]: row.get("about", ABOUT[row["mask"]]) for row in rows}
    return tuple(
        (way, about[way], tuple(number for metric in METRICS for number in each[metric]))
        for way, each in numbers.items()
    )
