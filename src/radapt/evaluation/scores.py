"""Scores of predictions by every metric that is shown, as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.metrics.table import metrics_for
from radapt.predictions import Predictions
from radapt.stats.estimate import Estimate
from radapt.stats.inference import estimate


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One strategy at one budget: its predictions on both test sets, one of each a training seed."""

    strategy: str
    budget: int  # labelled target images that were used; 0 for none
    predictions: Mapping[str, Sequence[Predictions]]  # by domain, "target" and "source"


@dataclass(frozen=True, slots=True)
class Score:
    """One strategy by one metric on one test set."""

    strategy: str
    budget: int  # labelled target images; 0 for none
    domain: str  # "target" or "source"
    metric: str
    estimate: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON, with the fields of the estimate among the others."""
        names = ("strategy", "budget", "domain", "metric")
        return {**{name: getattr(self, name) for name in names}, **self.estimate.as_dict()}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Score":
        """Return what `as_dict` gave, from a row that may hold more than that."""
        return cls(row["strategy"], int(row["budget"]), row["domain"], row["metric"], Estimate.from_dict(row))


def estimate_rows(outcome: Outcome, extra: str | None = None) -> list[dict[str, Any]]:
    """Score an outcome on both domains by every metric that is shown, and by the one asked for; for JSON."""
    return [
        Score(outcome.strategy, outcome.budget, domain, metric, estimate(metric, runs)).as_dict()
        for domain, runs in outcome.predictions.items()
        for metric in dict.fromkeys((*metrics_for(runs[0]), *([extra] if extra else [])))
    ]


def score_rows(predictions: Mapping[str, Predictions], *, strategy: str, images: int) -> list[dict[str, Any]]:
    """Score predictions by every metric; the keys begin with the domain, as in "target-test"."""
    return [
        Score(strategy, images, name.partition("-")[0], metric, estimate(metric, [scored])).as_dict()
        for name, scored in predictions.items()
        for metric in metrics_for(scored)
    ]
