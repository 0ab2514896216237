"""The whole experiment: base models, every strategy at every budget, and their results."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from radapt.adapt.cross_validation import adapt_with_cv, out_of_fold
from radapt.adapt.feature_cache import FeatureCache
from radapt.adapt.full import Full
from radapt.adapt.head import Head
from radapt.adapt.none import NoAdaptation
from radapt.adapt.scratch import Scratch
from radapt.adapt.strategy import AdaptContext, AdaptResult, Strategy
from radapt.adapt.table import get_strategy
from radapt.adapt.tuning import train_all
from radapt.artefacts import CELLS, DRAWN, HISTORY, PLAN, REGISTERED, STATE, STUDY, predictions_file
from radapt.device import Hardware
from radapt.drift.reference import write_reference
from radapt.errors import AskedWrongly, BadArtefact
from radapt.evaluation.scores import Outcome
from radapt.files import plain, read_if_whole, write_json
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.leaks import with_leaks_between
from radapt.models.checkpoint import load_classifier
from radapt.models.classifier import Spec
from radapt.models.inference import predict
from radapt.models.table import build, new_spec
from radapt.parquet import write_table
from radapt.predictions import Predictions
from radapt.progress import SILENT, Watch
from radapt.provenance import now, provenance
from radapt.runs.folder import is_finished, is_whole, read_epochs, read_record, save_run
from radapt.runs.holdout import count_images, describe_dataset, split_off_validation
from radapt.runs.learned import read_learned, write_learned
from radapt.study import domains as parts
from radapt.study.comparison import outcome_of
from radapt.study.domains import Domains
from radapt.study.example_images import save_example_images
from radapt.study.plan import Cell, Plan, cells, default_budgets
from radapt.study.protocol import Protocol, check_images
from radapt.study.registration import RegisteredProtocol, read_registered, register
from radapt.study.results import decided, is_settled, shortcut_baselines, study_results, verdict_of
from radapt.study.selected_models import CROSS, NEW, OLD, SelectedModel, appraised, occluded, select_models
from radapt.text import counted, listed
from radapt.training.recipe import ORIGINAL_ADAPT, ORIGINAL_BASE, Recipe, recipe_for
from radapt.version import __version__
from radapt.workfolder import reserve_folder


@dataclass(frozen=True, slots=True, eq=False)
class StudyContext:
    """A study under way: what is to be done, with which images, where, and on what."""

    plan: Plan
    source: Dataset
    images: Domains
    out: Path
    hardware: Hardware
    watch: Watch
    shelf: FeatureCache
    target: str | None  # the fingerprint of the second hospital's data set, if there is one
    bases: Path | None  # a study of the same source, whose base models are taken over

    def folder(self, cell: Cell) -> Path:
        """Give the run folder of a cell."""
        return self.out / CELLS / cell.name

    def labelled(self, budget: str, seed: int) -> ImageSet:
        """Give the labelled target images of a budget."""
        if self.plan.protocol == "original":
            return self.source["val"]  # shifted anew for every batch, as the original did
        return parts.labelled_images(self.images, budget, seed=seed)

    def spec(self) -> Spec:
        """Describe the models of the study."""
        source = self.source
        reading = source.origin.reading.as_dict()
        spec = new_spec(self.plan.model, source.classes, findings=not source.exclusive, **reading)
        return replace(spec, outputs="sigmoid") if self.plan.protocol == "original" else spec


def run_study(
    plan: Plan,
    source: Dataset,
    target: Dataset | None,
    out: Path,
    *,
    hardware: Hardware,
    watch: Watch = SILENT,
    bases: Path | None = None,
    protocol: Protocol | None = None,
) -> dict[str, Any]:
    """Carry out a study into a folder, or go on with it; give what `study.json` then holds.

    Parameters
    ----------
    source
        Images of the first hospital: `train`, `test`, and perhaps `val`.
    target
        Images of the second: `train` and `test`; None where the plan shifts the source's.
    bases
        The folder of a study with the same source and plan but for the second hospital: its base models are
        taken over instead of being trained again.
    protocol
        What the study is to show. It is frozen in the folder before any test image is scored.

    Raises
    ------
    AskedWrongly
        If the images do not suit the plan, or `out` holds another study.
    """
    plan = replace(
        plan, budgets=plan.budgets or default_budgets(source, target), precision=hardware.precision
    )
    target = None if target is None else with_leaks_between(source, target)
    learned = None if target is None else target.origin.fingerprint
    images = _domains(plan, source, target, hardware)
    work = StudyContext(plan, source, images, out, hardware, watch, FeatureCache(), learned, bases)
    budgets = _budgets(work)
    build(
        work.spec(), pretrained=plan.pretrained
    )  # what cannot be built is refused before the folder is taken
    identity = {
        "kind": "study",
        "radapt": __version__,
        "plan": plan.as_dict(),
        "source": source.origin.fingerprint,
        "target": learned,
    }
    with reserve_folder(out, identity, PLAN):
        kept = _frozen(work, protocol, target)
        started = now()
        work, new = _trained(work, budgets)
        before = None if new else read_if_whole(out / STUDY, dict)  # then nothing was trained
        made = before["provenance"] if before and "provenance" in before else provenance(hardware, started)
        result = {
            **identity,
            "plan": work.plan.as_dict(),
            "source": describe_dataset(source),
            "target": {"shift": plan.shift, "seed": plan.seed}
            if target is None
            else describe_dataset(target),
            **_found(work, budgets, kept),
            "provenance": made,
        }
        write_json(out / STUDY, result)
        return dict(plain(result))


def _trained(work: StudyContext, budgets: dict[str, ImageSet]) -> tuple[StudyContext, bool]:
    """Train what is not yet there; give the work with as many seeds as it took, and whether any was new."""
    plan, new, said = work.plan, False, list[tuple[Any, ...]]()
    for seeds in range(1, plan.seeds + 1) if plan.auto_seeds else [plan.seeds]:
        work = replace(work, plan=replace(plan, seeds=seeds))
        for cell in cells(work.plan):
            if not is_whole(work.folder(cell)):
                _run_cell(work, cell)
                new = True
        if plan.auto_seeds and 1 < seeds < plan.seeds:
            said.append(decided(list(_outcomes(work, budgets)), metric=plan.metric, margin=plan.margin))
            if len(said) > 1 and is_settled(*said[-2:]):
                break
    return work, new


def _frozen(
    work: StudyContext, protocol: Protocol | None, target: Dataset | None
) -> RegisteredProtocol | None:
    """Freeze the protocol that the study is given, or read the one that it was given before."""
    if protocol is None:
        return read_registered(work.out) if (work.out / REGISTERED).is_file() else None
    check_images(protocol, work.source, target)
    return register(protocol, work.out, now())


def _found(
    work: StudyContext, budgets: dict[str, ImageSet], kept: RegisteredProtocol | None
) -> dict[str, Any]:
    """Give all that the finished cells show."""
    radiographs, plan = work.images, work.plan
    outcomes = list(_outcomes(work, budgets))
    found = study_results(
        outcomes, metric=plan.metric, margin=plan.margin, paired=radiographs.drawn is not None
    )
    best = outcome_of(outcomes, found["the_best"]["strategy"], found["the_best"]["budget"])
    if radiographs.drawn is not None:
        write_table(work.out / DRAWN, {"id": radiographs.target_test.ids, **radiographs.drawn})
    roles = {
        "source train": radiographs.source_train,
        "source validation": radiographs.source_valid,
        "source test": radiographs.source_test,
        "target test": radiographs.target_test,
    }
    return {
        "roles": {name: count_images(images) for name, images in roles.items()},
        "budgets": [{"label": label, **count_images(images)} for label, images in budgets.items()],
        "cells": [read_record(work.folder(cell)) for cell in cells(work.plan)],
        **found,
        **_closely(work, select_models(outcomes, found["best"]), best, budgets),
        **shortcut_baselines(radiographs, outcome_of(outcomes), best),
        "protocol": kept and {**kept.as_dict(), "notices": kept.notices, **_verdict(kept, outcomes, budgets)},
        "images": save_example_images(work.out, radiographs, best),
    }


def _closely(
    work: StudyContext, outcomes: list[Outcome], best: Outcome, budgets: dict[str, ImageSet]
) -> dict[str, Any]:
    """Look closely at models: at a threshold, as probabilities, in use, and with parts of images hidden."""
    labels = {len(images): label for label, images in budgets.items()}
    models = [_close(work, outcome, labels[outcome.budget] if outcome.budget else "") for outcome in outcomes]
    radiographs, hardware, choose = work.images, work.hardware, work.plan.protocol == "held-out"
    tests = {
        "source": (models[0], radiographs.source_test),
        "target": (models[outcomes.index(best)], radiographs.target_test),
    }
    return {
        "appraisal": [appraised(model, choose=choose) for model in models],
        "occlusions": [
            occluded(model, domain, images, hardware, out=work.out)
            for domain, (model, images) in tests.items()
        ],
    }


def _close(work: StudyContext, outcome: Outcome, label: str) -> SelectedModel:
    """Say what the threshold of a model is chosen on: what it has not learned from, at its own hospital."""
    seed, images, hardware = work.plan.seed, work.images.source_valid, work.hardware
    cell = Cell(outcome.strategy, label, seed)
    folder, whose = work.folder(cell), OLD
    if label:
        wanted = work.labelled(label, seed)
        own = _split_budget(work, wanted, seed)[1]
        if own is None:
            return SelectedModel(outcome, folder, partial(_by_fold, work, cell, wanted), CROSS)
        images, whose = own, NEW
    return SelectedModel(outcome, folder, lambda: predict(load_classifier(folder), images, hardware), whose)


def _by_fold(work: StudyContext, cell: Cell, images: ImageSet) -> Predictions | None:
    """Give what a cell's few labelled images get from models adapted without them."""
    base = load_classifier(work.folder(Cell("none", "", cell.seed)))
    notes = read_record(work.folder(cell))["notes"]
    return out_of_fold(_strategy(work.plan, cell.strategy), base, images, _conditions(work, cell), notes)


