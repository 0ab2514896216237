"""A model's scores with parts of every image hidden, as a small table beside the scores."""

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

HEADING = "With parts of every image hidden"


@dataclass(frozen=True, slots=True)
class OcclusionTable:
    """One model on one test set with parts hidden: a row each way, by metric the score and the change."""

    heading: str
    note: str  # which model, on which images; "" where there is one
    rows: tuple[tuple[str, str, tuple[Number, ...]], ...]  # (way, what is hidden, numbers)
    exchanged: tuple[tuple[str, Number], ...]  # (corner, how far exchanging it moves the model, %)
    metrics: tuple[str, ...] = tuple(find_metric(name).heading for name in METRICS)


def run_occlusion(
    rows: Sequence[Mapping[str, Any]], exchanged: Sequence[Mapping[str, Any]]
) -> list[OcclusionTable]:
    """Lay out what a run found; nothing where it was not tried."""
    return [OcclusionTable(HEADING, "", _rows(rows), _exchanged(exchanged))] if rows else []


def occlusion_tables(study: Study) -> list[OcclusionTable]:
    """Lay out what a study found of its models."""
    return [
        OcclusionTable(
            HEADING,
            f"{named(each['strategy'], each['budget'], study)}, {wording.DOMAINS[each['domain']]}",
            _rows(each["occlusion"]),
            _exchanged(each.get("exchanged", ())),
        )
        for each in study.occlusions
    ]


def _exchanged(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, Number], ...]:
    return tuple((row["corner"], wording.share(Estimate.from_dict(row))) for row in rows)


def _rows(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str, tuple[Number, ...]], ...]:
    found: dict[str, dict[str, tuple[Number, Number]]] = {}
    for row in rows:
        found.setdefault(row["mask"], {})[row["metric"]] = (
            wording.number(row["metric"], Estimate.from_dict(row)),
            wording.change(row["metric"], Estimate.from_dict(row["change"])),
        )
    about = {row["mask"]: row.get("about", ABOUT[row["mask"]]) for row in rows}
    return tuple(
        (way, about[way], tuple(number for metric in METRICS for number in each[metric]))
        for way, each in found.items()
    )
