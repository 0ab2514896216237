"""Paired differences between strategies, tested together."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radapt.evaluation.scores import Outcome
from radapt.metrics.table import compared_metrics, score
from radapt.metrics.table import metric as find_metric
from radapt.stats.bootstrap import DRAWS
from radapt.stats.estimate import Estimate, Verdict, minimum_detectable_difference, verdict
from radapt.stats.inference import difference_in
from radapt.stats.intervals import SAME, widening
from radapt.stats.max_t import UNTESTED, Adjusted, Spread, adjust
from radapt.stats.shared_samples import Floats, SharedSamples

PRIMARY = "balanced-accuracy"  # of a recommendation: predicting every image positive must not look good

ALPHA = 0.05

MARGIN = 0.02  # default non-inferiority margin of the primary metric on the source images

# What retraining has to beat: only statistics, a temperature and a threshold are fitted.
NO_RETRAINING = ("tta", "norm-refresh", "recalibrate", "refresh-recalibrate")


@dataclass(frozen=True, slots=True)
class Difference:
    """The score of one strategy minus that of another on the same images."""

    strategy: str
    against: str
    budget: int
    domain: str
    metric: str
    estimate: Estimate
    adjusted: Adjusted = UNTESTED  # adjusted for all comparisons by this metric on these test images
    seeds: int = 1  # training seeds that it is averaged over

    @property
    def verdict(self) -> Verdict:
        """The verdict that allows for all comparisons; without adjustment, that of its own interval."""
        if math.isnan(self.adjusted.p):
            return verdict(self.estimate)
        if self.adjusted.p >= ALPHA or not self.estimate.gain:
            return "inconclusive"
        return "better" if self.estimate.gain > 0 else "worse"

    @property
    def gain_at_least(self) -> float:
        """The lower end of the simultaneous interval of the gain; may be NaN."""
        return -self.adjusted.high if self.estimate.lower_is_better else self.adjusted.low

    @property
    def detectable(self) -> float:
        """The true difference that would be shown with 80 % power, allowing for all comparisons; or NaN."""
        if not math.isnan(self.adjusted.detectable) or math.isnan(self.estimate.se):
            return self.adjusted.detectable
        return minimum_detectable_difference(self.estimate)

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON, with the verdict and the detectable difference."""
        return {
            "strategy": self.strategy,
            "against": self.against,
            "budget": self.budget,
            "domain": self.domain,
            "metric": self.metric,
            **self.estimate.as_dict(),
            "verdict": self.verdict,
            "p_adjusted": _known(self.adjusted.p),
            "low_simultaneous": _known(self.adjusted.low),
            "high_simultaneous": _known(self.adjusted.high),
            "smallest_detectable": _known(self.detectable),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any], *, seeds: int) -> "Difference":
        """Return what `as_dict` gave; `seeds` is the number of training seeds of the study."""
        p, low, high, detectable = (
            math.nan if row[name] is None else float(row[name])
            for name in ("p_adjusted", "low_simultaneous", "high_simultaneous", "smallest_detectable")
        )
        return cls(
            strategy=row["strategy"],
            against=row["against"],
            budget=int(row["budget"]),
            domain=row["domain"],
            metric=row["metric"],
            estimate=Estimate.from_dict(row),
            adjusted=Adjusted(p, low, high, detectable),
            seeds=seeds,
        )


def differences(
    outcomes: Iterable[Outcome],
    metric: str = PRIMARY,
    *,
    metrics: Sequence[str] | None = None,
    draws: int = DRAWS,
) -> list[Difference]:
    """Compare every strategy with no adaptation, and retrained ones with two more.

    These are training from scratch on as many images and, on the target by `metric` alone, the best strategy
    without retraining at that budget. On the source a difference from no adaptation below 0 is forgetting.
    For one test set and metric all comparisons with no adaptation are tested together, and so are all
    others, see `radapt.stats.max_t`.

    Parameters
    ----------
    metric
        The metric of the recommendation.
    metrics
        By what else they are compared; by default `radapt.metrics.table.compared_metrics`.
    draws
        How many bootstrap samples of patients, 40 or more.
    """
    outcomes = list(outcomes)
    metrics = compared_metrics() if metrics is None else metrics
    none = outcome_of(outcomes)
    rows = []
    for domain in none.predictions:
        for one in dict.fromkeys((*metrics, metric)):
            pairs = list(_pairs(outcomes, metric, cheap=(domain, one) == ("target", metric)))
            shared = SharedSamples(
                one, [run for outcome in outcomes for run in outcome.predictions[domain]], draws=draws
            )
            gains = [pair for pair in pairs if pair[1] is none]
            rows += tested_together(gains, domain, shared)
            rows += tested_together([pair for pair in pairs if pair[1] is not none], domain, shared)
    order = {id(outcome): place for place, outcome in enumerate(outcomes)}
    places = {(one.strategy, one.budget): order[id(one)] for one in outcomes}
    return sorted(rows, key=lambda row: places[row.strategy, row.budget])


def _pairs(outcomes: Sequence[Outcome], metric: str, *, cheap: bool) -> Iterator[tuple[Outcome, Outcome]]:
    """Yield the pairs to compare: a strategy, and the one that it is compared with."""
    none = outcome_of(outcomes)
    scratch = {outcome.budget: outcome for outcome in outcomes if outcome.strategy == "scratch"}
    for outcome in outcomes:
        if outcome.strategy != "none":
            yield outcome, none
        if outcome.strategy not in ("none", "scratch") and outcome.budget in scratch:
            yield outcome, scratch[outcome.budget]
        other = _cheapest(outcomes, outcome, metric) if cheap else None
        if other is not None:
            yield outcome, other


