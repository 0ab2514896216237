"""Select the numbers of a study for each figure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from radapt.evaluation.scores import Score
from radapt.metrics.ranking import roc_curve
from radapt.metrics.table import metric as find_metric
from radapt.metrics.table import score
from radapt.predictions import Predictions
from radapt.report import figures, run_text, wording
from radapt.report.figures import Bar, Curve, Group, Line, Span
from radapt.report.folder import History, ModelRecord, Run, Study
from radapt.report.tables import series_of
from radapt.study.comparison import Difference
from radapt.text import counted, joined

MAX_LINES = 8  # the number of colours


@dataclass(frozen=True, slots=True)
class Panel:
    """A figure with the words above it."""

    title: str
    note: str
    drawing: Markup


def forests(study: Study) -> list[Panel]:
    """Draw the gain of each strategy on the target images, and its change on the source images."""
    metric = study.plan.metric
    differences = [
        row for row in study.differences if row.metric == metric and not math.isnan(row.estimate.value)
    ]
    if not differences:
        return []
    span = _difference_span(differences)
    start = "" if study.plan.weights is None else ", from the same pretrained weights"
    panels = []
    for domain, against, title, note in (
        ("target", "none", "Target images", "compared with no adaptation"),
        ("source", "none", "Source images", "compared with no adaptation: below 0 is forgetting"),
        ("target", "scratch", "Target images", f"compared with training from scratch{start}"),
    ):
        groups = _groups(
            [row for row in differences if (row.domain, row.against) == (domain, against)],
            study,
        )
        if groups:
            about = f"{title}, {note}, in points of {find_metric(metric).words}: " + "; ".join(
                f"{group.heading} {bar.name} {bar.note}".strip() for group in groups for bar in group.bars
            )
            drawn = figures.forest(
                groups,
                span,
                unit=f"percentage points of {find_metric(metric).words}",
                salt=f"forest-{domain}-{against}",
                about=about,
            )
            panels.append(Panel(title, note, drawn))
    return panels


def learning_curves(study: Study) -> list[Panel]:
    """Draw scores against the number of labelled images; nothing where there is one number of them."""
    if len({count.images for _, count in study.budgets}) < 2:
        return []
    metric = study.plan.metric
    scores = _scores(study)
    if not scores:
        return []
    lowest, highest = min(row.estimate.low for row in scores), max(row.estimate.high for row in scores)
    span = Span(math.floor(lowest * 20) / 20, max(1.0, math.ceil(highest * 20) / 20))
    panels = []
    for domain, words in wording.DOMAINS.items():
        lines, levels = [], []
        for strategy in drawn_by_images(study):
            own = [row for row in scores if (row.domain, row.strategy) == (domain, strategy)]
            with_labels = sorted((row for row in own if row.budget), key=lambda row: row.budget)
            series = series_of(strategy, study.plan.strategies)
            levels += [(series, row.estimate) for row in own if not row.budget]
            if with_labels:
                images = tuple(row.budget for row in with_labels)
                lines.append(Line(series, images, tuple(row.estimate for row in with_labels)))
        if lines and levels:
            name = find_metric(metric).heading + " x 100" * (not wording.in_percent(metric))
            about = (
                f"{name} on the {words} by number of labelled images; the table of scores has the numbers."
            )
            drawn = figures.learning_curve(
                lines, levels, span, unit=name, salt=f"learning-{domain}", about=about
            )
            panels.append(Panel(f"On the {words}", "", drawn))
    return panels


def drawn_by_images(study: Study) -> list[str]:
    """Choose the strategies of the learning curves: no adaptation, and the best others that fit in.

    The best are those with the highest scores on the target images, with the most labelled images or without
    labels.
    """
    rows = [row for row in _scores(study) if row.domain == "target"]
    last = max((row.budget for row in rows), default=0)
    values = {row.strategy: row.estimate.gain for row in rows if row.budget in (0, last)}
    best = sorted(values, key=lambda name: -values[name] if name != "none" else -math.inf)[:MAX_LINES]
    return [name for name in study.plan.strategies if name in best]


def _scores(study: Study) -> list[Score]:
    """Return the scores by the metric of the recommendation, where it is defined."""
    metric = study.plan.metric
    return [row for row in study.scores if row.metric == metric and not math.isnan(row.estimate.value)]


def rocs(study: Study) -> list[Panel]:
    """Draw the ROC curves on the target images, a square for each number of labelled images."""
    if not study.predictions(study.base.cell, "target").binary:
        return []
    panels = []
    sizes = [(label, counted(count.images, "labelled image")) for label, count in study.budgets]
    sizes = sizes or [("", "no labelled image")]
    side = {1: 400.0, 2: 400.0, 3: 300.0}.get(len(sizes), 222.0)
    for label, title in sizes:
        # Strategies that need no labels have the budget "".
        models = [
            model
            for model in study.models
            if model.cell.budget in ("", label) and model.cell.represents_folds
        ]
        curves = [
            curve_of(
                study.predictions(model.cell, "target"),
                _series(model, study),
                model.cell.seed != study.plan.seed,
            )
            for model in models
        ]
        about = f"ROC curves on the target images of {joined(_strategies(models))}, with {title}."
        curves.sort(key=lambda curve: not curve.faint)
        panels.append(Panel(title, "", figures.roc(curves, side, salt=f"roc-{label}", about=about)))
    return panels


def run_rocs(run: Run) -> list[Panel]:
    """Draw a run's ROC curve on each of its test sets."""
    panels = []
    for name, predictions in run.predictions.items():
        if predictions.binary:
            title = run_text.test_set(name)
            about = f"ROC curve on the {title}."
            drawn = figures.roc([curve_of(predictions, 2, faint=False)], 300, salt=f"roc-{name}", about=about)
            panels.append(Panel(title, counted(len(predictions), "image"), drawn))
    return panels


