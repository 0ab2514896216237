"""Models compared by their predictions alone, paired image by image; the first is the reference."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from radapt.artefacts import prediction_files, predictions_file
from radapt.errors import AskedWrongly
from radapt.evaluation.scores import Outcome, Score, estimate_rows
from radapt.labels import same_labels
from radapt.metrics.table import compared_metrics
from radapt.metrics.table import metric as find_metric
from radapt.predictions import Predictions
from radapt.stats.shared_samples import SharedSamples
from radapt.study.comparison import PRIMARY, Difference, tested_together
from radapt.text import counted, listed

TEST = "target"  # the domain of the only test set


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model that is known by its predictions."""

    name: str
    runs: tuple[Predictions, ...]  # of the same images, one a training seed
    about: str  # which images these are, such as "target-test of runs/one"
    threshold: float = 0.5  # the probability from which on an image is predicted positive
    target: str = ""  # of a study: its shift, or the fingerprint of its target; "" of others


@dataclass(frozen=True, slots=True, eq=False)
class ModelComparison:
    """Models on the images that all of them scored, and how they differ from the first."""

    models: tuple[Model, ...]  # on the matched images, in one order; as given if not paired
    scored: tuple[int, ...]  # how many images each has scored
    metric: str  # of the verdicts
    scores: tuple[Score, ...]
    differences: tuple[Difference, ...]  # none if not paired
    paired: bool
    notes: tuple[str, ...]
    claimed: Mapping[str, Any] | None = None  # a protocol, its digest and its verdict, for JSON

    @property
    def verdicts(self) -> tuple[str, ...]:
        """One sentence a model other than the first."""
        return tuple(in_a_sentence(row) for row in self.differences if row.metric == self.metric)

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        first = self.models[0].runs[0]
        return {
            "paired": self.paired,
            "images": len(first) if self.paired else None,
            "patients": len(np.unique(first.patients)) if self.paired else None,
            "classes": list(first.classes),
            "models": [
                {
                    "name": model.name,
                    "about": model.about,
                    "runs": len(model.runs),
                    "threshold": model.threshold,
                    "images": scored,
                    "unmatched": scored - len(model.runs[0]),
                }
                for model, scored in zip(self.models, self.scored, strict=True)
            ],
            "metric": self.metric,
            "estimates": [_renamed(row.as_dict()) for row in self.scores],
            "differences": [_renamed(row.as_dict()) for row in self.differences],
            "verdicts": list(self.verdicts),
            "notes": list(self.notes),
            "protocol": self.claimed,
        }


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in row.items() if name not in ("strategy", "budget", "domain")}
    return {"model": row["strategy"], **rest}


def compare_models(models: Sequence[Model], metric: str = PRIMARY, *, pair: bool = True) -> ModelComparison:
    """Compare models with the first one, on the images that all have scored.

    Estimates and differences are those of a study of the same models, see `radapt.study.comparison`: paired,
    with intervals by patient, adjusted for all comparisons by the same metric.

    Parameters
    ----------
    metric
        The metric of the verdicts.
    pair
        Whether to match images; without it there are no differences.

    Raises
    ------
    AskedWrongly
        If there are fewer than two models or two of one name, no image was scored by all, or labels or
        classes of the same images differ.
    """
    metric, names = find_metric(metric).name, [model.name for model in models]
    if len(names) < 2 or len(set(names)) < len(names):
        raise AskedWrongly(
            f"Two models or more are compared, each with a name of its own. Got {listed(names)}."
        )
    scored = tuple(len(model.runs[0]) for model in models)
    notes: tuple[str, ...] = ()
    if pair:
        models, notes = match(models)
        notes += _unlike_targets(models)
    _check_thresholds(models)
    outcomes = [Outcome(model.name, 0, {TEST: model.runs}) for model in models]
    decided = [Outcome(model.name, 0, {TEST: _decided(model)}) for model in models]
    return ModelComparison(
        models=tuple(models),
        scored=scored,
        metric=metric,
        scores=tuple(_scores(outcomes, decided, metric)),
        differences=tuple(_differences(outcomes, decided, metric)) if pair else (),
        paired=pair,
        notes=notes,
    )