def _verdict(
    kept: RegisteredProtocol, outcomes: list[Outcome], budgets: dict[str, ImageSet]
) -> dict[str, Any]:
    images = budgets.get(kept.protocol.budget)
    return {"verdict": verdict_of(kept.protocol, outcomes, 0 if images is None else len(images)).as_dict()}


def _domains(plan: Plan, source: Dataset, target: Dataset | None, hardware: Hardware) -> Domains:
    if (target is None) == (plan.shift is None):
        raise AskedWrongly(
            "A study needs a second hospital: either a target data set or a shift of the first."
        )
    if target is not None or plan.shift is None:
        return parts.real_domains(source, target or source, seed=plan.seed)
    images = parts.shifted_domains(
        source, plan.shift, seed=plan.seed, patients=plan.target_patients, device=hardware.device
    )
    if plan.protocol == "held-out":
        return images
    if not source.exclusive:
        raise AskedWrongly(
            "The original's protocol is for classes that exclude one another, not for findings."
        )
    if plan.budgets != ("val",) or "val" not in source.splits:
        raise AskedWrongly(
            "The original's protocol adapts to the images of the val folder and takes no other budget. "
            f"Got the budget {listed(plan.budgets)} and the splits {listed(source.splits)}."
        )
    # The original trained on every image and chose by the test images.
    return replace(images, source_train=source["train"], source_valid=source["test"])


