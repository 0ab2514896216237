"""What the comparisons of a study support at each budget, as objects and as sentences."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from radapt.metrics.table import metric as find_metric
from radapt.study.comparison import MARGIN, NO_RETRAINING, PRIMARY, Difference, best_shown
from radapt.text import counted

ENOUGH_SEEDS = 5  # training seeds for a claim about a strategy; with fewer, about the trained models only
TESTED = "this test set"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the comparisons at one number of labelled images show, allowing for all of them."""

    budget: int  # labelled target images; 0 for none
    metric: str
    shown: bool  # whether any gain is significant, allowing for all comparisons
    best: (
        Difference | None
    )  # the largest significant gain, else the largest measured; None if none is defined
    worse: tuple[str, ...]  # strategies shown to do worse than no adaptation
    against_scratch: Difference | None  # the best against training from scratch on as many images
    against_cheap: Difference | None  # the best against the best strategy without training
    equal_to_scratch: tuple[str, ...]  # strategies that could not be distinguished from scratch
    scratch_compared: bool  # whether anything was compared with training from scratch at this budget
    retraining_compared: bool  # whether anything was retrained at this budget
    forgetting: Literal["within", "open", "beyond", "unknown"]  # at the source, against the margin
    source: Difference | None  # the best against no adaptation, on the source
    margin: float
    detectable: float  # the gain that would have been shown with 80 % power; NaN if unknown

    @property
    def claim(self) -> Literal["helps", "scored higher", "not shown"]:
        """What may be claimed: of the strategy, of the trained models only, or nothing."""
        if not self.shown or self.best is None:
            return "not shown"
        return "helps" if self.best.seeds >= ENOUGH_SEEDS else "scored higher"

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        rows = {
            name: None if row is None else row.as_dict()
            for name, row in (
                ("best", self.best),
                ("against_scratch", self.against_scratch),
                ("against_cheap", self.against_cheap),
                ("source", self.source),
            )
        }
        least = math.nan if self.best is None else self.best.gain_at_least
        return {
            **{name: value for name, value in asdict(self).items() if name not in rows},
            **rows,
            "claim": self.claim,
            "gain_at_least": None if math.isnan(least) else least,
            "detectable": None if math.isnan(self.detectable) else self.detectable,
        }


def decide(rows: Iterable[Difference], metric: str = PRIMARY, margin: float = MARGIN) -> list[Decision]:
    """Decide at each budget what the differences support.

    Parameters
    ----------
    metric
        The metric of the differences that are used.
    margin
        The largest loss of it on the source that is acceptable, 0 or more.
    """
    rows = [row for row in rows if row.metric == metric]
    budgets = sorted({row.budget for row in rows})
    return [_decide_at(budget, [row for row in rows if row.budget == budget], margin) for budget in budgets]


def _decide_at(budget: int, rows: Sequence[Difference], margin: float) -> Decision:
    target = [row for row in rows if row.domain == "target"]
    gains = [row for row in target if row.against == "none"]
    shown = best_shown(gains)
    known = [row for row in gains if not math.isnan(row.estimate.value)]
    best = shown or max(known, key=lambda row: row.estimate.gain, default=None)
    of_best = [] if best is None else [row for row in target if row.strategy == best.strategy]
    source = next(
        (
            row
            for row in rows
            if best is not None
            and (row.strategy, row.against, row.domain) == (best.strategy, "none", "source")
        ),
        None,
    )
    from_scratch = [row for row in target if row.against == "scratch"]
    reach = [row.detectable for row in gains if row.detectable > 0]
    return Decision(
        budget=budget,
        metric=rows[0].metric,
        shown=shown is not None,
        best=best,
        worse=tuple(row.strategy for row in gains if row.verdict == "worse"),
        against_scratch=next((row for row in of_best if row.against == "scratch"), None),
        against_cheap=next((row for row in of_best if row.against in NO_RETRAINING), None),
        equal_to_scratch=tuple(row.strategy for row in from_scratch if row.verdict == "inconclusive"),
        scratch_compared=bool(from_scratch),
        retraining_compared=any(row.against in NO_RETRAINING for row in target),
        forgetting=_forgetting(source, margin),
        source=source,
        margin=margin,
        detectable=max(reach, default=math.nan),
    )


def _forgetting(source: Difference | None, margin: float) -> Literal["within", "open", "beyond", "unknown"]:
    if source is None or math.isnan(source.estimate.value):
        return "unknown"
    low, high = source.estimate.gain_ends
    if high < -margin:
        return "beyond"
    return "open" if low < -margin else "within"


def recommend(
    rows: Iterable[Difference], metric: str = PRIMARY, margin: float = MARGIN, tested: str = TESTED
) -> str:
    """Return what the differences support by `decide`, in a few sentences per budget.

    `tested` names the scored images in these sentences.
    """
    decisions = decide(rows, metric, margin)
    if not decisions:
        return "Nothing was compared: the study has no strategy other than no adaptation."
    return " ".join(in_sentences(decision, tested) for decision in decisions)


