"""What came of a study, from the predictions of its models: all that its report will say in numbers."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from radapt.evaluation.scores import Outcome, estimate_rows
from radapt.metrics.table import score
from radapt.shortcuts.baselines import MARGIN, join_baselines, measure_baselines
from radapt.stats.inference import bootstrap_scores, difference
from radapt.study.claim import Verdict, evaluate_claim
from radapt.study.comparison import Difference, best_model, best_per_budget, differences, outcome_of
from radapt.study.decision import decide, recommend
from radapt.study.domains import Domains
from radapt.study.learning_curve import curve_of, describe_gain
from radapt.study.protocol import NO_LABELS, Protocol
from radapt.text import counted


def study_results(outcomes: Sequence[Outcome], *, metric: str, margin: float, paired: bool) -> dict[str, Any]:
    """Give the numbers of a study, ready for JSON.

    Parameters
    ----------
    metric
        What the recommendation and the curves follow.
    margin
        How much of it may be lost on the source images.
    paired
        Whether the target's test images are the source's under a shift, so that what the shift cost can be
        told image by image.
    """
    found = differences(outcomes, metric)
    return {
        "estimates": [row for outcome in outcomes for row in estimate_rows(outcome, metric)],
        "differences": [row.as_dict() for row in found],
        "recommendation": recommend(found, metric, margin),
        "decisions": [each.as_dict() for each in decide(found, metric, margin)],
        "best": [_named(row) for row in best_per_budget(found, metric)],
        "the_best": _named(best_model(found, metric)),
        "curves": list(_curves(outcomes, metric)),
        "regained": list(_regained(outcomes, metric)) if paired else [],
    }


def decided(outcomes: Sequence[Outcome], *, metric: str, margin: float) -> tuple[Any, ...]:
    """Give what a study decides in short: at each budget what was shown to gain, and what to lose."""
    rows = differences(outcomes, metric, metrics=())
    return tuple(
        (each.budget, each.best.strategy if each.shown and each.best else "", each.worse)
        for each in decide(rows, metric, margin)
    )


def is_settled(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
    """Say whether one training seed more can be spared.

    It can where the last one changed nothing that was decided and nothing was shown to gain. What was shown
    to gain needs all seeds before it is said of a strategy; so no look on the way makes a claim of help.
    """
    return before == now and not any(strategy for _, strategy, _ in now)


def _named(row: Difference | None) -> dict[str, Any]:
    """Name the model of a gain, for JSON; of None no adaptation."""
    if row is None:
        return {"strategy": "none", "budget": 0, "verdict": None}
    return {"strategy": row.strategy, "budget": row.budget, "verdict": row.verdict}


def _curves(outcomes: Sequence[Outcome], metric: str) -> Iterable[dict[str, Any]]:
    """Give the learning curve of each strategy that was tried at three budgets or more."""
    for strategy in dict.fromkeys(outcome.strategy for outcome in outcomes):
        curve = curve_of(outcomes, strategy, metric=metric)
        if curve is not None:
            yield {"strategy": strategy, **curve.as_dict(), "worth": describe_gain(curve, curve.budgets[-1])}


def _regained(outcomes: Sequence[Outcome], metric: str) -> Iterable[dict[str, Any]]:
    """Give the share that each outcome wins back of what the shift costs, where that was shown to cost.

    The share is (adapted - none) on the target images over none's loss from the source images to the new,
    all on the same bootstrap samples of patients.
    """
    none = outcome_of(outcomes)
    new, old = none.predictions["target"], none.predictions["source"]
    for outcome in outcomes:
        if outcome is none:
            continue
        runs = outcome.predictions["target"]
        adapted, before, clean = bootstrap_scores(metric, [runs, new, old])
        cost = clean - before
        if not len(cost) or np.quantile(cost, 0.025) <= 0:
            return
        value = _mean(metric, runs) - _mean(metric, new)
        shown = cost > 0  # all but 2.5 % of the samples at the most
        low, high = np.quantile((adapted - before)[shown] / cost[shown], [0.025, 0.975])
        yield {
            "strategy": outcome.strategy,
            "budget": outcome.budget,
            "metric": metric,
            "value": value / (_mean(metric, old) - _mean(metric, new)),
            "low": float(low),
            "high": float(high),
        }


def _mean(metric: str, runs: Sequence[Any]) -> float:
    return float(np.mean([score(metric, run) for run in runs]))


def shortcut_baselines(images: Domains, base: Outcome, best: Outcome) -> dict[str, Any]:
    """Say what can be told of a study's test images without looking at the lungs, and what scores are worth.

    Cheap classifiers are fitted on the source images and tested on both test sets, and fitted on all
    labelled target images and tested on the new ones.

    Parameters
    ----------
    base
        No adaptation.
    best
        The best, as `radapt.study.comparison.best_model` has it.

    Returns
    -------
    dict
        "baselines", a row each with `trained_on` and `domain`; "baselines_left_out", and why; "warnings",
        sentences.
    """
    pairs = {
        ("source", "source"): (images.source_train, images.source_test),
        ("source", "target"): (images.source_train, images.target_test),
        ("target", "target"): (images.target_pool, images.target_test),
    }
    found = {names: measure_baselines(*sets) for names, sets in pairs.items()}
    rows = [each.as_dict(trained_on=train, domain=test) for (train, test), each in found.items()]
    old, new = found["source", "source"].reference_auroc, found["target", "target"].reference_auroc
    return {**join_baselines(rows), "warnings": [*_warn_of_base(base, old), *_warn_of_best(best, new)]}


def _warn_of_base(base: Outcome, least: float | None) -> Iterable[str]:
    reached = _mean("auroc", base.predictions["source"])
    if least is not None and reached < least + MARGIN:
        yield (
            "A classifier of 8 x 8 grey levels, fitted on the labels of the source training images, reaches "
            f"{least:.3f} on the source test images; the base model's {reached:.3f} says little about lungs."
        )


def _warn_of_best(best: Outcome, least: float | None) -> Iterable[str]:
    if least is None or best.strategy == "none":
        return
    reached = _mean("auroc", best.predictions["target"])
    if reached < least + MARGIN:
        given = f" with {counted(best.budget, 'labelled image')}" if best.budget else ""
        yield (
            "A classifier of 8 x 8 grey levels, fitted on the labels of the target training images, reaches "
            f"{least:.3f} on the target test images; the best, {best.strategy}{given}, reaches "
            f"{reached:.3f}. "
            "That it looks at lungs is not shown."
        )


def verdict_of(protocol: Protocol, outcomes: Sequence[Outcome], images: int) -> Verdict:
    """Say what became of a protocol's claim; `images` is how many its budget was."""
    labelled = 0 if protocol.budget == NO_LABELS else images
    none = outcome_of(outcomes)
    claimed = next(
        outcome
        for outcome in outcomes
        if outcome.strategy == protocol.strategy and outcome.budget == labelled
    )
    target, source = (
        difference(protocol.metric, claimed.predictions[domain], none.predictions[domain])
        for domain in ("target", "source")
    )
    return evaluate_claim(protocol, target, source)