def _check_thresholds(models: Sequence[Model]) -> None:
    for model in models:
        first = model.runs[0]
        if model.threshold != 0.5 and first.exclusive and not first.binary:
            raise AskedWrongly(
                f"A threshold is for two classes or for findings. {model.name} has {listed(first.classes)}."
            )


def _decided(model: Model) -> tuple[Predictions, ...]:
    """Return a model's decisions at its own threshold as scores of 0 and 1, which every threshold parts."""
    if model.threshold == 0.5:
        return model.runs
    decided = []
    for run in model.runs:
        scores = (run.scores >= model.threshold).astype(np.float64)
        if run.exclusive:
            positive = scores[:, run.positive]
            scores = np.stack([1 - positive, positive] if run.positive else [positive, 1 - positive], axis=1)
        decided.append(replace(run, scores=scores))
    return tuple(decided)


def _unlike_targets(models: Sequence[Model]) -> tuple[str, ...]:
    """Return a note if studies of other shifts or targets are paired, whose images only share their names."""
    targets = {model.target for model in models if model.target}
    if len(targets) < 2:
        return ()
    return (
        f"The studies have other shifts or targets ({listed(sorted(targets))}): their images are paired by "
        "name alone, and a difference is one of the images as well as of the models.",
    )


def _scores(outcomes: Sequence[Outcome], decided: Sequence[Outcome], metric: str) -> Iterator[Score]:
    for outcome, at_threshold in zip(outcomes, decided, strict=True):
        rows = [Score.from_dict(row) for row in estimate_rows(outcome, metric)]
        if at_threshold.predictions[TEST] is not outcome.predictions[TEST]:
            others = [Score.from_dict(row) for row in estimate_rows(at_threshold, metric)]
            rows = [b if find_metric(a.metric).decides else a for a, b in zip(rows, others, strict=True)]
        yield from rows


def _differences(outcomes: Sequence[Outcome], decided: Sequence[Outcome], metric: str) -> list[Difference]:
    order = [outcome.strategy for outcome in outcomes]
    rows = []
    for one in dict.fromkeys((*compared_metrics(), metric)):
        reference, *others = used = decided if find_metric(one).decides else outcomes
        shared = SharedSamples(one, [run for outcome in used for run in outcome.predictions[TEST]])
        rows += tested_together([(other, reference) for other in others], TEST, shared)
    return sorted(rows, key=lambda row: order.index(row.strategy))


def match(models: Sequence[Model]) -> tuple[list[Model], tuple[str, ...]]:
    """Keep the images that all models have scored, in the order of the first; returns notes too.

    Classes of other names or in another order are those of the first where the positive one is clear.
    Patients are those of the first.
    """
    first = models[0].runs[0]
    if not images_in_common(models):
        one, other = (str(model.runs[0].ids[0]) for model in models[:2] if len(model.runs[0]))
        raise AskedWrongly(
            "Models are paired by the names of their images, and no image is named by all of them: "
            f"{models[0].name} has {one!r}, {models[1].name} has {other!r}."
        )
    common = _common_ids(models)
    reference = first.take([row for row, name in enumerate(first.ids.tolist()) if name in common])
    matched, notes = [], []
    for model in models:
        taken = [_like(run, reference, model.name, models[0].name) for run in model.runs]
        if not _same_groups(taken[0], reference):
            notes.append(
                f"{model.name} groups the images into other patients than {models[0].name}, whose patients "
                "are used."
            )
        matched.append(replace(model, runs=tuple(replace(run, patients=reference.patients) for run in taken)))
    return matched, tuple(notes)


def _same_groups(one: Predictions, other: Predictions) -> bool:
    pairs = set(zip(one.patients.tolist(), other.patients.tolist(), strict=True))
    return len(pairs) == len(set(one.patients.tolist())) == len(set(other.patients.tolist()))