def tested_together(
    pairs: Sequence[tuple[Outcome, Outcome]], domain: str, shared: SharedSamples
) -> list[Difference]:
    """Estimate the differences of pairs, the first minus the second, and adjust them for all of these."""
    if not pairs:
        return []
    estimates = [
        difference_in(shared, one.predictions[domain], other.predictions[domain]) for one, other in pairs
    ]
    adjusted = adjust(
        np.array([estimate.value for estimate in estimates]),
        _spread(pairs, domain, shared, estimates),
        np.random.default_rng([shared.seed, 2]),
    )
    return [
        Difference(
            one.strategy,
            other.strategy,
            one.budget,
            domain,
            shared.metric,
            estimate,
            together,
            len(one.predictions[domain]),
        )
        for (one, other), estimate, together in zip(
            pairs, estimates, map(no_surer_than_alone, adjusted, estimates), strict=True
        )
    ]


def no_surer_than_alone(together: Adjusted, alone: Estimate) -> Adjusted:
    """Make an adjusted comparison no more significant than the comparison alone.

    The step-down test shows more than intervals that are all equally wide in standard errors; the end of an
    interval that goes with it is 0 (Strassburger & Bretz 2008, Stat. Med. 27:4914).
    """
    if math.isnan(together.p) or math.isnan(alone.p):
        return together
    p = max(together.p, alone.p)
    low, high = min(together.low, alone.low), max(together.high, alone.high)
    if p < ALPHA:
        low, high = (max(low, 0.0), high) if alone.value > 0 else (low, min(high, 0.0))
    reach = max(alone.value - alone.low, alone.high - alone.value)
    return Adjusted(p, low, high, max(together.detectable, reach))


def _spread(
    pairs: Sequence[tuple[Outcome, Outcome]],
    domain: str,
    shared: SharedSamples,
    estimates: Sequence[Estimate],
) -> Spread:
    """Return how differences vary with the test set, by bootstrap, and with the training seeds."""
    runs = [(one.predictions[domain], other.predictions[domain]) for one, other in pairs]
    samples = np.stack([shared.samples(a).mean(axis=0) - shared.samples(b).mean(axis=0) for a, b in runs])
    samples = samples[:, ~np.isnan(samples).any(axis=0)]
    test_set = samples.std(axis=1, ddof=1) if samples.shape[1] > 1 else np.full(len(pairs), np.nan)
    known = np.array([estimate.se for estimate in estimates])
    test_set = np.where(test_set < SAME, known, test_set)
    seeds = [_deviation(shared.scores(a), shared.scores(b)) for a, b in runs]
    return Spread(
        samples,
        test_set,
        np.array(seeds),
        min(min(len(a), len(b)) for a, b in runs),
        np.full(len(pairs), widening(shared.size.effective_n)),
        np.array([one.budget for one, _ in pairs]),
    )


def _deviation(scores: Floats, others: Floats) -> float:
    """Return the standard deviation of a difference between seeds; paired where both have as many."""
    if min(len(scores), len(others)) < 2:
        return 0.0
    if len(scores) == len(others):
        return float((scores - others).std(ddof=1))
    return math.hypot(float(scores.std(ddof=1)), float(others.std(ddof=1)))


def _cheapest(outcomes: Sequence[Outcome], outcome: Outcome, metric: str) -> Outcome | None:
    """Return the best strategy without training at the budget of a retrained one; None if there is none."""
    if not outcome.budget or outcome.strategy in NO_RETRAINING:
        return None
    cheap = [one for one in outcomes if one.strategy in NO_RETRAINING and one.budget in (0, outcome.budget)]
    return max(cheap, key=lambda one: _goodness(one, metric), default=None)


def _goodness(outcome: Outcome, metric: str) -> float:
    value = float(np.mean([score(metric, run) for run in outcome.predictions["target"]]))
    if math.isnan(value):
        return -math.inf
    return find_metric(metric).gain(value)


def best_per_budget(rows: Iterable[Difference], metric: str = PRIMARY) -> list[Difference]:
    """Return the gains that a recommendation names, one for each budget; if it names none, the largest."""
    gains = [row for row in rows if (row.metric, row.against, row.domain) == (metric, "none", "target")]
    budgets = sorted({row.budget for row in gains})
    at = [best_shown([row for row in gains if row.budget == budget]) for budget in budgets]
    known = [row for row in gains if not math.isnan(row.estimate.value)]
    return [row for row in at if row is not None] or sorted(known, key=lambda row: -row.estimate.gain)[:1]


def best_model(rows: Iterable[Difference], metric: str = PRIMARY) -> Difference | None:
    """Return the gain of the model that a study calls the best.

    Among those that the recommendation names (`best_per_budget`) it is the largest, with or without labels;
    of equal gains that with the fewest labelled images. None if nothing was compared: then no adaptation is
    the best.
    """
    return max(best_per_budget(rows, metric), key=lambda row: row.estimate.gain, default=None)


def outcome_of(outcomes: Iterable[Outcome], strategy: str = "none", budget: int = 0) -> Outcome:
    """Return the outcome of a strategy at a budget; by default that of no adaptation."""
    return next(each for each in outcomes if (each.strategy, each.budget) == (strategy, budget))


def best_shown(gains: Iterable[Difference]) -> Difference | None:
    """Return the largest gain with the verdict "better"; None if there is none."""
    better = [row for row in gains if row.verdict == "better"]
    return max(better, key=lambda row: row.estimate.gain, default=None)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
