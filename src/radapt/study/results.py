"""The numbers of a study, from the predictions of its models."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from radapt.evaluation.one_class import one_class_notice
from radapt.evaluation.scores import Outcome, estimate_rows
from radapt.images.notice import Notice
from radapt.metrics.table import score
from radapt.shortcuts.baselines import MARGIN, join_baselines, measure_baselines
from radapt.stats.estimate import Estimate
from radapt.stats.independent import independent_difference
from radapt.stats.inference import bootstrap_scores, difference, estimate
from radapt.study.claim import ClaimVerdict, evaluate_claim
from radapt.study.comparison import Difference, best_model, best_per_budget, differences, outcome_of
from radapt.study.decision import decide, recommend
from radapt.study.domains import Domains
from radapt.study.learning_curve import curve_of, describe_gain
from radapt.study.protocol import NO_LABELS, Protocol
from radapt.text import counted


@dataclass(frozen=True, slots=True)
class Recovered:
    """The share of the drop under a shift that a strategy recovered, with a 95 % interval."""

    strategy: str
    budget: int  # labelled target images; 0 for none
    metric: str
    value: float  # 1 is all of it
    low: float
    high: float


def study_results(outcomes: Sequence[Outcome], *, metric: str, margin: float, paired: bool) -> dict[str, Any]:
    """Return the numbers of a study, ready for JSON.

    Parameters
    ----------
    metric
        The metric of the recommendation and the learning curves.
    margin
        How much of it may be lost on the source images.
    paired
        Whether the target test images are the source's under a shift, so that the drop is measured on the
        same images.
    """
    rows = differences(outcomes, metric)
    return {
        "estimates": [row for outcome in outcomes for row in estimate_rows(outcome, metric)],
        "differences": [row.as_dict() for row in rows],
        "recommendation": recommend(rows, metric, margin),
        "decisions": [each.as_dict() for each in decide(rows, metric, margin)],
        "best": [_named(row) for row in best_per_budget(rows, metric)],
        "the_best": _named(best_model(rows, metric)),
        "loss": _loss(outcome_of(outcomes), metric).as_dict(),
        "curves": list(_curves(outcomes, metric)),
        "recovered": [asdict(row) for row in _recovered(outcomes, metric)] if paired else [],
    }


def _loss(none: Outcome, metric: str) -> Estimate:
    """Estimate the base model's score at the target less that at the source.

    Target images that are the source's under a shift are paired with these; else the sets are independent.
    """
    target, source = none.predictions["target"], none.predictions["source"]
    if np.array_equal(np.sort(target[0].ids), np.sort(source[0].ids)):
        return difference(metric, target, source)
    return independent_difference(estimate(metric, target), estimate(metric, source))


def decided(outcomes: Sequence[Outcome], *, metric: str, margin: float) -> tuple[Any, ...]:
    """Summarise the decisions: at each budget which strategy was shown to gain, and which to lose."""
    rows = differences(outcomes, metric, metrics=())
    return tuple(
        (each.budget, each.best.strategy if each.shown and each.best else "", each.worse)
        for each in decide(rows, metric, margin)
    )


def is_settled(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
    """Say whether no further training seed is needed.

    That is so if the last seed changed no decision and no gain was shown. A gain needs all seeds before it
    is claimed of a strategy, so no interim look can claim one.
    """
    return before == now and not any(strategy for _, strategy, _ in now)


def _named(row: Difference | None) -> dict[str, Any]:
    """Name the model of a gain, for JSON; no adaptation for None."""
    if row is None:
        return {"strategy": "none", "budget": 0, "verdict": None}
    return {"strategy": row.strategy, "budget": row.budget, "verdict": row.verdict}


def _curves(outcomes: Sequence[Outcome], metric: str) -> Iterable[dict[str, Any]]:
    """Return the learning curve of each strategy that was tried at three budgets or more."""
    for strategy in dict.fromkeys(outcome.strategy for outcome in outcomes):
        curve = curve_of(outcomes, strategy, metric=metric)
        if curve is not None:
            yield {
                "strategy": strategy,
                **curve.as_dict(),
                "expected_gain": describe_gain(curve, curve.budgets[-1]),
            }


def _recovered(outcomes: Sequence[Outcome], metric: str) -> Iterable[Recovered]:
    """Return the share that each outcome recovers of the drop under a shift; nothing if no drop was shown.

    The share is (adapted - none) on the target images over the drop of none from the source images to the
    target images, all on the same bootstrap samples of patients.
    """
    none = outcome_of(outcomes)
    target, source = none.predictions["target"], none.predictions["source"]
    for outcome in outcomes:
        if outcome is none:
            continue
        runs = outcome.predictions["target"]
        adapted, unadapted, clean = bootstrap_scores(metric, [runs, target, source])
        drop = clean - unadapted
        if not len(drop) or np.quantile(drop, 0.025) <= 0:
            return
        value = (_mean(metric, runs) - _mean(metric, target)) / (
            _mean(metric, source) - _mean(metric, target)
        )
        positive = drop > 0  # all but 2.5 % of the samples at most
        low, high = np.quantile((adapted - unadapted)[positive] / drop[positive], [0.025, 0.975])
        yield Recovered(outcome.strategy, outcome.budget, metric, value, float(low), float(high))


def _mean(metric: str, runs: Sequence[Any]) -> float:
    return float(np.mean([score(metric, run) for run in runs]))


def shortcut_baselines(images: Domains, base: Outcome, best: Outcome) -> tuple[dict[str, Any], list[Notice]]:
    """Fit the shortcut baselines of a study, and notice where its models are not clearly better.

    They are fitted on the source images and tested on both test sets, and fitted on all labelled target
    images and tested on the target test images; where these are in folds, on the first fold.

    Parameters
    ----------
    base
        No adaptation.
    best
        The best, as `radapt.study.comparison.best_model` has it.

    Returns
    -------
    dict, list of Notice
        "baselines", a row each with `trained_on` and `domain`, and "baselines_left_out", and why; and a
        notice for each model that is not clearly better.
    """
    first = images.of_fold(1)
    pairs = {
        ("source", "source"): (images.source_train, images.source_test),
        ("source", "target"): (images.source_train, images.target_test),
        ("target", "target"): (first.target_pool, first.target_test),
    }
    measured = {names: measure_baselines(*sets) for names, sets in pairs.items()}
    rows = [each.as_dict(trained_on=train, domain=test) for (train, test), each in measured.items()]
    old, new = measured["source", "source"].reference_auroc, measured["target", "target"].reference_auroc
    sentences = [*_warn_of_base(base, old), *_warn_of_best(best, new)]
    return join_baselines(rows), [Notice("baseline", "caution", text) for text in sentences]


def _warn_of_base(base: Outcome, least: float | None) -> Iterable[str]:
    reached = _mean("auroc", base.predictions["source"])
    if least is not None and reached < least + MARGIN:
        yield (
            "A logistic regression on 8 x 8 grey levels, fitted on the source training images, reaches "
            f"an AUROC of {least:.3f} on the source test images; the base model, with {reached:.3f}, is not "
            "clearly better and may use no more than such a shortcut."
        )


def _warn_of_best(best: Outcome, least: float | None) -> Iterable[str]:
    if least is None or best.strategy == "none":
        return
    reached = _mean("auroc", best.predictions["target"])
    if reached < least + MARGIN:
        labels = f" with {counted(best.budget, 'labelled image')}" if best.budget else ""
        yield (
            "A logistic regression on 8 x 8 grey levels, fitted on the labelled target images, reaches "
            f"an AUROC of {least:.3f} on the target test images; the best, {best.strategy}{labels}, with "
            f"{reached:.3f}, is not clearly better and may use no more than such a shortcut."
        )


def one_class_notices(base: Outcome) -> list[Notice]:
    """Return a notice for each test set of which the base model calls nearly all images one class.

    With several training seeds it has the numbers of the first of those that do.
    """
    notices = []
    for domain, runs in base.predictions.items():
        words = f"{domain} test image"
        alike = [run for run in runs if one_class_notice(run, "", words)]
        seeds = f", in {len(alike)} of {len(runs)} training seeds," if len(runs) > 1 else ""
        notices += [
            each for run in alike[:1] for each in one_class_notice(run, f"The base model{seeds}", words)
        ]
    return notices


def verdict_of(protocol: Protocol, outcomes: Sequence[Outcome], images: int) -> ClaimVerdict:
    """Return the verdict on the claim of a protocol; `images` is the size of its budget."""
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
