"""How runs and studies show themselves in Python: their scores as rows and as a short table, and figures."""

import math
from collections.abc import Iterable, Sequence
from html import escape

from radapt.artefacts import REPORT
from radapt.display.figure import Figure, curves, intervals, steps
from radapt.display.table import Listing, Row, html_table, html_text
from radapt.evaluation.scores import Score
from radapt.images.notice import Notice
from radapt.metrics.table import metric as find_metric
from radapt.report import run_text
from radapt.report.folder import Run, Study
from radapt.report.overview import Answer, overview
from radapt.report.performance import page_notices
from radapt.report.run_answers import model_answers
from radapt.report.tables import metrics_shown
from radapt.study.comparison import Difference

ALL_ROWS = 200  # of a study's table


def score_rows(scores: Iterable[Score]) -> list[Row]:
    """Return a row for each strategy, budget, test set and metric, with the ends of the interval."""
    return [
        {
            "strategy": row.strategy,
            "labels": row.budget,
            "tested on": row.domain,
            "metric": row.metric,
            "value": row.estimate.value,
            "low": row.estimate.low,
            "high": row.estimate.high,
            "images": row.estimate.n,
            "patients": row.estimate.patients,
        }
        for row in scores
    ]


def difference_rows(differences: Iterable[Difference]) -> list[Row]:
    """Return a row for each difference: interval, p-value adjusted for all comparisons, verdict."""
    return [
        {
            "strategy": row.strategy,
            "against": row.against,
            "labels": row.budget,
            "tested on": row.domain,
            "metric": row.metric,
            "value": row.estimate.value,
            "low": row.estimate.low,
            "high": row.estimate.high,
            "p adjusted": row.adjusted.p,
            "verdict": row.verdict,
        }
        for row in differences
    ]


def short_table(scores: Sequence[Score]) -> list[Row]:
    """Return a row for each strategy, budget and test set, with a column for each metric shown."""
    shown = metrics_shown(scores)
    table: dict[tuple[str, int, str], Row] = {}
    for row in scores:
        first: Row = {"strategy": row.strategy, "labels": row.budget, "tested on": row.domain}
        first |= dict.fromkeys(shown, "")
        line = table.setdefault((row.strategy, row.budget, row.domain), first)
        line[row.metric] = str(row.estimate)
    return list(table.values())


def html_of_run(run: Run) -> str:
    """Return what a run is, its scores and what limits them."""
    about = f"{run.name}: {', '.join(f'{name.lower()} {text}' for name, text in run_text.facts(run))}"
    notices = run_text.warnings(run)
    said = model_answers(run.scores, run.shortcut_checks, notices, run.changes)
    first = "" if said is None else html_text(said.headline) + _answers(said.answers)
    return html_text(about) + first + html_table(short_table(run.scores)) + _notices(notices)


def html_of_study(study: Study) -> str:
    """Return what a study found, its scores and what limits them."""
    notices = page_notices(study)
    first = overview(study, notices)
    lead = html_text(first.headline) + _answers(first.answers) + "".join(map(html_text, first.budgets))
    lead += html_text(f"Next: {first.next}")
    return lead + html_table(short_table(study.scores), limit=ALL_ROWS) + _notices(notices)


def text_of_study(study: Study) -> str:
    """Return what a study found as lines of text, and what limits it."""
    notices = page_notices(study)
    first = overview(study, notices)
    lines = [first.headline, *(f"  {line}" for line in first.budgets), f"Next: {first.next}"]
    lines += [f"{each.severity.upper()}: {each.title} {each.text}" for each in notices]
    return "\n".join([*lines, f"Report: {study.folder / REPORT}"])


def answers_of_study(study: Study) -> tuple[str, Listing]:
    """Return the headline of a study, and its answers: a row for each question."""
    first = overview(study, page_notices(study))
    rows: list[Row] = [{"question": each.question, "answer": each.text} for each in first.answers]
    return first.headline, Listing(rows)


def plot_run(run: Run) -> Figure:
    """Draw loss and accuracy by epoch; of a model that was trained without epochs its scores."""
    history = run.history
    if not history.get("number"):
        return intervals(_of_scores(run.scores), x="score, with 95 % interval")
    return curves(
        {
            name: {"training": history[name], "validation": history[f"valid_{name}"]}
            for name in ("loss", "accuracy")
        },
        x="epoch",
    )


def plot_study(study: Study, metric: str | None = None) -> Figure:
    """Draw the scores of every strategy on the target images by number of labelled images, with intervals."""
    name = find_metric(metric or study.plan.metric).name
    rows = [row for row in study.scores if row.metric == name and not math.isnan(row.estimate.value)]
    lines: dict[str, list[tuple[str, tuple[float, float, float]]]] = {}
    for row in sorted(rows, key=lambda row: row.budget):
        if row.domain == "target" and row.strategy != "none":
            ends = (row.estimate.value, row.estimate.low, row.estimate.high)
            called = study.budget_names.get(row.budget, f"{row.budget:,}")
            lines.setdefault(row.strategy, []).append((called, ends))
    levels = {f"no adaptation, {row.domain}": row.estimate.value for row in rows if row.strategy == "none"}
    return steps(lines, x="labelled target images", y=find_metric(name).words, levels=levels)


def _of_scores(scores: Sequence[Score]) -> dict[str, tuple[float, float, float]]:
    domains, strategies = ({getattr(row, name) for row in scores} for name in ("domain", "strategy"))
    return {
        row.metric + f", {row.domain}" * (len(domains) > 1) + f", {row.strategy}" * (len(strategies) > 1): (
            row.estimate.value,
            row.estimate.low,
            row.estimate.high,
        )
        for row in scores
    }


def _answers(answers: Iterable[Answer]) -> str:
    return "".join(f"<p><b>{escape(each.question)}</b> {escape(each.text)}</p>" for each in answers)


def _notices(notices: Sequence[Notice]) -> str:
    return "".join(html_text(f"{each.severity.upper()}: {each.title} {each.text}") for each in notices)