def _like(run: Predictions, reference: Predictions, name: str, first: str) -> Predictions:
    """Return the images of a reference as a model scored them, in its order and with its classes."""
    places = {image: row for row, image in enumerate(run.ids.tolist())}
    run = _with_classes(run.take([places[image] for image in reference.ids.tolist()]), reference, name, first)
    if not same_labels(run.labels, reference.labels):
        unlike = ~((run.labels == reference.labels) | (np.isnan(run.labels) & np.isnan(reference.labels)))
        rows = np.flatnonzero(unlike.reshape(len(run), -1).any(axis=1))
        raise AskedWrongly(
            f"{counted(len(rows), 'image')} of {len(run):,} {'has' if len(rows) == 1 else 'have'} another "
            f"label in {name} than in {first}, such as {str(run.ids[rows[0]])!r}: models are compared on the "
            "same labels."
        )
    return run


def _with_classes(run: Predictions, reference: Predictions, name: str, first: str) -> Predictions:
    if run.classes == reference.classes:
        return run
    if run.binary and reference.binary and set(run.classes) != set(reference.classes):
        order = (
            [run.positive, 1 - run.positive] if reference.positive == 0 else [1 - run.positive, run.positive]
        )
    elif set(run.classes) == set(reference.classes) and run.exclusive == reference.exclusive:
        order = [run.classes.index(each) for each in reference.classes]
    else:
        raise AskedWrongly(
            f"Models of the same classes are compared. {first} has {listed(reference.classes)}, and {name} "
            f"{listed(run.classes)}."
        )
    labels = np.argsort(order)[run.labels] if run.exclusive else run.labels[:, order]
    return replace(run, scores=run.scores[:, order], labels=labels, classes=reference.classes)


def in_a_sentence(row: Difference, tested: str = "these images") -> str:
    """Return what a difference from the reference shows, allowing for all comparisons."""
    measure, estimate = find_metric(row.metric), row.estimate
    if math.isnan(estimate.value):
        return f"{row.strategy} against {row.against}: the {measure.words} is not defined on {tested}."
    less = ", of which lower is better," if measure.lower_is_better else ""
    gain = f"{estimate.points} of {measure.words}{less} on {tested}"
    if row.verdict == "inconclusive":
        reach = row.detectable
        shown = (
            f"; a difference of about {100 * reach:.1f} points would have been shown four times out of five"
            if 0 < reach < 1
            else ""
        )
        return f"No difference between {row.strategy} and {row.against} was shown: {gain}{shown}."
    least = row.gain_at_least if row.verdict == "better" else -_gain_at_most(row)
    allowing = "" if math.isnan(least) else f" (at least {100 * least:.1f}, allowing for all comparisons)"
    return f"{row.strategy} scored {row.verdict} than {row.against}: {gain}{allowing}."


def _gain_at_most(row: Difference) -> float:
    return -row.adjusted.low if row.estimate.lower_is_better else row.adjusted.high


def common_test_set(runs: Sequence[Path], others: Sequence[Model]) -> str:
    """Choose the test set of runs to compare: of those that all have, the target's if its images match.

    Raises
    ------
    AskedWrongly
        If the runs have no test set in common, or none with images of the other models.
    """
    names = [{path.stem for path in prediction_files(run, "*-test")} for run in runs]
    common = sorted(set.intersection(*names), key=lambda name: (not name.startswith(TEST), name))
    for name in common:
        sets = [set(Predictions.load(predictions_file(run, name)).ids.tolist()) for run in runs]
        if set.intersection(*sets, *(set(model.runs[0].ids.tolist()) for model in others)):
            return name
    has = "; ".join(
        f"{run} has {listed(sorted(own)) or 'none'}" for run, own in zip(runs, names, strict=True)
    )
    raise AskedWrongly(f"These runs have no test set with the same images: {has}.")


def images_in_common(models: Sequence[Model]) -> bool:
    """Say whether any image was scored by all models."""
    return bool(_common_ids(models))


def _common_ids(models: Sequence[Model]) -> set[str]:
    return set.intersection(*(set(run.ids.tolist()) for model in models for run in model.runs))
