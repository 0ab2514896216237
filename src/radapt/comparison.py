"""What a study found: scores, their paired differences, and a sentence that follows from them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.metrics import metrics_for
from radapt.predictions import Predictions
from radapt.uncertainty import Estimate, difference, estimate, smallest_detectable, verdict

DOMAINS = ("target", "source")
PRIMARY = "accuracy"  # the metric that the recommendation follows
COMPARED = ("accuracy", "auroc")


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


def differences(outcomes: Iterable[Outcome]) -> list[Difference]:
    """Hold every outcome against no adaptation, and against training from scratch on as many films.

    On the source the difference from no adaptation is what was forgotten (below 0) or gained.
    """
    outcomes = list(outcomes)
    none = next(outcome for outcome in outcomes if outcome.strategy == "none")
    scratch = {outcome.budget: outcome for outcome in outcomes if outcome.strategy == "scratch"}
    rows = []
    for outcome in outcomes:
        others = [none] if outcome.strategy != "none" else []
        if outcome.strategy not in ("none", "scratch") and outcome.budget in scratch:
            others.append(scratch[outcome.budget])
        rows += [
            Difference(
                outcome.strategy,
                other.strategy,
                outcome.budget,
                domain,
                metric,
                difference(metric, outcome.predictions[domain], other.predictions[domain]),
            )
            for other in others
            for domain in DOMAINS
            for metric in COMPARED
        ]
    return rows


def recommend(rows: Iterable[Difference]) -> str:
    """Say what the differences support, one sentence or two a budget, and nothing more."""
    rows = [row for row in rows if row.metric == PRIMARY]
    budgets = sorted({row.budget for row in rows})
    if not budgets:
        return "Nothing was compared: the study holds no strategy but no adaptation."
    return " ".join(
        _recommend_at(budget, [row for row in rows if row.budget == budget]) for budget in budgets
    )


def _recommend_at(budget: int, rows: Sequence[Difference]) -> str:
    gains = [row for row in rows if row.against == "none" and row.domain == "target"]
    better = [row for row in gains if verdict(row.estimate) == "better"]
    given = f"With {budget:,} labelled films" if budget else "Without labels"
    if not better:
        worse = [row.strategy for row in gains if verdict(row.estimate) == "worse"]
        harm = f" Made worse by {_list(worse)}." if worse else ""
        spreads = [smallest_detectable(row.estimate) for row in gains if row.estimate.se > 0]
        least = f" (it could have shown one of about {100 * max(spreads):.1f} points)" if spreads else ""
        none = "no strategy beat no adaptation: no difference that this test set could show"
        return f"{given}, {none}{least}.{harm}"
    best = max(better, key=lambda row: row.estimate.gain)
    text = f"{given}, {best.strategy} helps: {points(best.estimate)} of accuracy on the new films"
    return f"{text}{_against_scratch(best, rows)}{_cost(best, rows)}."


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


def _cost(best: Difference, rows: Sequence[Difference]) -> str:
    for row in rows:
        if row.strategy == best.strategy and row.against == "none" and row.domain == "source":
            found = verdict(row.estimate)
            if found == "worse":
                return f". On the old films it loses accuracy: {points(row.estimate)}"
            if found == "better":
                return f". On the old films it gains too: {points(row.estimate)}"
            return f". On the old films no change could be shown: {points(row.estimate)}"
    return ""


def points(given: Estimate) -> str:
    """Write a difference in percentage points with its interval: `+6.1 points [2.0, 10.4]`."""
    return f"{100 * given.value:+.1f} points [{100 * given.low:.1f}, {100 * given.high:.1f}]"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
