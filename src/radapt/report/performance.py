"""Discrimination, calibration and decision curves of a model, laid out for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from radapt.evaluation.performance import MIN_ABOVE_CHANCE, ThresholdWarning, threshold_drops
from radapt.images.notice import Notice, in_order
from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.best_model import is_best, named
from radapt.report.folder import Study
from radapt.report.run_text import test_set
from radapt.report.svg import SERIES, SOFT, drawing, new_figure, quiet_axes, svg
from radapt.report.tables import series_of
from radapt.report.warnings import study_warnings
from radapt.report.wording import Number
from radapt.stats.estimate import Estimate
from radapt.text import joined

Floats = NDArray[np.float64]

OF_FINDINGS = ("auroc", "average-precision", "sensitivity", "specificity", "brier")
AT_THRESHOLD = ("sensitivity", "specificity", "ppv", "npv")


@dataclass(frozen=True, slots=True)
class FindingPerformance:
    """The performance for one finding on one test set, ready to be shown."""

    title: str
    threshold: str
    rows: tuple[tuple[str, Number], ...]  # by metric
    facts: tuple[tuple[str, str], ...]
    reliability: Markup
    decision_curve: Markup
    cross_check: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of findings or of models."""

    name: str
    series: int  # the colour of a model; 0 for a finding
    facts: tuple[str, ...]
    numbers: tuple[Number, ...]
    questionable: bool = False  # whether its threshold is questionable


@dataclass(frozen=True, slots=True)
class Findings:
    """Several findings of one model on one test set."""

    title: str
    columns: tuple[str, ...]  # of the numbers
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SelectedModels:
    """A model of a study whose performance is shown in detail."""

    title: str
    findings: Findings | None  # None for a single finding
    each: tuple[FindingPerformance, ...]
    open: bool  # whether it is shown open or folded


