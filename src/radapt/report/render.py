"""The page of a finished folder, rendered from its records alone; no number is computed."""

import base64
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from radapt.artefacts import CLASSIFIER, PERFORMANCE, RECORD, REPORT, STUDY
from radapt.display.grid import image_address
from radapt.files import read_document, write_text
from radapt.images.notice import Notice
from radapt.lock import alone_in
from radapt.metrics.ranking import baseline_precision
from radapt.metrics.table import metric as find_metric
from radapt.report import figure_data, run_text, stress, tables, wording
from radapt.report.baselines import HEADING, baseline_table
from radapt.report.best_model import best_named, named, recovered
from radapt.report.characteristics import CharacteristicsTable, characteristics_table
from radapt.report.example_images import map_legend, overlaid
from radapt.report.folder import Run, Study, expected_in, kind_of, read_folder
from radapt.report.methods import methods
from radapt.report.occlusion import occlusion_tables, run_occlusion
from radapt.report.other_models import other_models
from radapt.report.overview import overview
from radapt.report.performance import (
    finding_sections,
    findings_tables,
    page_notices,
    selected_models,
    threshold_rows,
    threshold_warnings,
)
from radapt.report.run_answers import model_answers
from radapt.report.subgroups import subgroup_tables
from radapt.report.svg import MARK_PATHS
from radapt.report.variance import variance_tables
from radapt.report.warnings import files_of
from radapt.text import joined


def render(folder: Path) -> str:
    """Return a finished study, or a single run, as one self-contained HTML page.

    Equal folders give equal pages, to the byte.

    Raises
    ------
    WrongFolder
        If there is no such folder, or it holds neither a study nor a run.
    BadArtefact
        If the study is not finished, or what the folder holds is damaged.
    """
    contents = read_folder(folder)
    if isinstance(contents, Study):
        return environment().get_template("study.html.j2").render(_study_page(contents))
    return environment().get_template("run.html.j2").render(_run_page(contents, folder))


def write_report(folder: Path | str) -> Path:
    """Write the page of a finished study or run into its folder, as `report.html`; give its path.

    Raises
    ------
    WrongFolder
        If there is no such folder, or it holds neither a study nor a run.
    BadArtefact
        If the study is not finished, or what the folder holds is damaged.
    RadaptError
        If the page cannot be written, or another process writes in the folder.
    """
    folder = Path(folder)
    path = folder / REPORT
    kind_of(folder)  # no lock is left in any other folder
    with alone_in(folder, "wait until it is done"):
        write_text(path, render(folder))
    return path


