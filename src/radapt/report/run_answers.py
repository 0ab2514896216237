"""The first screen of a page on one model: its scores, shortcuts and limits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.evaluation.scores import Score
from radapt.images.notice import Notice
from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.overview import Answer, trust, typeset
from radapt.report.shortcut_checks import ShortcutChecks
from radapt.runs.holdout import ImageCount
from radapt.stats.estimate import Estimate, points
from radapt.study.answers import score_words

LEADING = ("auroc", "balanced-accuracy")  # the metrics of the headline
DECIDING = ("sensitivity", "specificity")


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """What the first screen of a page on one model shows."""

    headline: str
    answers: tuple[Answer, ...]


def model_answers(
    scores: Sequence[Score],
    checks: ShortcutChecks,
    notices: Sequence[Notice],
    changes: Sequence[Mapping[str, Any]] = (),
) -> ModelAnswers | None:
    """Answer the questions about one model; None where it has no scores.

    Parameters
    ----------
    scores
        Of the model on one test set or several; where a model was adapted, those before it are left out.
    notices
        Those of the page, the most harmful first.
    changes
        What adapting changed, as of `radapt.runs.before_after`.
    """
    if not scores:
        return None
    last = [row for row in scores if row.strategy == scores[-1].strategy and row.domain == scores[-1].domain]
    estimates = {row.metric: row.estimate for row in last if not math.isnan(row.estimate.value)}
    answers = [
        Answer("How does it decide, at a threshold of 0.5?", _sentence(estimates, DECIDING)),
        Answer("What did adapting change?", _changes(changes)),
        Answer("Could it do without the lungs?", _shortcuts(checks, estimates)),
        Answer("Can this be trusted?", trust(notices)),
    ]
    kept = tuple(Answer(each.question, typeset(each.text)) for each in answers if each.text)
    return ModelAnswers(typeset(_headline(estimates)), kept)


def _headline(estimates: Mapping[str, Estimate]) -> str:
    auroc = estimates.get("auroc")
    text = _sentence(estimates, LEADING) or _sentence(estimates, tuple(estimates)[:2])
    if not text:
        return "Nothing could be scored."
    some = next(iter(estimates.values())) if auroc is None else auroc
    on = wording.images_of(ImageCount(some.n, some.patients, {}))
    if auroc is not None and auroc.low <= 0.5:
        return f"This model is not shown to be better than chance: {text} on {on}."
    return f"{text[:1].upper()}{text[1:]} on {on}."


def _sentence(estimates: Mapping[str, Estimate], metrics: Sequence[str]) -> str:
    """Return `AUROC 0.971 [0.934, 0.987], balanced accuracy 85.6 % [79.2, 90.3]`."""
    return ", ".join(
        f"{find_metric(name).words} {score_words(name, estimates[name])}"
        for name in metrics
        if name in estimates
    )


def _changes(changes: Sequence[Mapping[str, Any]]) -> str:
    rows = [row for row in changes if row["metric"] in LEADING and row["value"] is not None]
    return ", ".join(
        f"{find_metric(row['metric']).words} {points(*(row[end] for end in ('value', 'low', 'high')))}"
        for row in rows
    )


def _shortcuts(checks: ShortcutChecks, estimates: Mapping[str, Estimate]) -> str:
    """Say how near the best shortcut baseline comes."""
    known = [row for row in checks.baselines if row["auroc"] is not None]
    if not known or "auroc" not in estimates:
        return ""
    best = max(known, key=lambda row: row["auroc"])
    return (
        f"A logistic regression on the {best['name']} alone reaches an AUROC of {best['auroc']:.3f}, the "
        f"model {estimates['auroc'].value:.3f}."
    )
