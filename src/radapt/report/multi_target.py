"""Several studies on one page: which model and strategy to take and links to each study."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radapt.artefacts import REPORT, SEVERAL
from radapt.errors import BadArtefact
from radapt.files import read_document, write_text
from radapt.lock import alone_in
from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.folder import Study, expected_in, read_study
from radapt.report.render import environment
from radapt.report.tables import series_of
from radapt.report.wording import Number
from radapt.stats.estimate import Estimate
from radapt.study.summary import NO_ADAPTATION
from radapt.text import counted


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy of one model at one budget."""

    model: str
    strategy: str
    series: int
    budget: str
    mean: Number
    worst: Number
    worst_target: str
    targets: tuple[Number, ...]
    source: Number


@dataclass(frozen=True, slots=True)
class Comparison:
    """A difference of the means over the targets of two rows."""

    one: str
    other: str
    change: Number
    simultaneous: Number  # with the interval that allows for all comparisons
    verdict: str


def write_overview(folder: Path) -> Path:
    """Write the page of several finished studies, as `report.html`; give its path.

    Raises
    ------
    BadArtefact
        If one of the studies is not finished or damaged.
    RadaptError
        If the page cannot be written, or another process writes in the folder.
    """
    path = folder / REPORT
    with alone_in(folder, "wait until it is done"):
        write_text(path, render_overview(folder))
    return path


def read_several(folder: Path) -> dict[str, Any]:
    """Read `several.json` of finished studies.

    Raises
    ------
    BadArtefact
        If one of the studies is not finished, or the file is damaged.
    """
    raw = read_document(folder / SEVERAL)
    with expected_in(folder / SEVERAL):
        if raw["summary"] is None:
            raise BadArtefact(
                f"{folder} holds several studies that are not all finished. Give the command that began "
                "them once more, and it goes on from there."
            )
    return dict(raw)


def render_overview(folder: Path) -> str:
    """Draw the studies of a folder that `radapt.study.multi_target` wrote, as one HTML page."""
    raw = read_several(folder)
    with expected_in(folder / SEVERAL):
        summary, entries = raw["summary"], raw["studies"]
        studies = {entry["folder"]: read_study(folder / entry["folder"]) for entry in entries}
        metric = find_metric(summary["metric"])
        targets = [each["target"] for each in summary["rows"][0]["targets"]]
        models = list(dict.fromkeys(entry["model"] for entry in entries))
        first = next(iter(studies.values()))
        return (
            environment()
            .get_template("multi_target.html.j2")
            .render(
                title=f"{counted(len(models), 'model')}, {counted(len(targets), 'target')}",
                answer=summary["answer"],
                metric=metric.heading,
                gain=metric.gap_heading,
                lower=metric.lower_is_better,
                targets=targets,
                rows=[_row(row, metric.name, first.plan.strategies) for row in summary["rows"]],
                comparisons=[
                    _comparison(row, metric.name)
                    for row in summary["differences"]
                    if row["kind"] != NO_ADAPTATION
                ],
                left_out=raw["left_out"],
                recommendations=[
                    (f"{entry['folder']}/{REPORT}", _heading(entry, models, study), study.recommendation)
                    for entry, study in zip(entries, studies.values(), strict=True)
                ],
                seeds=summary["seeds"],
                provenance=wording.provenance(list(studies.values())[-1].provenance),
            )
        )


def _row(raw: Mapping[str, Any], metric: str, strategies: tuple[str, ...]) -> Row:
    def number(estimate: Mapping[str, Any]) -> Number:
        return wording.number(metric, Estimate.from_dict(estimate))

    return Row(
        model=raw["model"],
        strategy=raw["strategy"],
        series=series_of(raw["strategy"], strategies),
        budget=_images(raw["images"]),
        mean=number(raw["mean"]),
        worst=number(raw["worst"]),
        worst_target=raw["worst"]["target"],
        targets=tuple(map(number, raw["targets"])),
        source=number(raw["source"]),
    )


def _images(counts: list[int]) -> str:
    """Write how many labelled images there are at each target: `64`, or `40 to 52`."""
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _comparison(raw: Mapping[str, Any], metric: str) -> Comparison:
    def name(row: Mapping[str, Any]) -> str:
        return f"{row['model']}, {row['strategy']}{', ' * bool(row['budget'])}{row['budget']}"

    low, high = raw["low_simultaneous"], raw["high_simultaneous"]
    value = None if low is None else raw["value"]
    return Comparison(
        one=name(raw),
        other=name(raw["against"]),
        change=wording.change(metric, Estimate.from_dict(raw)),
        simultaneous=wording.change(
            metric, Estimate.from_dict({**raw, "low": low, "high": high, "value": value})
        ),
        verdict=raw["verdict"],
    )


def _heading(entry: Mapping[str, Any], models: list[str], study: Study) -> str:
    return f"{entry['model']}: {wording.title(study)}" if len(models) > 1 else wording.title(study)
