"""What a study found: scores, their paired differences, and a sentence that follows from them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from radapt.counting import counted
from radapt.intervals import holm
from radapt.metrics import metrics_for, score
from radapt.predictions import Predictions
from radapt.uncertainty import Estimate, difference, estimate, smallest_detectable, verdict

COMPARED = ("accuracy", "balanced-accuracy", "auroc")
PRIMARY = "balanced-accuracy"  # what a recommendation follows: calling every film ill must not look good
ALPHA = 0.05
MARGIN = 0.02  # of the primary metric, that may be lost on the old films unless the user says otherwise
# What retraining has to beat: nothing is learned but statistics, a temperature and a threshold.
CHEAP = ("tta", "norm-refresh", "recalibrate", "refresh-recalibrate")
NAMES = {"accuracy": "accuracy", "balanced-accuracy": "balanced accuracy", "auroc": "AUROC"}


class Interval(Protocol):
    """A number and the ends that it lies between, such as an `Estimate`."""

    @property
    def value(self) -> float:
        """The number."""

    @property
    def low(self) -> float:
        """The lower end."""

    @property
    def high(self) -> float:
        """The upper end."""


class Compared(Protocol):
    """One strategy held against another, such as a `Difference`."""

    @property
    def strategy(self) -> str:
        """Which strategy."""

    @property
    def against(self) -> str:
        """Which other."""

    @property
    def budget(self) -> int:
        """With how many labelled films; 0 for none."""

    @property
    def domain(self) -> str:
        """On which test films, "target" or "source"."""

    @property
    def metric(self) -> str:
        """By which metric."""

    @property
    def estimate(self) -> Estimate:
        """The difference."""


Row = TypeVar("Row", bound=Compared)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One strategy at one budget: its predictions on both test sets, one of each a training seed."""

    strategy: str
    budget: int  # labelled target films that were used; 0 for none
    predictions: Mapping[str, Sequence[Predictions]]  # by domain, "target" and "source"


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one strategy scores than another on the same films."""

    strategy: str
    against: str
    budget: int
    domain: str
    metric: str
    estimate: Estimate
    p_holm: float = math.nan  # of the gains on the target by the metric to go by: p, adjusted for all of them

    def as_dict(self) -> dict[str, Any]:
        """Give a row for JSON, with the verdict and what could have been seen."""
        return {
            "strategy": self.strategy,
            "against": self.against,
            "budget": self.budget,
            "domain": self.domain,
            "metric": self.metric,
            **self.estimate.as_dict(),
            "verdict": verdict(self.estimate),
            "p_holm": None if math.isnan(self.p_holm) else self.p_holm,
            "smallest_detectable": None
            if math.isnan(self.estimate.se)
            else smallest_detectable(self.estimate),
        }


def estimate_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """Score an outcome by every metric on both domains; rows for JSON."""
    return [
        {
            "strategy": outcome.strategy,
            "budget": outcome.budget,
            "domain": domain,
            "metric": metric,
            **estimate(metric, runs).as_dict(),
        }
        for domain, runs in outcome.predictions.items()
        for metric in metrics_for(runs[0])
    ]


def differences(outcomes: Iterable[Outcome], metric: str = PRIMARY) -> list[Difference]:
    """Hold every outcome against no adaptation, and what was retrained against two more.

    These are training from scratch on as many films, and, on the target by `metric` alone, the best of what
    is to be had without retraining at that budget. On the source the difference from no adaptation is what
    was forgotten (below 0) or gained.
    """
    outcomes = list(outcomes)
    none = outcome_of(outcomes)
    scratch = {outcome.budget: outcome for outcome in outcomes if outcome.strategy == "scratch"}
    metrics = tuple(dict.fromkeys((*COMPARED, metric)))
    rows = []
    for outcome in outcomes:
        others = [none] if outcome.strategy != "none" else []
        if outcome.strategy not in ("none", "scratch") and outcome.budget in scratch:
            others.append(scratch[outcome.budget])
        for other in others:
            rows += [
                _difference(outcome, other, domain, one) for domain in none.predictions for one in metrics
            ]
        cheap = _cheapest(outcomes, outcome, metric)
        if cheap is not None:
            rows.append(_difference(outcome, cheap, "target", metric))
    return _adjusted(rows, metric)


def _adjusted(rows: list[Difference], metric: str) -> list[Difference]:
    """Adjust the p-values of the gains, among which the best is looked for, for being several."""
    gains = [
        number
        for number, row in enumerate(rows)
        if (row.against, row.domain, row.metric) == ("none", "target", metric)
    ]
    for number, p in zip(gains, holm([rows[number].estimate.p for number in gains]), strict=True):
        rows[number] = replace(rows[number], p_holm=p)
    return rows


def _difference(outcome: Outcome, other: Outcome, domain: str, metric: str) -> Difference:
    found = difference(metric, outcome.predictions[domain], other.predictions[domain])
    return Difference(outcome.strategy, other.strategy, outcome.budget, domain, metric, found)


def _cheapest(outcomes: Sequence[Outcome], outcome: Outcome, metric: str) -> Outcome | None:
    """Give the best of what trains nothing, at the budget of an outcome that does; None if there is none."""
    if not outcome.budget or outcome.strategy in CHEAP:
        return None
    cheap = [one for one in outcomes if one.strategy in CHEAP and one.budget in (0, outcome.budget)]
    return max(cheap, key=lambda one: _mean(one, metric), default=None)


def _mean(outcome: Outcome, metric: str) -> float:
    value = float(np.mean([score(metric, run) for run in outcome.predictions["target"]]))
    return -math.inf if math.isnan(value) else value


def best_rows(rows: Iterable[Row], metric: str = PRIMARY) -> list[Row]:
    """Give the gains that a recommendation names, a row a budget; where it names none, the largest."""
    gains = [row for row in rows if (row.metric, row.against, row.domain) == (metric, "none", "target")]
    budgets = sorted({row.budget for row in gains})
    at = [_best([row for row in gains if row.budget == budget]) for budget in budgets]
    known = [row for row in gains if not math.isnan(row.estimate.value)]
    return [row for row in at if row is not None] or sorted(known, key=lambda row: -row.estimate.gain)[:1]


def the_best(rows: Iterable[Row], metric: str = PRIMARY) -> Row | None:
    """Give the one gain whose model is meant wherever a study speaks of the best.

    Of those that the recommendation names (`best_rows`) it is the largest, with or without labels; of equals
    that of the fewest labelled films. None where nothing was compared: then it is no adaptation.
    """
    return max(best_rows(rows, metric), key=lambda row: row.estimate.gain, default=None)


def outcome_of(outcomes: Iterable[Outcome], strategy: str = "none", budget: int = 0) -> Outcome:
    """Give what came of a strategy at a budget that was tried; of none named, what came of no adaptation."""
    return next(each for each in outcomes if (each.strategy, each.budget) == (strategy, budget))


def _best(gains: Iterable[Row]) -> Row | None:
    """Give the largest of the gains that were shown to be some; None where there is none."""
    better = [row for row in gains if verdict(row.estimate) == "better"]
    return max(better, key=lambda row: row.estimate.gain, default=None)


def recommend(rows: Iterable[Difference], metric: str = PRIMARY, margin: float = MARGIN) -> str:
    """Say what the differences support, a few sentences a budget, and nothing more.

    Parameters
    ----------
    metric
        Which differences to go by.
    margin
        How much of it may be lost on the old films, 0 or more.
    """
    rows = [row for row in rows if row.metric == metric]
    budgets = sorted({row.budget for row in rows})
    if not budgets:
        return "Nothing was compared: the study holds no strategy but no adaptation."
    return " ".join(
        _recommend_at(
            budget, [row for row in rows if row.budget == budget], NAMES.get(metric, metric), margin
        )
        for budget in budgets
    )


def _recommend_at(budget: int, rows: Sequence[Difference], metric: str, margin: float) -> str:
    gains = [row for row in rows if row.against == "none" and row.domain == "target"]
    best = _best(gains)
    given = f"With {counted(budget, 'labelled film')}" if budget else "Without labels"
    if best is None:
        worse = [row.strategy for row in gains if verdict(row.estimate) == "worse"]
        harm = f" Made worse by {_list(worse)}." if worse else ""
        spreads = [smallest_detectable(row.estimate) for row in gains if row.estimate.se > 0]
        least = f" (it could have shown one of about {100 * max(spreads):.1f} points)" if spreads else ""
        none = "no strategy beat no adaptation: no difference that this test set could show"
        return f"{given}, {none}{least}.{harm}"
    text = f"{given}, {best.strategy} helps: {points(best.estimate)} of {metric} on the new films"
    if best.p_holm >= ALPHA:
        text += f" (but as one of several comparisons it would not stand: p = {best.p_holm:.2f} by Holm)"
    return f"{text}{_against_scratch(best, rows)}{_against_cheap(best, rows)}{_cost(best, rows, margin)}."


def _against_scratch(best: Difference, rows: Sequence[Difference]) -> str:
    if best.strategy == "scratch":
        others = [row for row in rows if row.against == "scratch" and row.domain == "target"]
        if not others:
            return ""
        equal = [row.strategy for row in others if verdict(row.estimate) == "inconclusive"]
        if equal:
            return f", but so little more than {_list(equal)} that this test set cannot tell them apart"
        return ", more than anything made from the base model, which so bought nothing here"
    for row in rows:
        if row.strategy == best.strategy and row.against == "scratch" and row.domain == "target":
            if verdict(row.estimate) == "better":
                return f", {points(row.estimate)} more than training from scratch on the same films"
            if verdict(row.estimate) == "inconclusive":
                return f"; training from scratch could not be told apart ({points(row.estimate)})"
    return ""


def _against_cheap(best: Difference, rows: Sequence[Difference]) -> str:
    """Say whether retraining was worth it: whether it beats what is to be had without."""
    if best.strategy in CHEAP:
        retrained = any(row.against in CHEAP for row in rows)
        return ". Nothing that was retrained did better, so that retraining was not worth it" * retrained
    for row in rows:
        if row.strategy == best.strategy and row.against in CHEAP:
            if verdict(row.estimate) == "better":
                return f". It is worth retraining: {points(row.estimate)} more than {row.against}"
            if verdict(row.estimate) == "worse":
                return (
                    f". Retraining is not worth it: {row.against}, which trains nothing, does better "
                    f"({best.strategy} against it: {points(row.estimate)})"
                )
            return (
                f". Retraining was not shown to be worth it: {row.against}, which trains nothing, "
                f"does as well as far as this test set can tell ({points(row.estimate)})"
            )
    return ""


def _cost(best: Difference, rows: Sequence[Difference], margin: float) -> str:
    for row in rows:
        if row.strategy == best.strategy and row.against == "none" and row.domain == "source":
            lost = f"{points(row.estimate)}, the margin being {100 * margin:.1f}"
            if row.estimate.high < -margin:
                return f". On the old films it loses more than the margin: {lost}"
            if row.estimate.low < -margin:
                return f". On the old films it may lose more than the margin: {lost}"
            return f". On the old films it keeps within the margin: {lost}"
    return ""


def points(given: Interval) -> str:
    """Write a difference in percentage points with its interval: `+6.1 points [2.0, 10.4]`."""
    return f"{100 * given.value:+.1f} points [{100 * given.low:.1f}, {100 * given.high:.1f}]"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
