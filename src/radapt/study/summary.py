"""The summary of several studies: each model, strategy and budget over all targets, and at its worst.

The mean over the targets and all differences are on bootstrap samples of patients. Targets that are shifts of
the same test images share them; data sets of their own are drawn independently.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from radapt.artefacts import STUDY
from radapt.evaluation.scores import Outcome
from radapt.files import read_document
from radapt.metrics.table import metric as find_metric
from radapt.predictions import Predictions
from radapt.stats.bootstrap import average_over_seeds, split_standard_error
from radapt.stats.estimate import Estimate
from radapt.stats.inference import estimate
from radapt.stats.intervals import LEVEL, SAME, Z, correlation, mover_interval
from radapt.stats.shared_samples import Floats, SharedSamples, joined
from radapt.study.cells import read_predictions
from radapt.study.comparison import Difference, tested_together
from radapt.study.plan import Plan, cells

Runs = list[Predictions]

NO_ADAPTATION = "no adaptation"  # kinds of comparison: with no adaptation of the same model,
BEST_OF_EACH = "best of each model"  # between the best rows of two models,
SAME_STRATEGY = "same strategy and budget"  # and between two models with the same strategy and budget


@dataclass(frozen=True, slots=True)
class Key:
    """A row of the summary."""

    model: str
    strategy: str
    budget: str  # as it was asked for, such as "64" or "all"; "" without labels

    def as_dict(self) -> dict[str, str]:
        """Return it for JSON."""
        return {"model": self.model, "strategy": self.strategy, "budget": self.budget}


@dataclass(frozen=True, slots=True)
class Row:
    """The scores of one strategy of one model at one budget, over all targets."""

    key: Key
    images: tuple[int, ...]  # labelled images at each target
    targets: Mapping[str, Estimate]
    mean: Estimate  # over the targets
    worst: str  # the target with the lowest score
    worst_score: Estimate
    source: Estimate  # of several sources the mean over them

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            **self.key.as_dict(),
            "images": list(self.images),
            "targets": [{"target": name, **each.as_dict()} for name, each in self.targets.items()],
            "mean": self.mean.as_dict(),
            "worst": {"target": self.worst, **self.worst_score.as_dict()},
            "source": self.source.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """The mean over the targets of one row minus that of another."""

    kind: str  # NO_ADAPTATION, BEST_OF_EACH or SAME_STRATEGY
    key: Key
    against: Key
    difference: Difference

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON, with the verdict that allows for all comparisons."""
        row = {"kind": self.kind, **self.difference.as_dict()}
        del row["domain"], row["metric"]
        return {**row, **self.key.as_dict(), "against": self.against.as_dict()}


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One finished study: its predictions by the row they belong to."""

    target: str
    plan: Plan
    images: Mapping[str, int]  # labelled images by budget
    runs: Mapping[str, Mapping[Key, Runs]] = field(repr=False)  # by "target" and "source"


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """What several studies show together."""

    metric: str
    seeds: int  # training seeds of each model, the fewest of the studies
    rows: tuple[Row, ...]  # the best mean first
    compared: tuple[Compared, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """The models, that with the best row first."""
        return tuple(dict.fromkeys(row.key.model for row in self.rows))

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "metric": self.metric,
            "seeds": self.seeds,
            "rows": [row.as_dict() for row in self.rows],
            "differences": [each.as_dict() for each in self.compared],
        }


def summarise(out: Path, entries: Sequence[Mapping[str, str]]) -> Summary:
    """Summarise finished studies of one metric, on the same test images for every model.

    Parameters
    ----------
    out
        The folder that the studies lie in.
    entries
        Of each its `folder`, `model` and `target`.

    Raises
    ------
    AskedWrongly
        If models were tested on different images.
    BadArtefact
        If a study is not finished or is damaged.
    """
    parts = [_read(out / entry["folder"], entry["target"]) for entry in entries]
    metric, seeds = parts[0].plan.metric, min(part.plan.seeds for part in parts)
    sets = {domain: _join(parts, domain, seeds, metric) for domain in ("target", "source")}
    targets = list(dict.fromkeys(part.target for part in parts))
    rows = []
    for key in sets["target"].runs:
        images = [part.images.get(key.budget, 0) for part in parts if key in part.runs["target"]]
        rows.append(_row(key, images, targets, sets))
    ranked = sorted(rows, key=lambda row: -_goodness(row.mean))
    return Summary(metric, seeds, tuple(ranked), tuple(_compared(rows, sets["target"])))


def _read(folder: Path, target: str) -> Part:
    """Read the plan and the predictions of a finished study."""
    study = read_document(folder / STUDY)
    plan = Plan.from_dict(study["plan"])
    runs: dict[str, dict[Key, Runs]] = {"target": {}, "source": {}}
    for cell in filter(lambda each: each.represents_folds, cells(plan)):
        for domain, by_key in runs.items():
            key = Key(plan.model, cell.strategy, cell.budget)
            by_key.setdefault(key, []).append(read_predictions(folder, plan, cell, domain))
    images = {str(budget["label"]): int(budget["images"]) for budget in study["budgets"]}
    return Part(target, plan, images, runs)


@dataclass(frozen=True, slots=True, eq=False)
class JoinedSets:
    """The predictions of all rows on several test sets, with samples that they share."""

    runs: Mapping[Key, Runs]  # on all test sets together
    by_set: Mapping[Key, Sequence[Runs]]  # on each test set
    samples: SharedSamples


def _join(parts: Sequence[Part], domain: str, seeds: int, metric: str) -> JoinedSets:
    """Join the predictions of the rows that every target has, over the test sets of a domain.

    Shifts of one source have the same test patients, and so have the sources of all studies, or some of the
    same. Each target with images of its own is a family of its own.
    """
    targets = list(dict.fromkeys(part.target for part in parts))
    by_target = {name: [part for part in parts if part.target == name] for name in targets}
    keys = [
        key
        for key in dict.fromkeys(key for part in parts for key in part.runs[domain])
        if all(any(key in part.runs[domain] for part in of_one) for of_one in by_target.values())
    ]
    by_set = {
        key: [
            next(part.runs[domain][key][:seeds] for part in of_one if key in part.runs[domain])
            for of_one in by_target.values()
        ]
        for key in keys
    }
    families = [
        0 if domain == "source" or of_one[0].plan.shift else 1 + place
        for place, of_one in enumerate(by_target.values())
    ]
    flat = [[run for key in keys for run in by_set[key][place]] for place in range(len(targets))]
    together, sets = joined(flat, [sorted(set(families)).index(family) for family in families])
    runs = {key: together[place * seeds : (place + 1) * seeds] for place, key in enumerate(keys)}
    return JoinedSets(runs, by_set, SharedSamples(metric, together, sets=sets))


def _row(key: Key, images: Sequence[int], targets: Sequence[str], sets: Mapping[str, JoinedSets]) -> Row:
    at, home = (
        [estimate(sets[domain].samples.metric, runs) for runs in sets[domain].by_set[key]]
        for domain in ("target", "source")
    )
    samples = {domain: _by_set(sets[domain], key) for domain in sets}
    worst = min(range(len(at)), key=lambda place: _goodness(at[place]))
    return Row(
        key=key,
        images=tuple(images),
        targets=dict(zip(targets, at, strict=True)),
        mean=_mean(at, samples["target"], sets["target"], key),
        worst=targets[worst],
        worst_score=worst_of(at, samples["target"], sets["target"].samples.metric),
        source=_mean(home, samples["source"], sets["source"], key),
    )


def _by_set(sets: JoinedSets, key: Key) -> Floats:
    """Return bootstrap samples of a row on each test set, (B, S), without those in which one is undefined."""
    by_run = sets.samples.samples_by_set(sets.runs[key])
    by_run = by_run[:, ~np.isnan(by_run).any(axis=(0, 2))]
    return average_over_seeds(by_run, np.random.default_rng([sets.samples.seed, 1]))


def _mean(at: Sequence[Estimate], samples: Floats, sets: JoinedSets, key: Key) -> Estimate:
    """Return the mean of scores, with the interval that theirs give together.

    Its distance from the mean to each side is by those of the scores and the correlations of their bootstrap
    samples, see `radapt.stats.intervals.mover_interval`.
    """
    size, metric = sets.samples.size, find_metric(sets.samples.metric)
    make = partial(Estimate, n=size.n, patients=size.patients, lower_is_better=metric.lower_is_better)
    values = np.array([each.value for each in at])
    if np.isnan(values).any():
        return make(math.nan, math.nan, math.nan, method="not defined on all of these images")
    ends = np.array([[each.low, each.high] for each in at])
    together = correlation(samples) if len(samples) > 1 else np.ones((len(at), len(at)))
    low, high = mover_interval(values / len(at), ends / len(at), together)
    bottom, top = metric.range
    by_test_set = sets.samples.samples(sets.runs[key])
    by_test_set = by_test_set[:, ~np.isnan(by_test_set).any(axis=0)].mean(axis=0)
    test_set, seeds = split_standard_error(by_test_set, sets.samples.scores(sets.runs[key]))
    se = float(samples.mean(axis=1).std(ddof=1)) if len(samples) > 1 else math.nan
    return make(
        float(values.mean()),
        max(bottom, low),
        min(top, high),
        method=f"intervals of {len(at)} test sets combined, with the correlations of {len(samples):,} "
        "bootstrap samples of patients",
        se=se if math.isnan(test_set) else math.hypot(test_set, seeds),
        se_test_set=test_set,
        se_seeds=seeds,
    )


def worst_of(at: Sequence[Estimate], samples: Floats, metric: str) -> Estimate:
    """Return the lowest of several scores, with an interval for the lowest true one.

    It is not known which true score is lowest. The lower end is the lowest of all lower ends: the lowest true
    score is below it in at most 2.5 % of test sets (Berger 1982, Technometrics 24:295, intersection-union).
    The upper end is the lowest of simultaneous upper limits. For these, each distance to an upper end is
    multiplied by the ratio of two 97.5 % quantiles: that of the largest deviation in bootstrap samples, in
    standard errors, and the normal one.
    """
    lowest = min(at, key=_goodness)
    if any(math.isnan(each.value) for each in at):
        return lowest
    wider = _simultaneous(-samples if lowest.lower_is_better else samples)
    low = min(each.gain_ends[0] for each in at)
    high = min(each.gain + wider * (each.gain_ends[1] - each.gain) for each in at)
    low, high = (-high, -low) if lowest.lower_is_better else (low, high)
    bottom, top = find_metric(metric).range
    return Estimate(
        lowest.value,
        max(bottom, low),
        min(top, high),
        lowest.n,
        lowest.patients,
        method=f"the worst of {len(at)}: one end is the worst of theirs, the other simultaneous for all",
        lower_is_better=lowest.lower_is_better,
    )


def _simultaneous(samples: Floats) -> float:
    """Return the factor, 1 or more, that makes one-sided upper limits of S values simultaneous.

    Parameters
    ----------
    samples
        (B, S), of which more is better.
    """
    if len(samples) < 2:
        return 1.0
    spread = samples.std(axis=0, ddof=1)
    varies = spread > SAME
    if not varies.any():
        return 1.0
    below = ((samples.mean(axis=0) - samples) / np.where(varies, spread, 1.0))[:, varies]
    return max(1.0, float(np.quantile(below.max(axis=1), (1 + LEVEL) / 2)) / Z)


def _compared(rows: Sequence[Row], sets: JoinedSets) -> Iterable[Compared]:
    """Compare every row with no adaptation of its model, and the models with one another.

    The first are tested together, and so are the others.
    """
    keys = [row.key for row in rows]
    gains = [(key, Key(key.model, "none", "")) for key in keys if key.strategy != "none"]
    yield from _test(NO_ADAPTATION, gains, sets)
    models = list(dict.fromkeys(key.model for key in keys))
    best = {model: best_row([row for row in rows if row.key.model == model]).key for model in models}
    between = [(BEST_OF_EACH, best[a], best[b]) for a, b in combinations(models, 2)]
    between += [
        (SAME_STRATEGY, one, Key(other, one.strategy, one.budget))
        for first, other in combinations(models, 2)
        for one in keys
        if one.model == first and Key(other, one.strategy, one.budget) in sets.runs
    ]
    kinds = [kind for kind, *_ in between]
    tested = list(_test("", [(one, other) for _, one, other in between], sets))
    for kind, each in zip(kinds, tested, strict=True):
        yield Compared(kind, each.key, each.against, each.difference)


def _test(kind: str, pairs: Sequence[tuple[Key, Key]], sets: JoinedSets) -> Iterable[Compared]:
    budgets = list(dict.fromkeys(key.budget for key in sets.runs))
    outcomes = {
        key: Outcome(key.strategy, budgets.index(key.budget), {"target": runs})
        for key, runs in sets.runs.items()
    }
    rows = tested_together([(outcomes[one], outcomes[other]) for one, other in pairs], "target", sets.samples)
    for (one, other), row in zip(pairs, rows, strict=True):
        yield Compared(kind, one, other, row)


def best_row(rows: Iterable[Row]) -> Row:
    """Return the row with the best mean over the targets; of equal ones the first."""
    return max(rows, key=lambda row: _goodness(row.mean))


def _goodness(score: Estimate) -> float:
    """Return a score of which more is better; an undefined one is the worst."""
    return -math.inf if math.isnan(score.value) else score.gain
