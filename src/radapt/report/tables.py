"""The tables of a report, with formatted numbers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from radapt.evaluation.scores import Score
from radapt.metrics.table import METRICS
from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.folder import Study
from radapt.report.wording import Number
from radapt.runs.holdout import ImageCount
from radapt.stats.estimate import Estimate
from radapt.study.comparison import Difference
from radapt.study.plan import budget_name

# The colour of each strategy, the same in every report; the usual ones have one each.
COLOURS = {
    **{"none": 0, "scratch": 1, "head": 2, "full": 3},
    **{"norm-refresh": 4, "recalibrate": 5, "refresh-recalibrate": 6, "linear-probe": 7},
    **{"tta": 1, "tent": 4, "coral": 5, "self-train": 6, "knn": 7, "prototype": 6},
    **{"last-k": 2, "first-k": 3, "norm-affine": 4, "gradual": 3, "lp-ft": 7, "layer-decay": 3},
    **{"l2-sp": 6, "replay": 5, "wise-ft": 1, "lora": 2},
}


@dataclass(frozen=True, slots=True)
class StandardErrors:
    """The standard error of a number, split into that of the test set and that of the training seeds."""

    test_set: str  # "" where scores did not vary
    seeds: str


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A strategy's scores on one test set."""

    begins: bool  # whether the number of labelled images differs from the row above
    strategy: str
    series: int
    budget: str
    numbers: tuple[Number | StandardErrors | None, ...]  # None where it was not scored


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The scores on one test set."""

    heading: str
    rows: tuple[ScoreRow, ...]


@dataclass(frozen=True, slots=True)
class DifferenceCell:
    """A difference, its verdict, and the detectable difference."""

    number: Number
    verdict: str
    detectable: str  # "" where the difference is not defined or the two are the same


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One strategy against another, by each metric."""

    begins: bool  # whether the number of labelled images differs from the row above
    budget: str
    strategy: str
    against: str
    series: int
    cells: tuple[DifferenceCell | None, ...]


@dataclass(frozen=True, slots=True)
class DifferenceTable:
    """The differences on one test set."""

    heading: str
    rows: tuple[DifferenceRow, ...]


@dataclass(frozen=True, slots=True)
class CountRow:
    """The number of images, patients and classes of one part."""

    name: str
    images: str
    patients: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A trained model of a study."""

    strategy: str
    series: int
    budget: str
    seed: int
    trained_on: str
    chosen_by: str
    epochs: int
    time: str


def series_of(strategy: str, strategies: Sequence[str]) -> int:
    """Return the index of a strategy's colour: its own, or a free one where another of the study has that."""
    given: dict[str, int] = {}
    asked = list(dict.fromkeys((*strategies, strategy)))
    for name in asked:
        own = _own_colour(name)
        if own not in given.values():
            given[name] = own
    for name in asked:
        free = [each for each in COLOURS.values() if each not in given.values()]
        given.setdefault(name, free[0] if free else _own_colour(name))
    return given[strategy]


def _own_colour(name: str) -> int:
    return COLOURS.get(name.partition("(")[0], 4)  # that of a model that is no strategy


def metrics_shown(scores: Iterable[Score]) -> tuple[str, ...]:
    """Return the metrics of the table of scores: those always shown, then the requested ones."""
    return _columns(scores, folded=False)


def more_metrics(scores: Iterable[Score]) -> tuple[str, ...]:
    """List the metrics in the folded table."""
    return _columns(scores, folded=True)


def _columns(scores: Iterable[Score], *, folded: bool) -> tuple[str, ...]:
    requested = list(dict.fromkeys(row.metric for row in scores))
    names = sorted(requested, key=[*METRICS, *requested].index)
    return tuple(name for name in names if (find_metric(name).shown == "folded table") == folded)


