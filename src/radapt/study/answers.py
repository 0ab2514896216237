"""The short answers of a study: what is lost at the target, what to do about it, and what that costs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from radapt.evaluation.scores import Score
from radapt.metrics.table import metric as find_metric
from radapt.stats.estimate import Estimate
from radapt.study.comparison import MARGIN, PRIMARY, Difference, best_model
from radapt.study.decision import ENOUGH_SEEDS, Decision, decide
from radapt.text import counted, joined

NOTHING_HELPS = "Nothing that was tried was shown to help, allowing for all comparisons."
CHANCE = {"auroc": 0.5}  # the score of a model that ranks images at random
MOST_TIMES = 5  # as many test images as there are; more are not asked for


@dataclass(frozen=True, slots=True)
class Questions:
    """A study as its answers need it."""

    source: str  # the name of the data set
    target: str
    scores: Sequence[Score]
    differences: Sequence[Difference]
    classes: int  # that exclude one another; 2 where each finding is present or absent
    test_images: int  # of the target
    loss: Estimate | None = None  # the base model's score at the target less that at the source
    metric: str = PRIMARY
    margin: float = MARGIN
    quick: bool = False  # whether it is a first look
    budgets: Mapping[int, str] = field(default_factory=dict)  # what numbers of labels are called: `all (499)`

    def base(self, domain: str) -> Estimate | None:
        """Return the score of the base model at the "source" or the "target"; None where it has none."""
        for row in self.scores:
            if (row.strategy, row.domain, row.metric) == ("none", domain, self.metric):
                return row.estimate if _is_known(row.estimate) else None
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


def _is_known(estimate: Estimate) -> bool:
    return not any(map(math.isnan, (estimate.value, estimate.low, estimate.high)))


@dataclass(frozen=True, slots=True)
class Answers:
    """Short sentences; each is "" where the study has no answer."""

    headline: str
    lost: str
    action: str
    cost: str
    next: str  # what to do now, in the imperative


def answer(study: Questions) -> Answers:
    """Answer what is lost at the target, what to do, and what that costs at the source."""
    return Answers(_headline(study), _lost(study), _action(study), _cost(study), _next(study))


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


def budget_lines(decisions: Iterable[Decision], names: Mapping[int, str]) -> list[str]:
    """Return a line for each number of labelled images.

    It reads `all (499) labels: head helps, +6.1 points [2.0, 10.4] of balanced accuracy`; `names` has what
    numbers are called.
    """
    return [f"{_labels(each.budget, names)}: {_in_short(each)}" for each in decisions]


def _labels(budget: int, names: Mapping[int, str]) -> str:
    if not budget:
        return "no labels"
    return f"{names[budget]} labels" if budget in names else counted(budget, "label")


def _in_short(decision: Decision) -> str:
    best = decision.best
    if decision.claim == "not shown" or best is None:
        worse = f"; shown to do harm: {joined(decision.worse)}" if decision.worse else ""
        if best is None or best.estimate.gain <= 0:
            return f"nothing scored {_better(best)} than no adaptation{worse}"
        return f"nothing was shown to help; largest gain {best.strategy}, {_of(best)}{worse}"
    words = "helps" if decision.claim == "helps" else f"scored {_better(best)} in {_runs(best)}"
    text = f"{best.strategy} {words}, {_of(best)}{_not_above_cheap(decision)}"
    cost = {"beyond": "loses more", "open": "may lose more"}.get(decision.forgetting)
    return f"{text}; {cost} than the margin at the source" if cost else text


def _points(change: Estimate) -> str:
    """Write a difference, and say where lower is better."""
    return f"{change.points}, lower is better" if change.lower_is_better else change.points


def _of(row: Difference) -> str:
    """Write a difference, and by which metric it is."""
    lower = ", lower is better" if row.estimate.lower_is_better else ""
    return f"{row.estimate.points} of {find_metric(row.metric).words}{lower}"


def _not_above_cheap(decision: Decision) -> str:
    """Say that retraining was not shown to do better than what trains nothing; "" where it was."""
    cheap = decision.against_cheap
    if cheap is None or cheap.verdict == "better":
        return ""
    return f", not shown to be better than {cheap.against}, which trains nothing"


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
        home = "" if source is None else f"has {score_words(study.metric, source)} on {study.source} and "
        of = f"{words} {reached}" if source is None else f"{reached} of {words}"
        return f"The base model {home}is not shown to be better than chance on {study.target} ({of})."
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
        return NOTHING_HELPS if tried else ""
    best = decision.best
    verb = "helps" if decision.claim == "helps" else f"scored {_better(best)} in {_runs(best)}"
    name = _upper(model_words(best.strategy, best.budget))
    return f"{name} {verb}: {_points(best.estimate)}{_not_above_cheap(decision)}."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lost(study: Questions) -> str:
    source, target, words = study.base("source"), study.base("target"), find_metric(study.metric).words
    if source is None or target is None:
        return f"The base model has no {words} on both sides."
    text = (
        f"{_upper(words)} of the base model: {score_words(study.metric, source)} on {study.source}, "
        f"{score_words(study.metric, target)} on {study.target}."
    )
    chance = f" The score on {study.target} is not shown to be better than chance." if study.by_chance else ""
    return f"{text}{_verdict_on_loss(study.loss)}{chance}"


def _verdict_on_loss(loss: Estimate | None) -> str:
    """Say whether the base model was shown to be worse at the target, by the interval of the difference."""
    if loss is None or not _is_known(loss):
        return ""
    low, high = loss.gain_ends
    if high < 0:
        return f" The loss is shown: {_points(loss)}."
    if low > 0:
        return f" Nothing is lost: {_points(loss)}."
    return f" A loss is neither shown nor ruled out: {_points(loss)}."


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
        return f"{NOTHING_HELPS}{power}"
    best = decision.best
    text = f"{_upper(model_words(best.strategy, best.budget))}: {_of(best)} on {study.target}"
    text += f"{_not_above_cheap(decision)}."
    first = _with_fewer_labels(decisions, best)
    if first is not None:
        labels = f"With {counted(first.budget, 'label')}" if first.budget else "Without labels"
        text += f" {labels}, a gain is shown already: {first.strategy}, {_points(first.estimate)}."
    return text


def _with_fewer_labels(decisions: Sequence[Decision], best: Difference) -> Difference | None:
    """Return the gain that was shown with the fewest labels, if those are fewer than the best model's."""
    shown = [each.best for each in decisions if each.shown and each.budget < best.budget]
    return shown[0] if shown else None


