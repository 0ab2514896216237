"""The short answers of a study: what is lost at the target, what to do about it, and what that costs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from radapt.evaluation.scores import Score
from radapt.metrics.table import metric as find_metric
from radapt.stats.estimate import Estimate
from radapt.study.comparison import MARGIN, PRIMARY, Difference, best_model
from radapt.study.decision import ENOUGH_SEEDS, Decision, decide
from radapt.text import counted, joined

CHANCE = {"auroc": 0.5}  # the score of a model that ranks images at random


@dataclass(frozen=True, slots=True)
class Questions:
    """A study as its answers need it."""

    source: str  # the name of the data set
    target: str
    scores: Sequence[Score]
    differences: Sequence[Difference]
    classes: int  # that exclude one another; 2 where each finding is present or absent
    test_images: int  # of the target
    metric: str = PRIMARY
    margin: float = MARGIN

    def base(self, domain: str) -> Estimate | None:
        """Return the score of the base model at the "source" or the "target"; None where it has none."""
        for row in self.scores:
            if (row.strategy, row.domain, row.metric) == ("none", domain, self.metric):
                return None if math.isnan(row.estimate.value) else row.estimate
        return None

    @property
    def best(self) -> Decision | None:
        """The decision at the budget of the largest gain that was shown; None where none was."""
        shown = best_model(self.differences, self.metric)
        for each in decide(self.differences, self.metric, self.margin):
            if shown is not None and each.shown and each.best == shown:
                return each
        return None

    @property
    def by_chance(self) -> bool:
        """Whether the base model is not shown to be better than chance at the target."""
        chance = {**CHANCE, "balanced-accuracy": 1 / self.classes}.get(self.metric)
        target = self.base("target")
        return chance is not None and target is not None and target.low <= chance


@dataclass(frozen=True, slots=True)
class Answers:
    """Short sentences; each is "" where the study has no answer."""

    headline: str
    lost: str
    action: str
    cost: str


def answer(study: Questions) -> Answers:
    """Answer what is lost at the target, what to do, and what that costs at the source."""
    return Answers(_headline(study), _lost(study), _action(study), _cost(study))


def score_words(metric: str, estimate: Estimate) -> str:
    """Write a score with its interval: `72.3 % [60.1, 80.0]`, or `0.912 [0.884, 0.936]` as of an area."""
    if math.isnan(estimate.value):
        return "not defined"
    if not find_metric(metric).unit:
        return str(estimate)
    low, value, high = (f"{100 * each:.1f}" for each in (estimate.low, estimate.value, estimate.high))
    return f"{value} % [{low}, {high}]"


def model_words(strategy: str, budget: int) -> str:
    """Name an adapted model: `head with 64 labelled images`, `recalibrate without labels`."""
    return f"{strategy} with {counted(budget, 'labelled image')}" if budget else f"{strategy} without labels"


def budget_lines(decisions: Iterable[Decision]) -> list[str]:
    """Return a line for each number of labelled images: `64 labels: head helps, +6.1 points [2.0, 10.4]`."""
    return [f"{_labels(each.budget)}: {_in_short(each)}" for each in decisions]


def _labels(budget: int) -> str:
    return counted(budget, "label") if budget else "no labels"


def _in_short(decision: Decision) -> str:
    best = decision.best
    if decision.claim == "not shown" or best is None:
        worse = f"; shown to do harm: {joined(decision.worse)}" if decision.worse else ""
        if best is None or best.estimate.gain <= 0:
            return f"nothing scored {_better(best)} than no adaptation{worse}"
        return f"nothing was shown to help; largest gain {best.strategy}, {best.estimate.points}{worse}"
    words = "helps" if decision.claim == "helps" else f"scored {_better(best)} in {_runs(best)}"
    cost = {
        "beyond": "; loses more than the margin at the source",
        "open": "; may lose more than the margin at the source",
    }
    return f"{best.strategy} {words}, {best.estimate.points}{cost.get(decision.forgetting, '')}"


def _better(row: Difference | None) -> str:
    return "lower (better)" if row is not None and row.estimate.lower_is_better else "higher"


def _runs(row: Difference) -> str:
    return "this training run" if row.seeds == 1 else f"these {row.seeds} training runs"


def _headline(study: Questions) -> str:
    return " ".join(filter(None, [_state(study), _short_action(study)]))


def _state(study: Questions) -> str:
    source, target, words = study.base("source"), study.base("target"), find_metric(study.metric).words
    if target is None:
        return ""
    reached = score_words(study.metric, target)
    if study.by_chance:
        return f"The base model is not shown to be better than chance on {study.target} ({words} {reached})."
    if source is None:
        return f"On {study.target} the base model has {_article(words)} {words} of {reached}."
    return (
        f"The base model has {_article(words)} {words} of {score_words(study.metric, source)} on "
        f"{study.source} and of {reached} on {study.target}."
    )


def _article(words: str) -> str:
    return "an" if words[0] in "aeiouAEIOU" else "a"


def _short_action(study: Questions) -> str:
    decision = study.best
    if decision is None or decision.best is None:
        tried = any(row.strategy != "none" for row in study.scores)
        return "Nothing that was tried was shown to help." if tried else ""
    best = decision.best
    verb = "helps" if decision.claim == "helps" else f"scored {_better(best)} in {_runs(best)}"
    return f"{_upper(model_words(best.strategy, best.budget))} {verb}: {best.estimate.points}."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lost(study: Questions) -> str:
    source, target, words = study.base("source"), study.base("target"), find_metric(study.metric).words
    if source is None or target is None:
        return f"The base model has no {words} on both sides."
    drop = (source.value - target.value) * (-1 if find_metric(study.metric).lower_is_better else 1)
    text = (
        f"{_upper(words)} of the base model: {score_words(study.metric, source)} on {study.source}, "
        f"{score_words(study.metric, target)} on {study.target}."
    )
    if study.by_chance:
        return f"{text} That is not shown to be better than chance."
    apart = target.high < source.low or source.high < target.low
    if not apart:
        return f"{text} The intervals overlap: little or nothing may be lost."
    return text if drop > 0 else f"{text} Nothing is lost."


def _action(study: Questions) -> str:
    decisions = decide(study.differences, study.metric, study.margin)
    decision = study.best
    if not decisions:
        return "Nothing but no adaptation was tried."
    if decision is None or decision.best is None:
        reach = [each.detectable for each in decisions if 0 < each.detectable < 1]
        images = counted(study.test_images, "target test image")
        power = (
            f" {images} could only show gains of about {100 * min(reach):.1f} points or more."
            if reach
            else ""
        )
        return f"Nothing that was tried was shown to help.{power}"
    best = decision.best
    text = f"Take {model_words(best.strategy, best.budget)}: {best.estimate.points} on {study.target}."
    fewer = [each for each in decisions if each.shown and 0 < each.budget < best.budget]
    if fewer and fewer[0].best is not None:
        first = fewer[0].best
        labels = counted(first.budget, "label")
        text += f" {labels} already show a gain: {first.strategy}, {first.estimate.points}."
    if decision.claim != "helps":
        text += f" That is of {_runs(best)}; it takes {ENOUGH_SEEDS} seeds to claim it of the strategy."
    return text


def _cost(study: Questions) -> str:
    decision = study.best
    if decision is None:
        return f"Nothing is recommended, so nothing changes on {study.source}."
    source, margin = decision.source, 100 * decision.margin
    if source is None or decision.forgetting == "unknown":
        return f"The change on {study.source} is not known."
    if not source.estimate.value and source.estimate.low == source.estimate.high:
        return f"Nothing changes on {study.source}."
    words = {
        "beyond": f"it loses more than the margin of {margin:.1f} points: keep the base model there",
        "open": f"it may lose more than the margin of {margin:.1f} points",
        "within": f"it loses less than the margin of {margin:.1f} points",
    }
    return f"On {study.source} {words[decision.forgetting]} ({source.estimate.points})."


def domain_names(source: str, target: str | None, shift: str | None) -> Mapping[str, str]:
    """Name the images of both sides by their data sets: `chest_xray`, `chest_xray under original`."""
    if target is None:
        return {"source": source, "target": f"{source} under {shift}"}
    if source == target:
        return {"source": f"{source} (source)", "target": f"{target} (target)"}
    return {"source": source, "target": target}
