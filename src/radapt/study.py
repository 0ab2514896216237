"""The whole experiment: base models, every strategy at every budget, and what came of it.

A study folder holds `plan.json` (what was asked), `cells/` (a run folder each), `films.npz` (those that the
report shows) and, once it is finished, `study.json` (all that was found). Begun again with the same plan, it
goes on where it was stopped.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from radapt import __version__
from radapt import domains as parts
from radapt.adapt.head import Head
from radapt.adapt.strategy import Adapted, Conditions, Strategy
from radapt.adapt.table import get_strategy
from radapt.adapt.whole import Full, NoAdaptation, Scratch, train_all
from radapt.comparison import Outcome, differences, estimate_rows, recommend
from radapt.device import Hardware
from radapt.domains import Domains
from radapt.errors import AskedWrongly, UnknownName
from radapt.files import plain, write_json
from radapt.images.imageset import Dataset, ImageSet
from radapt.models import checkpoint
from radapt.models.inference import predict
from radapt.models.table import build, check_model, new_spec
from radapt.predictions import Predictions
from radapt.recipe import SEED_ADAPT, SEED_BASE, recipe_for
from radapt.runs import STATE, claim, is_done, now, provenance, read_record, save_run
from radapt.shift.table import get_shift
from radapt.showcase import save_showcase
from radapt.watch import SILENT, Watch

PLAN = "plan.json"
RESULT = "study.json"
PROTOCOLS = ("honest", "seed")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides a study's result, but for the films.

    Raises
    ------
    AskedWrongly
        If a name is unknown or the parts do not go together.
    """

    model: str = "compact"
    shift: str | None = "seed"  # None where the target is a real data set
    strategies: tuple[str, ...] = ("none", "scratch", "head", "full")
    budgets: tuple[str, ...] = ()  # "val", "all" or numbers of films; (): the val folder, or all
    seeds: int = 1  # how many base models, and adaptations of each
    seed: int = 0  # the first of them; also draws the shift and the splits
    protocol: str = "honest"
    epochs: int | None = None  # instead of each recipe's own
    steps: int | None = None  # batches an epoch, instead of each recipe's own
    precision: str = "fp32"  # of training

    def __post_init__(self) -> None:
        check_model(self.model)
        for strategy in self.strategies:
            get_strategy(strategy)
        if self.shift is not None:
            get_shift(self.shift)
        if self.protocol not in PROTOCOLS:
            raise UnknownName("protocol", self.protocol, PROTOCOLS)
        if self.protocol == "seed" and self.shift is None:
            raise AskedWrongly("The seed's protocol shifts its own films: give it a shift, not a target.")
        if self.seeds < 1:
            raise AskedWrongly(f"A study needs at least one seed. Got {self.seeds}.")
        if "none" not in self.strategies:
            raise AskedWrongly("A study compares with no adaptation: keep 'none' among its strategies.")

    @property
    def training_seeds(self) -> range:
        """The seeds that models are trained from."""
        return range(self.seed, self.seed + self.seeds)


@dataclass(frozen=True, slots=True)
class Cell:
    """One model of a study."""

    strategy: str  # "base" for the model that the others start from
    budget: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        middle = "" if self.strategy == "base" else f"-{self.budget}"
        return f"{self.strategy}{middle}-s{self.seed}"


