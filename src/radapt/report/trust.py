"""Whether a model's probabilities mean what they say, and whether acting on them helps: for a run's page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from radapt.report.contents import estimate_of
from radapt.report.drawing import RULE, SERIES, SOFT, drawing, new_figure, quiet_axes, svg
from radapt.report.run_words import test_set

Floats = NDArray[np.float64]

NAMES: dict[str, str] = {
    "auroc": "AUROC",
    "average-precision": "Average precision",
    "brier": "Brier score",
    "log-loss": "Log loss",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "balanced-accuracy": "Balanced accuracy",
    "accuracy": "Accuracy",
    "f1": "F1",
    "mcc": "Matthews correlation",
    "ppv": "Positive predictive value",
    "npv": "Negative predictive value",
}


@dataclass(frozen=True, slots=True)
class Appraisal:
    """One finding on one test set, ready to be shown."""

    title: str
    threshold: str
    rows: tuple[tuple[str, str, str], ...]  # (metric, value, interval)
    facts: tuple[tuple[str, str], ...]
    reliability: Markup
    benefit: Markup
    cross_check: str


def appraisals(raw: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Appraisal]:
    """Lay out what `radapt.appraisal` found, by test set."""
    return [_one(name, found) for name, rows in raw.items() for found in rows]


def _one(name: str, found: Mapping[str, Any]) -> Appraisal:
    where = test_set(name)
    prevalence, threshold = found["prevalence"], found["threshold"]
    return Appraisal(
        title=f"{found['finding']} on the {where[0].lower()}{where[1:]}",
        threshold=f"A film is called {found['finding']} from {threshold['value']:.3g} on: "
        f"{threshold['chosen_on']}.",
        rows=tuple(_row(row, prevalence) for row in found["estimates"]),
        facts=_facts(found),
        reliability=_reliability(found["reliability"], name),
        benefit=_benefit(found["decision_curve"], name),
        cross_check=found["cross_check"],
    )


def _row(row: Mapping[str, Any], prevalence: Mapping[str, Any]) -> tuple[str, str, str]:
    given, (kind, _, _) = estimate_of(row), row["metric"].partition("@")
    said = NAMES[kind]
    if kind in ("ppv", "npv"):
        said = f"{said} where {100 * prevalence['value']:.3g} % have it, {prevalence['whose']}"
    if given.value != given.value:
        return said, "not defined", ""
    return said, f"{given.value:.3f}", f"[{given.low:.3f}, {given.high:.3f}]"


def _facts(found: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    parts, error = found["brier_parts"], found["expected_error"]
    calibration = {name: estimate_of(row) for name, row in found["calibration"].items()}
    return (
        ("Calibration intercept", f"{calibration['intercept']}; 0 is right, above it scores are too low"),
        ("Calibration slope", f"{calibration['slope']}; 1 is right, below it the model is too sure"),
        (
            "Expected calibration error",
            f"{error['value']:.3f} in {error['bins']}; {error['chance']:.3f} by chance alone, "
            f"{error['chance_high']:.3f} in one case of twenty",
        ),
        (
            "Brier score",
            f"{parts['brier']:.3f} = {parts['reliability']:.3f} reliability "
            f"- {parts['resolution']:.3f} resolution + {parts['uncertainty']:.3f} uncertainty "
            f"+ {parts['within']:.3f} within the bins ({parts['bins']})",
        ),
        ("Average precision that knows nothing", f"{found['baseline_precision']:.3f}"),
    )


def _reliability(curve: Mapping[str, Any], name: str) -> Markup:
    """Draw the share with the finding against the score, with a 95 % interval a bin."""
    predicted, observed, low, high = (
        100 * np.asarray(curve[part], dtype=np.float64) for part in ("predicted", "observed", "low", "high")
    )
    about = "Share of films with the finding against the model's score: " + "; ".join(
        f"{x:.0f} % scored, {y:.0f} % have it" for x, y in zip(predicted, observed, strict=True)
    )
    with drawing(f"reliability-{name}"):
        figure = new_figure(400, 400)
        axes = figure.add_axes((52 / 400, 48 / 400, 336 / 400, 336 / 400))
        quiet_axes(axes, grid="both")
        axes.plot([0, 100], [0, 100], color=RULE, linewidth=1, linestyle=(0, (4, 3)))
        axes.fill_between(predicted, low, high, color=SERIES[2], alpha=0.14, linewidth=0)
        axes.plot(predicted, observed, color=SERIES[2], marker="o", markersize=5, clip_on=False)
        axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="score, %", ylabel="have the finding, %")
        return svg(figure, about)


def _benefit(curve: Mapping[str, Any], name: str) -> Markup:
    """Draw the net benefit of the model, of acting on every film and on none."""
    model, low, high, everyone = (
        np.asarray(curve[part], dtype=np.float64) for part in ("model", "low", "high", "treat_all")
    )
    thresholds, most = 100 * np.asarray(curve["thresholds"]), 1.1 * float(curve["prevalence"])
    with drawing(f"benefit-{name}"):
        figure = new_figure(400, 400)
        axes = figure.add_axes((62 / 400, 48 / 400, 326 / 400, 336 / 400))
        quiet_axes(axes)
        axes.axhline(0, color=SOFT, linewidth=1)
        axes.plot(thresholds, everyone, color=SERIES[1], linestyle=(0, (4, 3)))
        axes.fill_between(thresholds, low, high, color=SERIES[2], alpha=0.14, linewidth=0)
        axes.plot(thresholds, model, color=SERIES[2])
        axes.set(xlim=(0, 100), ylim=(-most / 4, most), xlabel="threshold, %", ylabel="net benefit")
        return svg(figure, "Net benefit by threshold of the model, of acting on every film, and on none.")