def finding_sections(raw: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[FindingPerformance]:
    """Return the performance of a run, a section for each test set and finding."""
    return [
        _one(finding, f"{finding['finding']} on the {_lowered(test_set(name))}", f"{name}-{number}")
        for name, rows in raw.items()
        for number, finding in enumerate(rows)
    ]


def findings_tables(raw: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Findings]:
    """Return a table of findings for each test set of a run; none for a single finding."""
    tables = [findings_table(rows, f"{test_set(name)}, finding by finding") for name, rows in raw.items()]
    return [table for table in tables if table is not None]


def findings_table(rows: Sequence[Mapping[str, Any]], title: str) -> Findings | None:
    """Return a table of several findings; None for a single finding."""
    if len(rows) < 2:
        return None
    return Findings(
        title,
        tuple(find_metric(name).heading for name in OF_FINDINGS),
        tuple(
            Row(
                finding["finding"],
                0,
                (
                    f"{finding['images']:,}",
                    f"{100 * finding['baseline_precision']:.1f}",
                    f"{finding['threshold']['value']:.3g}",
                ),
                _numbers(finding, OF_FINDINGS),
                bool(threshold_drops(finding)),
            )
            for finding in rows
        ),
    )


def threshold_rows(models: Sequence[Mapping[str, Any]], strategies: Sequence[str]) -> tuple[Row, ...]:
    """Return the rows of models at their thresholds; none with several findings or classes."""
    return tuple(
        Row(
            model["strategy"],
            series_of(model["strategy"], strategies),
            (f"{model['budget']:,}", f"{finding['threshold']['value']:.3g}"),
            _numbers(finding, AT_THRESHOLD),
            bool(threshold_drops(finding)),
        )
        for model in models
        if len(model["findings"]) == 1
        for finding in model["findings"]
    )


def selected_models(study: Study) -> list[SelectedModels]:
    """Return the models of a study in detail; the base model and the best are shown open."""
    laid = []
    for place, model in enumerate(study.performance):
        whose: tuple[str, int] = (model["strategy"], model["budget"])
        rows, title, shown = model["findings"], named(*whose, study), not place or is_best(*whose, study)
        if rows:
            each = tuple(
                _one(finding, finding["finding"], f"{place}-{number}") for number, finding in enumerate(rows)
            )
            table = findings_table(rows, f"{wording.model(*whose)}, finding by finding")
            laid.append(SelectedModels(title, table, each, shown))
    return laid


def threshold_warnings(study: Study) -> list[Notice]:
    """Return a notice of each model of a study whose threshold is questionable."""
    warned = []
    for model in study.performance:
        sentences = _warnings(model["findings"])
        if sentences:
            who = named(model["strategy"], model["budget"], study)
            text = f"{who[:1].upper()}{who[1:]}, on the target images: {sentences}"
            warned.append(Notice("threshold", "caution", text))
    return warned


def page_notices(study: Study) -> list[Notice]:
    """Return all notices of a study's page, the most harmful first, with those of thresholds in one."""
    return in_order([*study_warnings(study), *threshold_summary(study)])


def threshold_summary(study: Study) -> list[Notice]:
    """Name the models with a questionable threshold in one notice; none where there is none."""
    who = [
        named(model["strategy"], model["budget"], study)
        for model in study.performance
        if _warnings(model["findings"])
    ]
    if not who:
        return []
    text = (
        f"Do not rely on the threshold of {joined(who, 'or on that of')}. See “Thresholds and calibration” "
        "for the performance at this threshold on the target images."
    )
    return [Notice("threshold", "caution", text)]


def _warnings(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return why the thresholds of a model are questionable, in sentences; "" where none is."""
    sentences = []
    for finding in rows:
        short = [_shortfall(one) for one in threshold_drops(finding)]
        if short:
            of = f"{finding['finding']}, " if len(rows) > 1 else ""
            at = f"{of}at the threshold of {finding['threshold']['value']:.3g}"
            sentences.append(f"{at} {joined(short)}")
    if not sentences:
        return ""
    return (
        f"{'; '.join(sentences)}. Do not use this threshold: choose another on labelled images like those "
        "that the model will score."
    )


def _shortfall(one: ThresholdWarning) -> str:
    name, here = find_metric(one.metric).words, wording.number(one.metric, one.here)
    text = f"the {name} is {here.value} % {here.interval}"
    if one.there is None:
        return f"{text}, not shown to be more than {100 * MIN_ABOVE_CHANCE:.0f} points above chance (50 %)"
    there = wording.number(one.metric, one.there)
    return f"{text}, down from {there.value} % {there.interval} on the images that it was chosen on"


def _lowered(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"


def _one(finding: Mapping[str, Any], title: str, salt: str) -> FindingPerformance:
    prevalence, threshold = finding["prevalence"], finding["threshold"]
    return FindingPerformance(
        title=title,
        threshold=f"An image is predicted positive ({finding['finding']}) from {threshold['value']:.3g} on: "
        f"{threshold['chosen_on']}.",
        rows=tuple(
            (_name(row, prevalence), wording.number(row["metric"], Estimate.from_dict(row)))
            for row in finding["estimates"]
        ),
        facts=_facts(finding),
        reliability=_reliability(finding["reliability"], salt),
        decision_curve=_decision_curve(finding["decision_curve"], salt),
        cross_check=finding["cross_check"],
    )


def _numbers(finding: Mapping[str, Any], metrics: Sequence[str]) -> tuple[Number, ...]:
    """Return the scores of a finding by these metrics, predictive values without their prevalence."""
    numbers = {
        _kind(row): wording.number(row["metric"], Estimate.from_dict(row)) for row in finding["estimates"]
    }
    return tuple(numbers[name] for name in metrics)


def _kind(row: Mapping[str, Any]) -> str:
    """Name the metric of a row, of a predictive value without its prevalence."""
    return str(row["metric"]).partition("@")[0]


def _name(row: Mapping[str, Any], prevalence: Mapping[str, Any]) -> str:
    metric = find_metric(row["metric"])
    if "@" not in metric.name:
        return metric.heading
    kind = metric.title.partition(" at ")[0]
    return f"{kind}, %, at a prevalence of {100 * prevalence['value']:.3g} %, {prevalence['whose']}"


def _facts(finding: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    parts, error = finding["brier_parts"], finding["expected_error"]
    calibration = {name: Estimate.from_dict(row) for name, row in finding["calibration"].items()}
    return (
        (
            "Calibration intercept",
            f"{calibration['intercept']}; 0 is ideal, and above 0 the scores are too low",
        ),
        ("Calibration slope", f"{calibration['slope']}; 1 is ideal, and below 1 the scores are too extreme"),
        (
            "Expected calibration error",
            f"{error['value']:.3f} in {error['bins']}. A calibrated model would have {error['chance']:.3f} "
            f"on average by chance, and above {error['chance_high']:.3f} one time in twenty",
        ),
        (
            "Brier score",
            f"{parts['brier']:.3f} = {parts['reliability']:.3f} reliability "
            f"- {parts['resolution']:.3f} resolution + {parts['uncertainty']:.3f} uncertainty "
            f"+ {parts['within']:z.3f} within the bins ({parts['bins']})",
        ),
        ("Average precision of an uninformative model", f"{finding['baseline_precision']:.3f}"),
    )


def _reliability(curve: Mapping[str, Any], salt: str) -> Markup:
    """Draw a reliability diagram: in bins of the score, the share with the finding and its 95 % interval."""
    predicted, observed, low, high = (
        100 * np.asarray(curve[part], dtype=np.float64) for part in ("predicted", "observed", "low", "high")
    )
    about = "Share of images with the finding against the model's score: " + "; ".join(
        f"{x:.0f} % scored, {y:.0f} % have it" for x, y in zip(predicted, observed, strict=True)
    )
    with drawing(f"reliability-{salt}"):
        figure = new_figure(400, 400)
        axes = figure.add_axes((52 / 400, 48 / 400, 336 / 400, 336 / 400))
        quiet_axes(axes, grid="both")
        axes.plot([0, 100], [0, 100], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.fill_between(predicted, low, high, color=SERIES[2], alpha=0.14, linewidth=0)
        axes.plot(predicted, observed, color=SERIES[2], marker="o", markersize=5, clip_on=False)
        axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="score, %", ylabel="share with the finding, %")
        return svg(figure, about)


def _decision_curve(curve: Mapping[str, Any], salt: str) -> Markup:
    """Draw the decision curve: the net benefit of the model, of acting on every image, and on none."""
    model, low, high, everyone = (
        np.asarray(curve[part], dtype=np.float64) for part in ("model", "low", "high", "treat_all")
    )
    thresholds, most = 100 * np.asarray(curve["thresholds"]), 1.1 * float(curve["prevalence"])
    with drawing(f"decision-curve-{salt}"):
        figure = new_figure(400, 400)
        axes = figure.add_axes((62 / 400, 48 / 400, 326 / 400, 336 / 400))
        quiet_axes(axes)
        axes.axhline(0, color=SOFT, linewidth=1)
        axes.plot(thresholds, everyone, color=SERIES[1], linestyle=(0, (4, 3)))
        axes.fill_between(thresholds, low, high, color=SERIES[2], alpha=0.14, linewidth=0)
        axes.plot(thresholds, model, color=SERIES[2])
        axes.set(xlim=(0, 100), ylim=(-most / 4, most), xlabel="threshold, %", ylabel="net benefit")
        return svg(
            figure,
            "Decision curve: net benefit by threshold of the model, of acting on every image, and on none.",
        )