def run_study(
    plan: Plan,
    source: Dataset,
    target: Dataset | None,
    out: Path,
    *,
    hardware: Hardware,
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Carry out a study into a folder, or go on with it; give what `study.json` then holds.

    Parameters
    ----------
    source
        Films of the first hospital: `train`, `test`, and perhaps `val`.
    target
        Films of the second: `train` and `test`; None where the plan shifts the source's.

    Raises
    ------
    AskedWrongly
        If the films do not suit the plan, or `out` holds another study.
    """
    plan = replace(
        plan, budgets=plan.budgets or default_budgets(source, target), precision=hardware.precision
    )
    films = _domains(plan, source, target)
    budgets = {budget: _films_of(plan, films, source, budget, plan.seed) for budget in plan.budgets}
    identity = {
        "kind": "study",
        "radapt": __version__,
        "plan": plain(asdict(plan)),
        "source": source.origin.fingerprint,
        "target": None if target is None else target.origin.fingerprint,
    }
    claim(out, identity, PLAN)
    started = now()
    for cell in cells(plan):
        _run_cell(plan, cell, films, source, out, hardware, watch)
    outcomes = list(_outcomes(plan, out, budgets))
    found = differences(outcomes)
    result: dict[str, Any] = {
        **identity,
        "source": _about(source),
        "target": {"shift": plan.shift, "seed": plan.seed} if target is None else _about(target),
        "roles": {name: _count(images) for name, images in _roles(films).items()},
        "budgets": [{"label": label, **_count(images)} for label, images in budgets.items()],
        "cells": [read_record(out / "cells" / cell.name) for cell in cells(plan)],
        "estimates": [row for outcome in outcomes for row in estimate_rows(outcome)],
        "differences": [row.as_dict() for row in found],
        "recommendation": recommend(found),
        "films": save_showcase(out, films, outcomes),
        "provenance": provenance(hardware, started),
    }
    write_json(out / RESULT, result)
    return dict(plain(result))


def default_budgets(source: Dataset, target: Dataset | None) -> tuple[str, ...]:
    """Take the source's val folder for the labelled films, as the seed did, or else all there are."""
    return ("val",) if target is None and "val" in source.splits else ("all",)


def cells(plan: Plan) -> Iterator[Cell]:
    """Give the models of a study in the order in which they are trained."""
    for seed in plan.training_seeds:
        yield Cell("base", "", seed)
        for budget in plan.budgets:
            for strategy in plan.strategies:
                if strategy != "none":  # the base model's own predictions
                    yield Cell(strategy, budget, seed)


def _domains(plan: Plan, source: Dataset, target: Dataset | None) -> Domains:
    if target is not None:
        return parts.real_domains(source, target, seed=plan.seed)
    if plan.shift is None:
        raise AskedWrongly("A study needs a second data set: a target folder, or a shift of the first one.")
    films = parts.shifted_domains(source, plan.shift, seed=plan.seed)
    if plan.protocol == "seed":  # the original trained on every film and chose by the test films
        return replace(films, source_train=source["train"], source_valid=source["test"])
    return films


def _films_of(plan: Plan, films: Domains, source: Dataset, budget: str, seed: int) -> ImageSet:
    if plan.protocol == "seed" and budget == "val" and "val" in source.splits:
        return source["val"]  # shifted anew for every batch, as the original did
    return parts.labelled_films(films, budget, seed=seed)


def _run_cell(
    plan: Plan, cell: Cell, films: Domains, source: Dataset, out: Path, hardware: Hardware, watch: Watch
) -> None:
    """Train one model and score it on both test sets, unless that was done before."""
    folder = out / "cells" / cell.name
    if is_done(folder):
        return
    started = now()
    conditions = Conditions(
        hardware,
        cell.seed,
        folder / STATE,
        watch,
        f"seed {cell.seed}, {cell.strategy}",
        plan.epochs,
        plan.steps,
    )
    if cell.strategy == "base":
        adapted = _train_base(plan, films, conditions)
        trained_on: ImageSet = films.source_train
        valid: ImageSet | None = films.source_valid
    else:
        base = checkpoint.load_classifier(out / "cells" / Cell("base", "", cell.seed).name)
        wanted = _films_of(plan, films, source, cell.budget, cell.seed)
        trained_on, valid = _split_budget(plan, films, wanted, cell.seed)
        adapted = _strategy(plan, cell.strategy).adapt(base, trained_on, valid, conditions)
    predictions = {
        "target-test": predict(adapted.classifier, films.target_test, hardware),
        "source-test": predict(adapted.classifier, films.source_test, hardware),
    }
    record = {
        **asdict(cell),
        "name": cell.name,
        "trained_on": _count(trained_on),
        "validated_on": None if valid is None else _count(valid),
        "epochs": len(adapted.history),
        "training_seconds": sum(epoch.seconds for epoch in adapted.history),
        "provenance": provenance(hardware, started),
    }
    save_run(
        folder, classifier=adapted.classifier, history=adapted.history, predictions=predictions, record=record
    )


def _train_base(plan: Plan, films: Domains, conditions: Conditions) -> Adapted:
    spec = new_spec(plan.model, films.source_train.classes, size=films.source_train.pixels.shape[1])
    recipe = SEED_BASE if plan.protocol == "seed" else recipe_for(plan.model)
    recipe = conditions.adjusted(recipe)
    return train_all(
        build(spec, seed=conditions.seed), films.source_train, films.source_valid, recipe, conditions
    )


def _split_budget(
    plan: Plan, films: Domains, wanted: ImageSet, seed: int
) -> tuple[ImageSet, ImageSet | None]:
    if plan.protocol == "seed":
        return wanted, films.target_test  # what the report marks as optimistic
    return parts.with_validation(wanted, seed=seed)


def _strategy(plan: Plan, name: str) -> Strategy:
    """Give a strategy with its own options, or with the original's."""
    if plan.protocol == "honest":
        return get_strategy(name)
    original: dict[str, Strategy] = {
        "none": NoAdaptation(),
        "scratch": Scratch(SEED_ADAPT),
        # A view a step: what an epoch of the original showed of each film, kept for all epochs.
        "head": Head(SEED_ADAPT, views=plan.steps or SEED_ADAPT.steps or 1, plain_view=False),
        "full": Full(SEED_ADAPT),
    }
    return original[name]


def _outcomes(plan: Plan, out: Path, budgets: dict[str, ImageSet]) -> Iterator[Outcome]:
    def read(strategy: str, budget: str) -> dict[str, list[Predictions]]:
        folders = [out / "cells" / Cell(strategy, budget, seed).name for seed in plan.training_seeds]
        return {
            domain: [
                Predictions.load(folder / "predictions" / f"{domain}-test.parquet") for folder in folders
            ]
            for domain in ("target", "source")
        }

    yield Outcome("none", 0, read("base", ""))
    for budget, images in budgets.items():
        for strategy in plan.strategies:
            if strategy != "none":
                yield Outcome(strategy, len(images), read(strategy, budget))


def _roles(films: Domains) -> dict[str, ImageSet]:
    return {
        "source train": films.source_train,
        "source validation": films.source_valid,
        "source test": films.source_test,
        "target test": films.target_test,
    }


def _about(dataset: Dataset) -> dict[str, Any]:
    origin = asdict(dataset.origin)
    return {**origin, "splits": {name: _count(images) for name, images in dataset.splits.items()}}


def _count(images: ImageSet) -> dict[str, Any]:
    return {"images": len(images), "patients": len(set(images.patients.tolist())), "classes": images.counts()}
