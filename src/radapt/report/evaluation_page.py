"""The page of one model's evaluation: scores, subgroups, threshold, calibration and decision curve."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radapt.evaluation.scores import Score
from radapt.files import write_text
from radapt.images.notice import Notice, from_rows, in_order
from radapt.metrics.table import metric as find_metric
from radapt.predictions import Predictions
from radapt.report import figures, tables, wording
from radapt.report.baselines import HEADING, baseline_table
from radapt.report.figure_data import Panel, curve_of
from radapt.report.occlusion import run_occlusion
from radapt.report.performance import finding_sections, findings_tables
from radapt.report.render import environment
from radapt.report.run_answers import model_answers
from radapt.report.run_text import headings
from radapt.report.shortcut_checks import ShortcutChecks
from radapt.report.subgroups import subgroup_tables
from radapt.text import counted


def render_evaluation(
    result: Mapping[str, Any],
    name: str,
    *,
    predictions: Predictions | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Return an evaluation as one self-contained HTML page.

    Parameters
    ----------
    result
        What `radapt.evaluation.evaluate.evaluate_model` or `evaluate_table` returned, with "notices".
    name
        What was evaluated.
    predictions
        Those that were scored, for the ROC curve; None leaves it out.
    notes
        Sentences on what was read.
    """
    page = _page(result, name, predictions)
    page["facts_of_run"] += [("Note", note) for note in notes]
    return environment().get_template("run.html.j2").render(page)


def write_evaluation(
    path: Path,
    result: Mapping[str, Any],
    name: str,
    *,
    predictions: Predictions | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write the page of `render_evaluation`, whole or not at all.

    Raises
    ------
    RadaptError
        If it cannot be written there.
    """
    write_text(path, render_evaluation(result, name, predictions=predictions, notes=notes))


def _page(result: Mapping[str, Any], name: str, predictions: Predictions | None) -> dict[str, Any]:
    rows = [{**row, "strategy": name} for row in result["estimates"]]
    scores = [Score.from_dict(row) for row in rows]
    shown, checks = tables.metrics_shown(scores), _checks(result)
    groups = [{**row, "strategy": name, "budget": 0} for row in result.get("subgroups", ())]
    sets, notices = _performance(result), _warnings(result, checks)
    return {
        "kind": "evaluation",
        "title": f"Evaluation of {name}",
        "lead": "The scores of one model, with intervals by patient.",
        "heading": "What was scored",
        "facts_of_run": _facts(result),
        "answers": model_answers(scores, checks, notices),
        "warnings": notices,
        "baselines": baseline_table(checks) if checks.baselines else None,
        "baselines_heading": HEADING,
        "occlusions": run_occlusion(checks.occlusion, checks.corners),
        "metrics": [find_metric(each).heading for each in shown],
        "scores": tables.score_tables(scores, headings(scores), (), shown),
        "subgroups": subgroup_tables(groups, ()),
        "characteristics": None,
        "trainings": [],
        "rocs": _rocs(predictions),
        "methods": wording.method_words([score.estimate for score in scores]),
        "findings": findings_tables(sets),
        "sections": finding_sections(sets),
        "stresses": [],
        "provenance": wording.provenance(result.get("provenance", {})),
    }


def _checks(result: Mapping[str, Any]) -> ShortcutChecks:
    """Return the shortcut checks of an evaluation, whose baselines are fitted on the same data set."""
    place = {"trained_on": "train", "domain": str(result["part"])}
    baselines = [{**place, **row} for row in result.get("baselines", ())]
    return ShortcutChecks.from_dict({**result, "baselines": baselines})


def _facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    part = "all" if result["part"] == "all" else f"the {result['part']} images"
    images, patients = counted(result["images"], "image"), counted(result["patients"], "patient")
    facts = [("Images", f"{part}: {images} of {patients}")]
    if "recalibration" in result:
        fitted = result["recalibration"]["map"]
        facts.append(("Recalibration", f"{fitted['method']}, fitted on {fitted['fitted_on']}"))
    return facts


def _performance(result: Mapping[str, Any]) -> dict[str, Sequence[Mapping[str, Any]]]:
    sets = {"target-test": result.get("performance", [])}
    if "recalibration" in result:
        sets["recalibrated-test"] = result["recalibration"]["performance"]
    return sets


def _warnings(result: Mapping[str, Any], checks: ShortcutChecks) -> list[Notice]:
    notices = from_rows(result.get("notices", ()))
    return in_order([*notices, *checks.warnings, *checks.occlusion_warnings])


def _rocs(predictions: Predictions | None) -> list[Panel]:
    if predictions is None or not predictions.binary:
        return []
    curve = curve_of(predictions, 2, faint=False)
    drawn = figures.roc([curve], 300, salt="roc", about="ROC curve.")
    return [Panel("", counted(len(predictions), "image"), drawn)]
