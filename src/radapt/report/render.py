"""A finished folder as one page: reads that folder and nothing else, and computes no number."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from radapt.artefacts import APPRAISAL, REPORT, STUDY
from radapt.files import read_json, write_text
from radapt.lock import alone_in
from radapt.metrics.ranking import baseline_precision
from radapt.metrics.table import metric as find_metric
from radapt.report import figure_data, run_text, stress, tables, wording
from radapt.report.baselines import HEADING, baseline_table
from radapt.report.best_model import best_named, named, regained
from radapt.report.contact_sheet import image_address
from radapt.report.folder import Cell, Run, Study, expected_in, kind_of, read_folder
from radapt.report.methods import methods
from radapt.report.occlusion import occlusion_tables, run_occlusion
from radapt.report.performance import (
    appraisals,
    findings_tables,
    selected_models,
    threshold_warnings,
    thresholds_in_short,
    use_rows,
)
from radapt.report.svg import MARK_PATHS
from radapt.report.variance import variance_tables


def render(folder: Path) -> str:
    """Draw a finished study, or a single run, as one HTML page that needs no other file.

    Equal folders give equal pages, to the byte.

    Raises
    ------
    WrongFolder
        If there is no such folder, or it holds neither a study nor a run.
    BadArtefact
        If the study is not finished, or what the folder holds is damaged.
    """
    found = read_folder(folder)
    if isinstance(found, Study):
        return environment().get_template("study.html.j2").render(_study_page(found))
    return environment().get_template("run.html.j2").render(_run_page(found, folder))


def write_report(folder: Path) -> Path:
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
    path = folder / REPORT
    kind_of(folder)  # what is no such folder gets no lock
    with alone_in(folder, "wait until it is done"):
        write_text(path, render(folder))
    return path


@cache
def environment() -> Environment:
    """Give what fills the templates of every page: all that is filled in is escaped."""
    made = Environment(
        loader=PackageLoader("radapt.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(mark_paths=MARK_PATHS)
    made.filters["image"] = image_address
    return made


def _study_page(study: Study) -> dict[str, Any]:
    finding = _finding(study)
    strategies = study.asked.strategies
    return {
        "title": wording.title(study),
        "lead": wording.lead(study),
        "recommendation": _by_budget(study.recommendation),
        "drop": wording.drop(study),
        "best_named": best_named(study),
        "regained": regained(study),
        "claim": study.claim,
        "worth": study.worth,
        "warnings": wording.warnings(study),
        "optimistic": study.asked.protocol == "original",
        "finding": finding,
        "strategies": [
            (name, tables.series_of(name, strategies), wording.strategy(name, study.asked))
            for name in strategies
        ],
        "seeds": study.asked.seeds,
        **_images(study),
        **_tables(study),
        **_closely(study),
        "forests": figure_data.forests(study),
        "learning": figure_data.learning_curves(study),
        "learning_names": figure_data.drawn_by_images(study),
        "rocs": figure_data.rocs(study),
        "trainings": figure_data.trainings(study),
        "methods": methods(study, finding),
        "provenance": wording.provenance(study.provenance),
        "asked": wording.asked(study.asked),
    }


def _images(study: Study) -> dict[str, Any]:
    old, new = study.images["source"], study.images["target"]
    paired = [image.id for image in old] == [image.id for image in new]
    return {
        "pairs": list(zip(old, new, strict=True)) if paired else [],
        "source_images": old,
        "target_images": new,
        "worst": study.images["worst"],
        "whose_worst": next(
            (named(image.strategy, image.budget, study) for image in study.images["worst"]), ""
        ),
        "shift": study.asked.shift or "",
        "names": [source.name for source in wording.sources(study)],
    }


def _tables(study: Study) -> dict[str, Any]:
    headings = {
        "target": f"Target images: {wording.images_of(study.roles['target test'])}",
        "source": f"Source images: {wording.images_of(study.roles['source test'])}",
    }
    return {
        "metrics": [find_metric(name).heading for name in tables.metrics_shown(study.scores)],
        "scores": _scores(study, headings, tables.metrics_shown(study.scores)),
        "more_metrics": [find_metric(name).heading for name in tables.more_metrics(study.scores)],
        "more_scores": _scores(study, headings, tables.more_metrics(study.scores)),
        "variance": variance_tables(study, headings),
        "baseline": _baseline(study),
        "baselines": baseline_table(study.beneath),
        "baselines_heading": HEADING,
        "gap_metrics": [find_metric(name).gap_heading for name in tables.gap_metrics(study.gaps)],
        "gaps": tables.gap_tables(study, headings),
        "not_compared": wording.not_compared(study),
        "classes": tables.classes_of(study.roles.values()),
        "counts": tables.count_rows(study),
        "models": tables.model_rows(study),
    }


def _scores(study: Study, headings: Mapping[str, str], metrics: Sequence[str]) -> list[tables.ScoreTable]:
    return tables.score_tables(study.scores, headings, study.asked.strategies, metrics) if metrics else []


def _closely(study: Study) -> dict[str, Any]:
    """Give the models that were looked at closely; nothing of folders of before that was done."""
    with expected_in(study.folder / STUDY):
        return {
            "use": use_rows(study.appraisal, study.asked.strategies),
            "closely": selected_models(study),
            "threshold_warnings": threshold_warnings(study),
            "thresholds_in_short": thresholds_in_short(study),
            "occlusions": occlusion_tables(study),
        }


def _run_page(run: Run, folder: Path) -> dict[str, Any]:
    return {
        "title": run.name,
        "facts_of_run": run_text.facts(run),
        "warnings": run_text.warnings(run),
        "baselines": baseline_table(run.beneath),
        "baselines_heading": HEADING,
        "occlusions": run_occlusion(run.beneath.occlusion, run.beneath.exchanged),
        "metrics": [find_metric(name).heading for name in tables.metrics_shown(run.scores)],
        "scores": tables.score_tables(
            run.scores, run_text.headings(run.scores), (), tables.metrics_shown(run.scores)
        ),
        "trainings": figure_data.run_training(run),
        "rocs": figure_data.run_rocs(run),
        "methods": wording.method_words([row.estimate for row in run.scores]),
        **_appraisals(folder),
        "stresses": stress.sections(stress.read_stresses(folder)),
        "provenance": wording.provenance(run.record.get("provenance", {})),
    }


def _appraisals(folder: Path) -> dict[str, Any]:
    path = folder / APPRAISAL
    raw = read_json(path) if path.is_file() else {}
    with expected_in(path):
        return {"findings": findings_tables(raw), "appraisals": appraisals(raw)}


def _base(study: Study) -> Cell | None:
    return next((cell for cell in study.cells if cell.strategy == "none"), None)


def _finding(study: Study) -> str:
    """Name the class that is the finding, where there are two; "" otherwise."""
    base = _base(study)
    if base is None:
        return ""
    said = study.predictions(base, "target")
    return said.classes[said.positive] if said.binary else ""


def _baseline(study: Study) -> str:
    """Say what average precision a model that knows nothing would have."""
    base = _base(study)
    if base is None:
        return ""
    shares = {
        words: baseline_precision(study.predictions(base, domain))
        for domain, words in wording.DOMAINS.items()
    }
    found = [f"{share:.3f} on the {words}" for words, share in shares.items() if not math.isnan(share)]
    if not found:
        return ""
    return f"A model that knows nothing has an average precision of {wording.listed(found)}."


def _by_budget(recommendation: str) -> Sequence[str]:
    """Part a recommendation where it comes to the next number of images."""
    return re.split(r"(?<=\.) (?=With \d)", recommendation)