def _budgets(work: StudyContext) -> dict[str, ImageSet]:
    """Give the labelled images of each budget, as the first seed draws them."""
    budgets = {budget: work.labelled(budget, work.plan.seed) for budget in work.plan.budgets}
    if len({len(images) for images in budgets.values()}) < len(budgets):
        sizes = ", ".join(f"{name} is {counted(len(images), 'image')}" for name, images in budgets.items())
        raise AskedWrongly(f"Two of the budgets are of the same number of images: {sizes}. Leave one out.")
    return budgets


def _run_cell(work: StudyContext, cell: Cell) -> None:
    """Train one model and score it on both test sets."""
    plan, radiographs, hardware = work.plan, work.images, work.hardware
    folder, started, conditions = work.folder(cell), now(), _conditions(work, cell)
    wanted: ImageSet | None = None
    if cell.is_base:
        trained_on: ImageSet = radiographs.source_train
        valid: ImageSet | None = radiographs.source_valid
        adapted = _taken_over(work, cell) or _train_base(work, conditions)
    else:
        base = load_classifier(work.folder(Cell("none", "", cell.seed)))
        if cell.budget:
            wanted = work.labelled(cell.budget, cell.seed)
            trained_on, valid = _split_budget(work, wanted, cell.seed)
        else:  # images without their labels are to be had for nothing
            trained_on, valid = radiographs.target_pool, None
        adapted = adapt_with_cv(_strategy(plan, cell.strategy), base, trained_on, valid, conditions)
    tests = {"target-test": radiographs.target_test, "source-test": radiographs.source_test}
    record = {
        **asdict(cell),
        "name": cell.name,
        "source": work.source.origin.fingerprint,
        **({} if cell.is_base or work.target is None else {"data": work.target}),
        **({} if plan.weights is None else {"pretrained": plan.weights.name}),
        "images": 0 if wanted is None else len(wanted),
        "trained_on": count_images(trained_on),
        "validated_on": None if valid is None else count_images(valid),
        "recipe": adapted.recipe and adapted.recipe.as_dict(),
        "notes": adapted.notes,
        "epochs": len(adapted.history),
        "training_seconds": sum(epoch.seconds for epoch in adapted.history),
        "provenance": provenance(hardware, started),
    }
    if valid is not None and plan.protocol == "held-out":
        about = {"of": f"validation images of the study's {'first' if wanted is None else 'second'} hospital"}
        write_reference(adapted.classifier, valid, folder, hardware, about=about, seed=cell.seed)
    _write_learned(work, cell, [each for each in (trained_on, valid) if each is not None])
    save_run(
        folder,
        classifier=adapted.classifier,
        history=adapted.history,
        predictions={name: predict(adapted.classifier, images, hardware) for name, images in tests.items()},
        record=record,
    )