def in_sentences(decision: Decision, tested: str = TESTED) -> str:
    """Return a decision in sentences."""
    budget = decision.budget
    labels = f"With {counted(budget, 'labelled image')}" if budget else "Without labels"
    if decision.claim == "not shown" or decision.best is None:
        return f"{labels}, {_not_shown(decision, tested)}"
    best, metric = decision.best, find_metric(decision.metric).words
    lower = best.estimate.lower_is_better
    less = ", of which lower is better," if lower else ""
    gain = f"{best.estimate.points} of {metric}{less} on the target images"
    least = best.gain_at_least
    if not math.isnan(least):
        gain += f" (at least {100 * least:.1f}, allowing for all comparisons)"
    if decision.claim == "helps":
        text = f"{labels}, {best.strategy} helps: {gain}"
    else:
        text = (
            f"{labels}, {best.strategy} scored {'better' if lower else 'higher'} than no adaptation "
            f"{_in_these_runs(best)}: {gain}"
        )
    parts = (
        _against_scratch(decision, best, tested),
        _against_cheap(decision, best, tested),
        _cost(decision),
    )
    return f"{text}{''.join(parts)}.{_of_these_models(decision, best)}"


def _in_these_runs(best: Difference) -> str:
    return "in this training run" if best.seeds == 1 else f"in these {best.seeds} training runs"


def _of_these_models(decision: Decision, best: Difference) -> str:
    if decision.claim == "helps":
        return ""
    return (
        f" To show that this holds with other training seeds takes {ENOUGH_SEEDS} seeds; "
        f"this study has {best.seeds}."
    )


def _not_shown(decision: Decision, tested: str) -> str:
    best, gain = decision.best, decision.detectable
    power = (
        f"; on {tested} a gain of about {100 * gain:.1f} points would have been shown four times out of five"
    )
    if not gain < 1:  # nor where it is not known
        power = (
            ""
            if math.isnan(gain)
            else f"; no gain of any size could be shown on {tested}: there are too few images"
        )
    if best is None or best.estimate.gain <= 0:
        text = f"nothing was shown to help: nothing scored higher than no adaptation{power}."
    else:
        text = (
            f"nothing was shown to help: the largest measured gain, {best.estimate.points} of "
            f"{find_metric(decision.metric).words} by {best.strategy}, may be chance{power}."
        )
    return f"{text} Worse than no adaptation: {_list(decision.worse)}." if decision.worse else text


def _against_scratch(decision: Decision, best: Difference, tested: str) -> str:
    if best.strategy == "scratch":
        if decision.equal_to_scratch:
            equal = _list(decision.equal_to_scratch)
            return f", but no significant difference from {equal} was found on {tested}"
        return _base_bought_nothing(decision)
    other = decision.against_scratch
    if other is None:
        return ""
    if other.verdict == "better":
        return f", {other.estimate.points} more than training from scratch on the same images"
    if other.verdict == "inconclusive":
        words = "no significant difference from training from scratch was found, allowing for all comparisons"
        return f"; {words} ({other.estimate.points})"
    return ""


def _base_bought_nothing(decision: Decision) -> str:
    if not decision.scratch_compared:
        return ""
    return ", more than any strategy that starts from the base model, which was of no use here"


def _against_cheap(decision: Decision, best: Difference, tested: str) -> str:
    """Return whether retraining was worth it: whether it does better than the best strategy without it."""
    if best.strategy in NO_RETRAINING:
        retrained = decision.retraining_compared
        return ". No retrained model did better, so retraining was not worth it" * retrained
    other = decision.against_cheap
    if other is None:
        return ""
    if best.estimate.gain < other.estimate.gain:  # no adaptation is the better of the two, and is exceeded
        return (
            f". It is worth retraining: {best.estimate.points} more than no adaptation, which was better "
            f"than {other.against}, the best without training"
        )
    if other.verdict == "better":
        return f". It is worth retraining: {other.estimate.points} more than {other.against}"
    if other.verdict == "worse":
        return (
            f". Retraining is not worth it: {other.against}, which trains nothing, does better "
            f"({best.strategy} against it: {other.estimate.points})"
        )
    return (
        f". Retraining was not shown to be worth it: no significant difference from {other.against}, which "
        f"trains nothing, was found on {tested} ({other.estimate.points})"
    )


def _cost(decision: Decision) -> str:
    if decision.source is None or decision.forgetting == "unknown":
        return ""
    lost = f"{decision.source.estimate.points}, the margin being {100 * decision.margin:.1f}"
    words = {
        "beyond": "it loses more than the margin",
        "open": "it may lose more than the margin",
        "within": "it keeps within the margin",
    }
    return f". On the source images {words[decision.forgetting]}: {lost}"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