def _next(study: Questions) -> str:
    """Say what to do now: use the best model, train it more often, or test on more images."""
    decision = study.best
    if decision is not None and decision.best is not None:
        return _use_of(study, decision, decision.best)
    rows = [each for each in decide(study.differences, study.metric, study.margin) if each.best is not None]
    gains = [each for each in rows if each.best and each.best.estimate.gain > 0 and 0 < each.detectable < 1]
    if not gains:
        return "Keep the base model, or try other strategies; `radapt strategies` lists them." if rows else ""
    hoped = min(gains, key=lambda each: each.detectable / (each.best.estimate.gain if each.best else 1))
    gain = hoped.best.estimate.gain if hoped.best else 0.0
    more = _more_images(study.test_images, hoped.detectable, gain)
    if more > MOST_TIMES * study.test_images:
        return (
            f"Keep the base model: to show the largest gain that was measured, {100 * gain:.1f} points, "
            f"takes more than {MOST_TIMES} times as many test images."
        )
    return (
        f"Label {more:,} more test images of {study.target}, then run it again with --seeds {ENOUGH_SEEDS}: "
        f"so many can show the largest gain that was measured, {100 * gain:.1f} points."
    )


def _use_of(study: Questions, decision: Decision, best: Difference) -> str:
    """Say what to do with the best model, and with how many labels its gain begins to be shown."""
    first = _with_fewer_labels(decide(study.differences, study.metric, study.margin), best)
    labels = f"with {counted(first.budget, 'label')}" if first and first.budget else "without labels"
    fewer = f" ({first.strategy} gains {labels} already)" if first else ""
    name = f"{model_words(best.strategy, best.budget)}{fewer}"
    if decision.claim == "helps":
        keep = "" if decision.forgetting == "within" else f", and keep the base model on {study.source}"
        return f"Use {name} on {study.target}{keep}."
    runs = "one training run" if best.seeds == 1 else f"{best.seeds} training runs"
    whole = "without --quick, " if study.quick else ""
    return (
        f"Take {name} as the candidate, and run the study again {whole}with --seeds {ENOUGH_SEEDS} and "
        f"another --out: {runs} cannot show that {best.strategy} helps."
    )


def _more_images(images: int, detectable: float, gain: float) -> int:
    """Return how many more test images show a gain: intervals narrow with the root of their number.

    Rounded up to two digits, and at least a tenth of those that there are.
    """
    more = max(images * ((detectable / gain) ** 2 - 1), images / 10)
    step = int(10 ** max(0, len(str(math.ceil(more))) - 2))
    return math.ceil(more / step) * step


def _cost(study: Questions) -> str:
    decision = study.best
    if decision is None:
        return f"Nothing is recommended, so nothing changes on {study.source}.{_harm(study)}"
    source, margin = decision.source, 100 * decision.margin
    if source is None or decision.forgetting == "unknown":
        return f"The change on {study.source} is not known."
    if not source.estimate.value and source.estimate.low == source.estimate.high:
        return f"Nothing changes on {study.source}."
    words = {
        "beyond": f"it loses more than the margin of {margin:.1f} points: keep the base model there",
        "open": f"it may lose more than the margin of {margin:.1f} points",
        "within": f"a loss beyond the margin of {margin:.1f} points is ruled out",
    }
    better = source.estimate.gain_ends[0] > 0
    text = "it scores better, too" if better else words[decision.forgetting]
    return f"On {study.source} {text} ({_of(source)})."


def _harm(study: Questions) -> str:
    """Name the largest loss at the source that was shown, among strategies that are not recommended."""
    harm = [
        row
        for row in study.differences
        if (row.against, row.domain, row.metric, row.verdict) == ("none", "source", study.metric, "worse")
    ]
    if not harm:
        return ""
    worst = min(harm, key=lambda row: row.estimate.gain)
    name = _upper(model_words(worst.strategy, worst.budget))
    return f" {name} would change it by {_of(worst)}."


def short_name(name: str, source: str) -> str:
    """Name the target images where there is little room: `nih, shifted`, not `nih under the shift noise`."""
    return f"{source}, shifted" if name.startswith(f"{source} under the shift ") else name


def domain_names(source: str, target: str | None, shift: str | None) -> Mapping[str, str]:
    """Name the images of both sides by their data sets: `nih`, `nih under the shift original`."""
    if target is None:
        return {"source": source, "target": f"{source} under the shift {shift}"}
    if source == target:
        return {"source": f"{source} (source)", "target": f"{target} (target)"}
    return {"source": source, "target": target}