def trainings(study: Study) -> list[Panel]:
    """Draw how each strategy's models were trained, all seeds in one panel."""
    losses, scores = _training_spans([model.history for model in study.models])
    sizes = {label: counted(count.images, "image") for label, count in study.budgets}
    grouped: dict[tuple[str, str], list[ModelRecord]] = {}
    for model in study.models:
        if model.epochs:
            grouped.setdefault((model.cell.strategy, model.cell.budget), []).append(model)
    panels = []
    for (strategy, budget), models in grouped.items():
        of = sizes.get(budget, budget)
        title = "base model" if strategy == "none" else strategy
        about = f"Loss and accuracy by epoch of {title} {of}".strip() + "."
        drawn = figures.training(
            [model.history for model in models],
            None if strategy == "none" else _series(models[0], study),
            losses,
            scores,
            salt=f"training-{strategy}-{budget}",
            about=about,
        )
        panels.append(Panel(title, of or counted(models[0].trained_on.images, "image"), drawn))
    return panels


def run_training(run: Run) -> list[Panel]:
    """Draw how a run's model was trained."""
    if not run.history.get("number"):
        return []
    losses, scores = _training_spans([run.history])
    about = "Loss and accuracy by epoch."
    return [Panel("", "", figures.training([run.history], 2, losses, scores, salt="training", about=about))]


def _groups(differences: Sequence[Difference], study: Study) -> list[Group]:
    budgets = sorted({row.budget for row in differences})
    return [
        Group(
            counted(budget, "labelled image") if len(budgets) > 1 else "",
            tuple(_bar(row, study) for row in differences if row.budget == budget),
        )
        for budget in budgets
    ]


def _bar(row: Difference, study: Study) -> Bar:
    written = wording.change(row.metric, row.estimate)
    return Bar(
        name=row.strategy,
        note=f"{written.value} {written.interval}",
        estimate=row.estimate,
        series=series_of(row.strategy, study.plan.strategies),
        conclusive=row.verdict != "inconclusive",
    )


def _difference_span(differences: Iterable[Difference]) -> Span:
    """Return a range that holds every interval and 0, with some room."""
    ends = [end for row in differences for end in (row.estimate.low, row.estimate.high)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = max(0.01, 0.06 * (high - low))
    return Span(low - room, high + room)


def _training_spans(histories: Iterable[History]) -> tuple[Span, Span]:
    """Return common ranges of loss and accuracy; very high validation losses are cut off."""
    histories = list(histories)
    own = [value for history in histories for value in history["loss"]]
    valid = sorted(v for history in histories for v in history["valid_loss"] if not math.isnan(v))
    most = max([*own, *valid[: 1 + (len(valid) * 97) // 100]], default=1.0)
    rates = [v for history in histories for name in ("accuracy", "valid_accuracy") for v in history[name]]
    least = min((value for value in rates if not math.isnan(value)), default=0.5)
    return Span(0.0, 1.08 * most), Span(max(0.0, math.floor(10 * least) / 10), 1.0)


def curve_of(
    predictions: Predictions, series: int, faint: bool, threshold: float = wording.THRESHOLD
) -> Curve:
    """Return the ROC curve of two-class predictions, with its operating point."""
    false_rates, true_rates = roc_curve(predictions)
    specificity, sensitivity = (
        score(name, predictions, threshold) for name in ("specificity", "sensitivity")
    )
    return Curve(series, false_rates, true_rates, (1 - specificity, sensitivity), faint)


def _series(model: ModelRecord, study: Study) -> int:
    return series_of(model.cell.strategy, study.plan.strategies)


def _strategies(models: Iterable[ModelRecord]) -> list[str]:
    return list(dict.fromkeys(model.cell.strategy for model in models))
