"""A model's scores with parts of every film hidden, as a small table beside the scores."""

from collections.abc import Mapping, Sequence
from typing import Any

from radapt.report import wording
from radapt.report.contents import estimate_of
from radapt.report.wording import Number

HIDDEN = {
    "centre only": "the outer 12 of 128 pixels hidden",
    "border only": "all but the outer 12 of 128 pixels hidden",
    "corners hidden": "the four corners hidden, 24 of 128 pixels each",
}
METRICS = {"auroc": "AUROC", "accuracy": "Accuracy, %"}


def occlusion_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Number]]]:
    """Lay out a row each way: its name, what is hidden, and by each metric the score and the change."""
    found: dict[str, dict[str, list[Number]]] = {}
    for row in rows:
        numbers = [
            wording.number(row["metric"], estimate_of(row)),
            wording.change(row["metric"], estimate_of(row["change"])),
        ]
        found.setdefault(row["way"], {})[row["metric"]] = numbers
    return [
        (way, HIDDEN[way], [number for metric in METRICS for number in each[metric]])
        for way, each in found.items()
    ]