def _write_learned(work: StudyContext, cell: Cell, learned: list[ImageSet]) -> None:
    """Keep with a cell which images it has learned from and is tested on, as they are without a shift."""
    is_base = cell.is_base
    before = None if is_base else read_learned(work.folder(Cell("none", "", cell.seed)))
    if before is None and not is_base:  # it is not known what the base learned from
        return
    if not is_base and _strategy(work.plan, cell.strategy).needs == "nothing":
        learned = []
    radiographs = work.images
    tested = (
        [radiographs.source_test]
        if work.target is None
        else [radiographs.source_test, radiographs.target_test]
    )
    if work.target is None:
        names = np.concatenate([np.empty(0, np.str_), *(images.ids for images in learned)])
        learned = [images.take(np.isin(images.ids, names)) for images in work.source.splits.values()]
    write_learned(work.folder(cell), learned, tested, before)


def _conditions(work: StudyContext, cell: Cell) -> AdaptContext:
    """Say how a cell is trained: the epochs and steps of the plan are for what runs the whole network."""
    plan = work.plan
    asked = cell.is_base or plan.protocol == "original" or not _strategy(plan, cell.strategy).on_features
    return AdaptContext(
        work.hardware,
        cell.seed,
        work.folder(cell) / STATE,
        work.watch,
        f"seed {cell.seed}, {'base model' if cell.is_base else cell.strategy} {cell.budget}".rstrip(),
        plan.epochs if asked else None,
        plan.steps if asked else None,
        source=work.images.source_train,
        shelf=work.shelf,
        pretrained=plan.pretrained,
    )


def _taken_over(work: StudyContext, cell: Cell) -> AdaptResult | None:
    """Give the base model of another study of the same source, if that trained one."""
    folder = None if work.bases is None else work.bases / CELLS / cell.name
    if folder is None or not is_finished(folder):
        return None
    record = read_record(folder)
    if record["source"] != work.source.origin.fingerprint:
        raise AskedWrongly(f"{work.bases} is a study of other images than {work.source.origin.name}.")
    recipe = None if record["recipe"] is None else Recipe(**record["recipe"])
    return AdaptResult(load_classifier(folder), read_epochs(folder / HISTORY), recipe)


def _train_base(work: StudyContext, conditions: AdaptContext) -> AdaptResult:
    recipe = ORIGINAL_BASE if work.plan.protocol == "original" else recipe_for(work.plan.model)
    classifier = build(work.spec(), seed=conditions.seed, pretrained=conditions.pretrained)
    images = work.images
    return train_all(
        classifier, images.source_train, images.source_valid, conditions.adjusted(recipe), conditions
    )


def _split_budget(work: StudyContext, wanted: ImageSet, seed: int) -> tuple[ImageSet, ImageSet | None]:
    if work.plan.protocol == "original":
        return wanted, work.images.target_test  # what the report marks as optimistic
    return split_off_validation(wanted, seed=seed)


def _strategy(plan: Plan, name: str) -> Strategy:
    """Give a strategy with its own options, or with the original's."""
    if plan.protocol == "held-out":
        return get_strategy(name)
    original: dict[str, Strategy] = {
        "none": NoAdaptation(),
        "scratch": Scratch(ORIGINAL_ADAPT),
        # A view a step: what an epoch of the original showed of each image, kept for all epochs.
        "head": Head(
            ORIGINAL_ADAPT, views=plan.steps or ORIGINAL_ADAPT.steps or 1, plain_view=False, plane=False
        ),
        "full": Full(ORIGINAL_ADAPT),
    }
    return original.get(name) or get_strategy(name)


def _answers(folder: Path, domain: str) -> Predictions:
    """Read what the model of a cell said of test images."""
    try:
        return Predictions.load(predictions_file(folder, f"{domain}-test"))
    except BadArtefact as error:
        raise BadArtefact(f"{error} Delete {folder}: the same command makes it again.") from None


def _outcomes(work: StudyContext, budgets: dict[str, ImageSet]) -> Iterator[Outcome]:
    def read(strategy: str, budget: str) -> dict[str, list[Predictions]]:
        folders = [work.folder(Cell(strategy, budget, seed)) for seed in work.plan.training_seeds]
        return {domain: [_answers(folder, domain) for folder in folders] for domain in ("target", "source")}

    yield Outcome("none", 0, read("none", ""))
    first = work.plan.seed
    for cell in cells(work.plan):
        if cell.seed == first and not cell.is_base:
            images = len(budgets[cell.budget]) if cell.budget else 0
            yield Outcome(cell.strategy, images, read(cell.strategy, cell.budget))