def score_tables(
    scores: Sequence[Score],
    headings: Mapping[str, str],
    strategies: Sequence[str],
    metrics: Sequence[str],
    write: Callable[[str, Estimate], Number | StandardErrors] = wording.number,
    names: Mapping[int, str] | None = None,
) -> list[ScoreTable]:
    """Return a table of scores per test set: rows are strategies and budgets, columns metrics.

    Parameters
    ----------
    headings
        What to call each test set, by domain, in the order in which to show them.
    write
        Writes an estimate by a metric.
    names
        What numbers of labelled images are called; by default as they are.
    """
    tables = []
    for domain, heading in headings.items():
        numbers: dict[tuple[str, int], dict[str, Number | StandardErrors]] = {}
        for row in scores:
            if row.domain == domain:
                written = write(row.metric, row.estimate)
                numbers.setdefault((row.strategy, row.budget), {})[row.metric] = written
        budgets = [None, *(budget for _, budget in numbers)]
        rows = [
            ScoreRow(
                budget != above,
                strategy,
                series_of(strategy, strategies),
                (names or {}).get(budget, f"{budget:,}" if budget else ""),
                tuple(by_metric.get(name) for name in metrics),
            )
            for above, ((strategy, budget), by_metric) in zip(budgets, numbers.items(), strict=False)
        ]
        if rows:
            tables.append(ScoreTable(heading, tuple(rows)))
    return tables


def metrics_of_differences(differences: Iterable[Difference]) -> tuple[str, ...]:
    """Return the metrics that strategies are compared by."""
    return tuple(dict.fromkeys(row.metric for row in differences))


def _cells(
    differences: Iterable[Difference],
) -> list[tuple[tuple[int, str, str], dict[str, DifferenceCell]]]:
    """Return the cells by metric of each (budget, against, strategy), in the order of the rows."""
    cells: dict[tuple[int, str, str], dict[str, DifferenceCell]] = {}
    for row in differences:
        key = (row.budget, row.against, row.strategy)
        cells.setdefault(key, {})[row.metric] = difference_cell(row)
    return sorted(cells.items(), key=lambda item: (item[0][0], item[0][1] != "none"))


def difference_tables(study: Study, headings: Mapping[str, str]) -> list[DifferenceTable]:
    """Return a table of differences per test set: a row for each pair of strategies and budget."""
    metrics = metrics_of_differences(study.differences)
    tables = []
    for domain, heading in headings.items():
        laid = _cells(row for row in study.differences if row.domain == domain)
        budgets = [None, *(key[0] for key, _ in laid)]
        rows = [
            DifferenceRow(
                budget != above,
                study.budget_names.get(budget, f"{budget:,}" if budget else ""),
                strategy,
                against,
                series_of(strategy, study.plan.strategies),
                tuple(by_metric.get(name) for name in metrics),
            )
            for above, ((budget, against, strategy), by_metric) in zip(budgets, laid, strict=False)
        ]
        if rows:
            tables.append(DifferenceTable(heading, tuple(rows)))
    return tables


def count_rows(study: Study) -> list[CountRow]:
    """Return the number of images, patients and classes of each part."""
    parts = {}
    for role, count in study.roles.items():
        side, _, part = role.partition(" ")
        parts[f"{side.capitalize()} images, {part}"] = count
    parts |= {f"Target images, labelled (budget {label})": count for label, count in study.budgets}
    names = classes_of(study.roles.values())
    return [
        CountRow(
            part,
            f"{count.images:,}",
            f"{count.patients:,}",
            tuple(f"{count.classes.get(name, 0):,}" for name in names),
        )
        for part, count in parts.items()
    ]


def classes_of(counts: Iterable[ImageCount]) -> tuple[str, ...]:
    """Return the classes that are counted, in their order."""
    return tuple(dict.fromkeys(name for count in counts for name in count.classes))


def model_rows(study: Study) -> list[ModelRow]:
    """Return what each model was trained and validated on."""
    sizes = {label: budget_name(label, count.images) for label, count in study.budgets}
    return [
        ModelRow(
            model.cell.strategy,
            series_of(model.cell.strategy, study.plan.strategies),
            sizes.get(model.cell.budget, model.cell.budget)
            + (f" (fold {model.cell.fold})" if model.cell.fold else ""),
            model.cell.seed,
            "not trained here"
            if study.plan.base and model.cell.is_base
            else wording.images_of(model.trained_on),
            wording.validated_on(model),
            model.epochs,
            wording.duration(model.seconds),
        )
        for model in study.models
    ]


def difference_cell(row: Difference) -> DifferenceCell:
    """Return a difference as it is written, with its verdict."""
    number = wording.change(row.metric, row.estimate)
    if not number.interval:
        return DifferenceCell(number, "", "")
    if not row.estimate.low < row.estimate.high:
        return DifferenceCell(number, "the same", "")
    return DifferenceCell(number, row.verdict, wording.size(row.metric, row.detectable))
