"""Which numbers of a study go into which figure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from radapt.metrics.ranking import roc_curve
from radapt.metrics.table import metric as find_metric
from radapt.metrics.table import score
from radapt.predictions import Predictions
from radapt.report import figures, run_text, wording
from radapt.report.figures import Bar, Curve, Group, Line, Span
from radapt.report.folder import Cell, Gap, History, Run, Score, Study
from radapt.report.tables import series_of
from radapt.text import counted

LINES = 8  # as many as there are colours


@dataclass(frozen=True, slots=True)
class Panel:
    """A figure with the words above it."""

    title: str
    note: str
    drawing: Markup


def forests(study: Study) -> list[Panel]:
    """Draw what each strategy bought on the target images, and what it cost on the source images."""
    metric = study.asked.metric
    gaps = [gap for gap in study.gaps if gap.metric == metric and not math.isnan(gap.estimate.value)]
    if not gaps:
        return []
    span = _gap_span(gaps)
    begun = "" if study.asked.weights is None else ", which began with the same pretrained weights"
    panels = []
    for domain, against, title, note in (
        ("target", "none", "Target images", "against no adaptation"),
        ("source", "none", "Source images", "against no adaptation: below 0 is forgetting"),
        ("target", "scratch", "Target images", f"against training from scratch{begun}"),
    ):
        groups = _groups([gap for gap in gaps if (gap.domain, gap.against) == (domain, against)], study)
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
    metric = study.asked.metric
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
            paid = sorted((row for row in own if row.budget), key=lambda row: row.budget)
            series = series_of(strategy, study.asked.strategies)
            levels += [(series, row.estimate) for row in own if not row.budget]
            if paid:
                images = tuple(row.budget for row in paid)
                lines.append(Line(series, images, tuple(row.estimate for row in paid)))
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
    """Choose the strategies of the learning curves: no adaptation, and of the others the best that fit in.

    They go by the target images: with the most labelled images, or without labels.
    """
    rows = [row for row in _scores(study) if row.domain == "target"]
    last = max((row.budget for row in rows), default=0)
    values = {row.strategy: row.estimate.gain for row in rows if row.budget in (0, last)}
    best = sorted(values, key=lambda name: -values[name] if name != "none" else -math.inf)[:LINES]
    return [name for name in study.asked.strategies if name in best]


def _scores(study: Study) -> list[Score]:
    """Give the scores by the metric that the study goes by, where it is defined."""
    metric = study.asked.metric
    return [row for row in study.scores if row.metric == metric and not math.isnan(row.estimate.value)]


def rocs(study: Study) -> list[Panel]:
    """Draw the ROC curves on the target images, a square for each number of labelled images."""
    base = [cell for cell in study.cells if cell.strategy == "none"]
    if not base or not study.predictions(base[0], "target").binary:
        return []
    panels = []
    side = {1: 400.0, 2: 400.0, 3: 300.0}.get(len(study.budgets), 222.0)
    for label, count in study.budgets:
        cells = [cell for cell in study.cells if cell.budget in ("", label)]  # "": what needs no labels
        curves = [
            _curve(study.predictions(cell, "target"), _series(cell, study), cell.seed != study.asked.seed)
            for cell in cells
        ]
        title = f"{counted(count.images, 'labelled image')}"
        about = f"ROC curves on the target images of {wording.listed(_strategies(cells))}, with {title}."
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
            drawn = figures.roc([_curve(predictions, 2, faint=False)], 300, salt=f"roc-{name}", about=about)
            panels.append(Panel(title, counted(len(predictions), "image"), drawn))
    return panels


def trainings(study: Study) -> list[Panel]:
    """Draw how each strategy's models were trained, all seeds in one panel."""
    losses, scores = _training_spans([cell.history for cell in study.cells])
    sizes = {label: counted(count.images, "image") for label, count in study.budgets}
    grouped: dict[tuple[str, str], list[Cell]] = {}
    for cell in study.cells:
        if not cell.epochs:
            continue
        grouped.setdefault((cell.strategy, cell.budget), []).append(cell)
    panels = []
    for (strategy, budget), cells in grouped.items():
        of = sizes.get(budget, budget)
        title = "base model" if strategy == "none" else strategy
        about = f"Loss and accuracy by epoch of {title} {of}".strip() + "."
        drawn = figures.training(
            [cell.history for cell in cells],
            None if strategy == "none" else _series(cells[0], study),
            losses,
            scores,
            salt=f"training-{strategy}-{budget}",
            about=about,
        )
        panels.append(Panel(title, of or counted(cells[0].trained_on.images, "image"), drawn))
    return panels


def run_training(run: Run) -> list[Panel]:
    """Draw how a run's model was trained."""
    if not run.history.get("number"):
        return []
    losses, scores = _training_spans([run.history])
    about = "Loss and accuracy by epoch."
    return [Panel("", "", figures.training([run.history], 2, losses, scores, salt="training", about=about))]


def _groups(gaps: Sequence[Gap], study: Study) -> list[Group]:
    budgets = sorted({gap.budget for gap in gaps})
    return [
        Group(
            counted(budget, "labelled image") if len(budgets) > 1 else "",
            tuple(_bar(gap, study) for gap in gaps if gap.budget == budget),
        )
        for budget in budgets
    ]


def _bar(gap: Gap, study: Study) -> Bar:
    written = wording.change(gap.metric, gap.estimate)
    return Bar(
        name=gap.strategy,
        note=f"{written.value} {written.interval}",
        estimate=gap.estimate,
        series=series_of(gap.strategy, study.asked.strategies),
        sure=gap.verdict != "inconclusive",
    )


def _gap_span(gaps: Iterable[Gap]) -> Span:
    """Give a range that holds every interval and 0, with some room."""
    ends = [end for gap in gaps for end in (gap.estimate.low, gap.estimate.high)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = max(0.01, 0.06 * (high - low))
    return Span(low - room, high + room)


def _training_spans(histories: Iterable[History]) -> tuple[Span, Span]:
    """Give common ranges of loss and accuracy; a validation loss that shoots up is cut off, not followed."""
    histories = list(histories)
    own = [value for history in histories for value in history["loss"]]
    valid = sorted(v for history in histories for v in history["valid_loss"] if not math.isnan(v))
    most = max([*own, *valid[: 1 + (len(valid) * 97) // 100]], default=1.0)
    rates = [v for history in histories for name in ("accuracy", "valid_accuracy") for v in history[name]]
    least = min((value for value in rates if not math.isnan(value)), default=0.5)
    return Span(0.0, 1.08 * most), Span(max(0.0, math.floor(10 * least) / 10), 1.0)


def _curve(predictions: Predictions, series: int, faint: bool) -> Curve:
    false_rates, true_rates = roc_curve(predictions)
    specificity, sensitivity = (
        score(name, predictions, wording.THRESHOLD) for name in ("specificity", "sensitivity")
    )
    return Curve(series, false_rates, true_rates, (1 - specificity, sensitivity), faint)


def _series(cell: Cell, study: Study) -> int:
    return series_of(cell.strategy, study.asked.strategies)


def _strategies(cells: Iterable[Cell]) -> list[str]:
    return list(dict.fromkeys(cell.strategy for cell in cells))
