"""The summary of several studies in plain words: which model and strategy to take, if it can be told."""

from radapt.metrics.table import metric as find_metric
from radapt.stats.estimate import points
from radapt.study.decision import ENOUGH_SEEDS
from radapt.study.summary import BEST_OF_EACH, NO_ADAPTATION, Compared, Key, Row, Summary
from radapt.text import counted, whole_number


def answer(summary: Summary) -> str:
    """Say which model and strategy to take, or that the test images cannot tell; a few sentences."""
    top = summary.rows[0]
    one_model = len(summary.models) == 1
    first = _strategy(top, summary) if one_model else _model(top, summary)
    parts = [first, "" if one_model else _adaptation(top, summary), _elsewhere(top)]
    if summary.seeds < ENOUGH_SEEDS:
        parts.append(
            f"This is of models of {counted(summary.seeds, 'training seed')}; whether it holds for models "
            f"trained again takes {ENOUGH_SEEDS}."
        )
    return " ".join(filter(None, parts))


def in_words(key: Key) -> str:
    """Name a row: `lite0 with head and 64 labelled images`."""
    if key.strategy == "none":
        return f"{key.model} without adaptation"
    return f"{key.model} with {key.strategy}{_labels(key.budget)}"


def _labels(budget: str) -> str:
    if not budget:
        return ""
    count = whole_number(budget.removesuffix("p"))
    if count is None:
        return " and all labelled images" if budget == "all" else f" and the labelled {budget} images"
    if budget.endswith("p"):
        return f" and the labelled images of {counted(count, 'patient')}"
    return f" and {counted(count, 'labelled image')}"


def _model(top: Row, summary: Summary) -> str:
    """Say whether the model of the best row is shown to be the best."""
    against = [_seen_from(top.key, each) for each in summary.compared if each.kind == BEST_OF_EACH]
    rivals = [each for each in against if each is not None]
    open_ = [other for other, _, verdict in rivals if verdict != "better"]
    score = f"{_mean_words(top, summary)}, {top.mean}"
    if open_:
        names = _list([in_words(other) for other in open_])
        return (
            f"These test images cannot tell which model is best: {in_words(top.key)} has the "
            f"{_highest(top)} {score}, but is not shown to differ from {names}."
        )
    margins = _list([f"{points} from {in_words(other)}" for other, points, _ in rivals])
    return (
        f"Take {in_words(top.key)}: it has the {_highest(top)} {score}, and differs, allowing for all "
        f"comparisons, by {margins}."
    )


def _seen_from(key: Key, compared: Compared) -> tuple[Key, str, str] | None:
    """Return the other row of a comparison, the difference from it, and its verdict; None if not of `key`."""
    estimate, verdict = compared.difference.estimate, compared.difference.verdict
    if compared.key == key:
        return compared.against, estimate.points, verdict
    if compared.against != key:
        return None
    turned = {"better": "worse", "worse": "better"}.get(verdict, verdict)
    return compared.key, points(-estimate.value, -estimate.high, -estimate.low), turned


def _strategy(top: Row, summary: Summary) -> str:
    """Say whether the strategy of the best row is shown to help."""
    score = f"{_mean_words(top, summary)}, {top.mean}"
    gain = _gain(top, summary)
    if gain is None:
        return (
            f"Nothing was shown to help: no strategy has a better {_mean_words(top, summary)} than no "
            f"adaptation, {top.mean}."
        )
    words = gain.difference.estimate.points
    if gain.difference.verdict == "better":
        return (
            f"Take {in_words(top.key)}: it has the {_highest(top)} {score}, {words} from no adaptation, "
            "allowing for all comparisons."
        )
    return (
        f"These test images cannot tell whether any strategy helps: {in_words(top.key)} has the "
        f"{_highest(top)} {score}, but its difference from no adaptation, {words}, may be chance."
    )


def _adaptation(top: Row, summary: Summary) -> str:
    """Say what adapting gained over the model as it is."""
    gain = _gain(top, summary)
    if gain is None:
        return f"No strategy of {top.key.model} scored better than no adaptation."
    words = gain.difference.estimate.points
    if gain.difference.verdict == "better":
        return f"From no adaptation of {top.key.model} it differs by {words}."
    return f"That it gains over no adaptation of {top.key.model} is not shown ({words})."


def _elsewhere(top: Row) -> str:
    """Give the score at the worst target and on the source images."""
    source = f"on the source images it scores {top.source}"
    if len(top.targets) == 1:
        return f"O{source[1:]}."
    return f"At its worst target, {top.worst}, it scores {top.worst_score}; {source}."


def _gain(top: Row, summary: Summary) -> Compared | None:
    """Return the best row's difference from no adaptation of its model; None if it is that itself."""
    gains = (each for each in summary.compared if each.kind == NO_ADAPTATION and each.key == top.key)
    return next(gains, None)


def _mean_words(top: Row, summary: Summary) -> str:
    metric = find_metric(summary.metric).words
    over = "" if len(top.targets) == 1 else f" over {len(top.targets)} targets"
    return f"mean {metric}{over}" if over else metric


def _highest(top: Row) -> str:
    return "lowest" if top.mean.lower_is_better else "highest"


def _list(names: list[str]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