@cache
def environment() -> Environment:
    """Return the template environment of all pages, which escapes every value."""
    made = Environment(
        loader=PackageLoader("radapt.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(mark_paths=MARK_PATHS, script=_script(made))
    made.filters["image"] = image_address
    made.filters["overlay"] = overlaid
    return made


@dataclass(frozen=True, slots=True)
class Script:
    """The script of every page, and its digest, by which the page allows it and no other."""

    text: Markup
    digest: str


def _script(templates: Environment) -> Script:
    source, _, _ = PackageLoader("radapt.report").get_source(templates, "page.js")
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return Script(Markup(source), f"sha256-{digest}")


def _study_page(study: Study) -> dict[str, Any]:
    finding = _finding(study)
    strategies, notices = study.plan.strategies, _warnings(study)
    return {
        "title": wording.title(study),
        "overview": overview(study, notices),
        "lead": wording.lead(study),
        "recommendation": _by_budget(study.recommendation),
        "base_accuracy": wording.base_accuracy(study),
        "best_named": best_named(study),
        "recovered": recovered(study),
        "registered": study.registered,
        "verdict": study.verdict,
        "expected_gains": study.expected_gains,
        "warnings": notices,
        "files_of": files_of(study),
        "optimistic": study.plan.protocol == "original",
        "finding": finding,
        "strategies": [
            (name, tables.series_of(name, strategies), wording.strategy(name, study.plan))
            for name in strategies
        ],
        "seeds": study.plan.seeds,
        **_images(study),
        **_tables(study),
        **_performance(study),
        "others": other_models(study.folder),
        "forests": figure_data.forests(study),
        "learning": figure_data.learning_curves(study),
        "learning_names": figure_data.drawn_by_images(study),
        "rocs": figure_data.rocs(study),
        "trainings": figure_data.trainings(study),
        "methods": methods(study, finding),
        "provenance": wording.provenance(study.provenance),
        "plan": wording.plan_facts(study.plan),
    }


def _warnings(study: Study) -> list[Notice]:
    with expected_in(study.folder / STUDY):
        return page_notices(study)


def _images(study: Study) -> dict[str, Any]:
    source, target = study.images["source"], study.images["target"]
    paired = [image.id for image in source] == [image.id for image in target]
    return {
        "pairs": list(zip(source, target, strict=True)) if paired else [],
        "source_images": source,
        "target_images": target,
        "worst": study.images["worst"],
        "worst_model": next(
            (named(image.strategy, image.budget, study) for image in study.images["worst"]), ""
        ),
        "legend": map_legend() if any(each.drawn is not None for each in study.images["worst"]) else "",
        "shift": study.plan.shift or "",
        "names": [data.origin.name for data in study.datasets],
    }


def _tables(study: Study) -> dict[str, Any]:
    headings = {
        "target": ", ".join(
            filter(
                None,
                [
                    f"Target images: {wording.images_of(study.roles['target test'])}",
                    wording.out_of_fold(study.plan),
                ],
            )
        ),
        "source": f"Source images: {wording.images_of(study.roles['source test'])}",
    }
    return {
        "metrics": [find_metric(name).heading for name in tables.metrics_shown(study.scores)],
        "scores": _scores(study, headings, tables.metrics_shown(study.scores)),
        "more_metrics": [find_metric(name).heading for name in tables.more_metrics(study.scores)],
        "more_scores": _scores(study, headings, tables.more_metrics(study.scores)),
        "variance": variance_tables(study, headings),
        "uninformative": _uninformative(study),
        "baselines": baseline_table(study.shortcut_checks),
        "baselines_heading": HEADING,
        "compared_metrics": [
            find_metric(name).gap_heading for name in tables.metrics_of_differences(study.differences)
        ],
        "differences": tables.difference_tables(study, headings),
        "not_compared": wording.not_compared(study),
        "characteristics": _characteristics(study.characteristics, study.folder / STUDY),
        "classes": tables.classes_of(study.roles.values()),
        "counts": tables.count_rows(study),
        "models": tables.model_rows(study),
    }


def _scores(study: Study, headings: Mapping[str, str], metrics: Sequence[str]) -> list[tables.ScoreTable]:
    strategies, names = study.plan.strategies, study.budget_names
    return tables.score_tables(study.scores, headings, strategies, metrics, names=names) if metrics else []


def _performance(study: Study) -> dict[str, Any]:
    """Return the details of the base model and the best: thresholds, calibration, occlusion."""
    with expected_in(study.folder / STUDY):
        return {
            "at_threshold": threshold_rows(study.performance, study.plan.strategies),
            "selected_models": selected_models(study),
            "threshold_warnings": threshold_warnings(study),
            "occlusions": occlusion_tables(study),
            "subgroups": subgroup_tables(study.subgroups, study.plan.strategies),
        }


def _run_page(run: Run, folder: Path) -> dict[str, Any]:
    notices = run_text.warnings(run)
    return {
        "kind": "run report",
        "title": run.name,
        "lead": _lead(run, folder / CLASSIFIER),
        "heading": "The run",
        "subgroups": [],
        "facts_of_run": run_text.facts(run),
        "characteristics": _characteristics(run.record.get("characteristics"), folder / RECORD),
        "answers": model_answers(run.scores, run.shortcut_checks, notices, run.changes),
        "warnings": notices,
        "baselines": baseline_table(run.shortcut_checks),
        "baselines_heading": HEADING,
        "occlusions": run_occlusion(run.shortcut_checks.occlusion, run.shortcut_checks.corners),
        "metrics": [find_metric(name).heading for name in tables.metrics_shown(run.scores)],
        "scores": tables.score_tables(
            run.scores, run_text.headings(run.scores), (), tables.metrics_shown(run.scores)
        ),
        "trainings": figure_data.run_training(run),
        "rocs": figure_data.run_rocs(run),
        "methods": wording.method_words([row.estimate for row in run.scores]),
        **_run_performance(folder),
        "stresses": stress.sections(stress.read_stresses(folder)),
        "provenance": wording.provenance(run.record.get("provenance", {})),
    }


def _run_performance(folder: Path) -> dict[str, Any]:
    path = folder / PERFORMANCE
    raw = read_document(path) if path.is_file() else {"sets": {}}
    with expected_in(path):
        return {"findings": findings_tables(raw["sets"]), "sections": finding_sections(raw["sets"])}


def _lead(run: Run, path: Path) -> str:
    with expected_in(path):
        return run_text.lead(run)


def _characteristics(raw: Mapping[str, Any] | None, path: Path) -> CharacteristicsTable | None:
    with expected_in(path):
        return characteristics_table(raw)


def _finding(study: Study) -> str:
    """Return the positive class; "" with more than two classes."""
    predictions = study.predictions(study.base.cell, "target")
    return predictions.classes[predictions.positive] if predictions.binary else ""


def _uninformative(study: Study) -> str:
    """Return the average precision of an uninformative model in a sentence; "" where it is not defined."""
    prevalences = {
        words: baseline_precision(study.predictions(study.base.cell, domain))
        for domain, words in wording.DOMAINS.items()
    }
    written = [f"{share:.3f} on the {words}" for words, share in prevalences.items() if not math.isnan(share)]
    if not written:
        return ""
    return f"An uninformative model has an average precision of {joined(written)}."


def _by_budget(recommendation: str) -> Sequence[str]:
    """Split a recommendation into one paragraph for each number of labelled images."""
    return re.split(r"(?<=\.) (?=With \d)", recommendation)
