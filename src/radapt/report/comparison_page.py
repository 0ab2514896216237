"""A comparison of models as one page: scores, paired differences, and ROC curves."""

from pathlib import Path
from typing import Any

from radapt.files import write_text
from radapt.metrics.table import metric as find_metric
from radapt.report import figures, tables, wording
from radapt.report.figure_data import Panel, curve_of
from radapt.report.render import environment
from radapt.report.svg import SERIES
from radapt.study.model_comparison import ModelComparison
from radapt.text import counted, joined


def render_comparison(comparison: ModelComparison) -> str:
    """Return a comparison as one self-contained HTML page; equal comparisons give identical pages."""
    return environment().get_template("compare.html.j2").render(_page(comparison))


def write_comparison(comparison: ModelComparison, path: Path) -> None:
    """Write the page of a comparison, whole or not at all.

    Raises
    ------
    RadaptError
        If it cannot be written there.
    """
    write_text(path, render_comparison(comparison))


def _page(comparison: ModelComparison) -> dict[str, Any]:
    metrics = list(dict.fromkeys(row.metric for row in comparison.scores))
    scores = {
        (row.strategy, row.metric): wording.number(row.metric, row.estimate) for row in comparison.scores
    }
    compared = tables.metrics_of_differences(comparison.differences)
    differences = {(row.strategy, row.metric): row for row in comparison.differences}
    return {
        "title": f"{joined(model.name for model in comparison.models)} compared",
        "reference": comparison.models[0].name,
        "paired": comparison.paired,
        "verdicts": comparison.verdicts,
        "claimed": comparison.claimed,
        "notes": comparison.notes,
        "metrics": [find_metric(name).heading for name in metrics],
        "scores": [
            (model.name, series % len(SERIES), [scores[model.name, name] for name in metrics])
            for series, model in enumerate(comparison.models)
        ],
        "compared": [find_metric(name).gap_heading for name in compared],
        "differences": [
            (
                model.name,
                series % len(SERIES),
                [tables.difference_cell(differences[model.name, name]) for name in compared],
            )
            for series, model in enumerate(comparison.models[1:], start=1)
            if comparison.paired
        ],
        "images": _images(comparison),
        "rocs": _rocs(comparison),
        "methods": wording.method_words([row.estimate for row in comparison.scores]),
        "paired_methods": wording.method_words([row.estimate for row in comparison.differences]),
    }


def _images(comparison: ModelComparison) -> list[tuple[str, str]]:
    """Return for each model which images it was compared on."""
    return [
        (
            model.name,
            f"{len(model.runs[0]):,} of {counted(scored, 'image')} ({model.about}), "
            f"{scored - len(model.runs[0]):,} unmatched; {counted(len(model.runs), 'training run')}; "
            f"threshold {model.threshold:g}",
        )
        for model, scored in zip(comparison.models, comparison.scored, strict=True)
    ]


def _rocs(comparison: ModelComparison) -> list[Panel]:
    """Draw the ROC curves of all models in one square; of further training runs faint."""
    if not all(model.runs[0].binary for model in comparison.models):
        return []
    curves = [
        curve_of(run, series % len(SERIES), place > 0, model.threshold)
        for series, model in enumerate(comparison.models)
        for place, run in enumerate(model.runs)
    ]
    curves.sort(key=lambda curve: not curve.faint)
    about = f"ROC curves of {joined(model.name for model in comparison.models)}."
    return [Panel("", "", figures.roc(curves, 400, salt="roc", about=about))]
