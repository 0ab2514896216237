"""Several studies of one base model, side by side on a page with links to each."""

from dataclasses import dataclass
from pathlib import Path

from radapt.artefacts import REPORT, SEVERAL
from radapt.files import read_document, write_text
from radapt.lock import alone_in
from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.folder import Study, expected_in, read_study
from radapt.report.render import environment
from radapt.report.tables import series_of
from radapt.report.wording import Number
from radapt.text import counted


@dataclass(frozen=True, slots=True)
class Row:
    """The best strategy at one budget in one study."""

    begins: bool  # another study than the row above
    study: str
    link: str
    base: Number
    budget: str
    strategy: str
    series: int
    score: Number
    gain: Number
    verdict: str
    forgetting: Number


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


def render_overview(folder: Path) -> str:
    """Return the page of the studies in a folder written by `radapt.study.multi_target`, as HTML."""
    raw = read_document(folder / SEVERAL)
    with expected_in(folder / SEVERAL):
        names = [str(name) for name in raw["studies"]]
    studies = {name: read_study(folder / name) for name in names}
    first = studies[names[0]]
    return (
        environment()
        .get_template("multi_target.html.j2")
        .render(
            title=f"{first.source.origin.name}, {counted(len(names), 'target')}",
            metric=find_metric(first.plan.metric).heading,
            gain=find_metric(first.plan.metric).gap_heading,
            rows=[row for name, study in studies.items() for row in _rows(name, study)],
            recommendations=[
                (name, wording.title(study), study.recommendation) for name, study in studies.items()
            ],
            source=first.source.origin.name,
            seeds=first.plan.seeds,
            provenance=wording.provenance(studies[names[-1]].provenance),
        )
    )


def _rows(name: str, study: Study) -> list[Row]:
    metric = study.plan.metric
    scores = {
        (row.strategy, row.budget): row.estimate
        for row in study.scores
        if row.metric == metric and row.domain == "target"
    }
    differences = {
        (row.strategy, row.budget, row.domain): row
        for row in study.differences
        if row.metric == metric and row.against == "none"
    }
    rows: list[Row] = []
    for budget in sorted({budget for _, budget in scores}):
        known = {one: given for (one, of), given in scores.items() if of == budget and one != "none"}
        if not known:
            continue
        best = max(known, key=lambda one: differences[one, budget, "target"].estimate.gain)
        gain, lost = differences[best, budget, "target"], differences[best, budget, "source"]
        rows.append(
            Row(
                begins=not rows,
                study=wording.title(study),
                link=f"{name}/{REPORT}",
                base=wording.number(metric, scores["none", 0]),
                budget=f"{budget:,}",
                strategy=best,
                series=series_of(best, study.plan.strategies),
                score=wording.number(metric, known[best]),
                gain=wording.change(metric, gain.estimate),
                verdict=gain.verdict,
                forgetting=wording.change(metric, lost.estimate),
            )
        )
    return rows
