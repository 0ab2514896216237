"""The whole experiment: base models, every strategy at every budget, and their results.

A study folder::

    plan.json        what was asked, with fingerprints of the images; written first
    cells/NAME/      a run folder per model, see `radapt.runs.folder`
    protocol.json    the registered protocol, if there is one
    images.npz       the example images of the report
    maps.npz         what spoke for the most confident errors among them
    occlusion.json   scores of selected models with parts of the images hidden
    shift.parquet    the shift's parameters for each test image
    study.json       all results; written last
    others.json      other models on the target test images, see `radapt.study.other_models`
    others/NAME.parquet   their predictions
    options.toml     of a study made on the command line, its options for `--config`
    report.html      drawn from the folder alone
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from radapt.adaptation.cross_validation import out_of_fold
from radapt.artefacts import DRAWN, PLAN, REGISTERED, SCORES, STUDY
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.evaluation.scores import Outcome
from radapt.evaluation.subgroups import values_of
from radapt.files import read_document, read_if_whole, write_document
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.leaks import with_leaks_between
from radapt.images.notice import as_rows
from radapt.models.checkpoint import load_classifier
from radapt.models.inference import predict
from radapt.models.table import build
from radapt.parquet import write_table
from radapt.predictions import Predictions
from radapt.progress import SILENT, Steps, Watch
from radapt.provenance import now, provenance
from radapt.runs.base import check_tune
from radapt.runs.folder import is_whole, read_record
from radapt.runs.holdout import count_images, describe_dataset
from radapt.study.cells import StudyContext, read_predictions, run_cell, tested_models
from radapt.study.comparison import outcome_of
from radapt.study.domains import Domains, describe_roles, real_domains, shifted_domains
from radapt.study.example_images import save_example_images
from radapt.study.folds import divide_into_folds
from radapt.study.given_base import check_given_base, notices_about
from radapt.study.pace import Pace
from radapt.study.plan import Cell, Plan, by_fold, cells, default_budgets
from radapt.study.protocol import Protocol, check_images
from radapt.study.registration import RegisteredProtocol, read_registered, refuse_limit, register
from radapt.study.results import (
    decided,
    is_settled,
    one_class_notices,
    shortcut_baselines,
    study_results,
    verdict_of,
)
from radapt.study.selected_models import (
    OUT_OF_FOLD_SET,
    SOURCE_VALIDATION_SET,
    TARGET_VALIDATION_SET,
    SelectedModel,
    evaluate_selected,
    measure_occlusion,
    select_models,
)
from radapt.study.subgroups import subgroup_rows
from radapt.study.time_limit import OutOfTime, finished_part, shortened_notices, time_limit_notice
from radapt.text import counted, listed
from radapt.version import __version__
from radapt.workfolder import reserve_folder


def run_study(
    plan: Plan,
    source: Dataset,
    target: Dataset | None,
    out: Path,
    *,
    hardware: Hardware,
    watch: Watch = SILENT,
    base_models_from: Path | None = None,
    protocol: Protocol | None = None,
) -> dict[str, Any]:
    """Carry out a study into a folder, or go on with it; return the content of `study.json`.

    Parameters
    ----------
    source
        Images of the source hospital: `train`, `test`, and perhaps `val`.
    target
        Images of the target hospital: `train` and `test`, or any splits where the plan has folds; None where
        the plan shifts the source's.
    base_models_from
        The folder of a study that differs in the target alone: its base models are used again instead of
        being trained anew. Where the plan has a base, the folder of that run; none is then trained.
    protocol
        The claim to test. It is registered in the folder before any test image is scored.

    Raises
    ------
    AskedWrongly
        If the images do not suit the plan, `out` holds another study, or a registered one has a time limit.
    OutOfTime
        If the plan's minutes are up before anything can be compared.
    """
    refuse_limit(plan.minutes, protocol, out)
    base = base_models_from if plan.base else None
    if base is None:
        check_tune(plan.model, plan.tune)
    else:
        check_given_base(base, plan, source)
    plan = replace(
        plan, budgets=plan.budgets or default_budgets(source, target), precision=hardware.precision
    )
    target = None if target is None else _prepared(plan, source, target)
    learned = None if target is None else target.origin.fingerprint
    images = _domains(plan, source, target, hardware)
    for column in plan.by:
        values_of(images.target_test.columns, column)  # a column that is not there is refused before training
    known = () if base is None else notices_about(base, images, source, target, plan.seeds)
    study = StudyContext(plan, source, images, out, hardware, watch, learned, base_models_from, known)
    budgets = _budgets(study)
    if base is None:  # what cannot be built is refused before `out` is begun
        build(study.spec(), pretrained=plan.pretrained)
    identity = _identity(plan, source, learned)
    with reserve_folder(out, identity, PLAN):
        registered = _register(study, protocol, target)
        started = now()
        pace = Pace(plan.minutes, plan.deadline, {name: len(part) for name, part in budgets.items()})
        new = _say_where(study)
        for seeded in _with_seeds(study, budgets):
            for cell in _cells_to_train(seeded, pace):
                run_cell(seeded, cell)
                new = True
            if pace.refused:
                break
        seeded = _in_time(seeded, plan) if pace.refused else seeded
        seeded = _shortened(seeded, over=pace.is_over)
        budgets = {label: budgets[label] for label in seeded.plan.budgets}
        before = None if new else read_if_whole(out / STUDY)  # nothing was trained: keep its provenance
        result = {
            **identity,
            "plan": seeded.plan.as_dict(),
            "source": describe_dataset(source),
            "target": {"shift": plan.shift, "seed": plan.seed}
            if target is None
            else describe_dataset(target),
            **_collect_results(seeded, budgets, registered),
            "provenance": (before or {}).get("provenance") or provenance(hardware, started),
        }
        write_document(out / STUDY, result)
        return read_document(out / STUDY)


def _identity(plan: Plan, source: Dataset, target: str | None) -> dict[str, Any]:
    """Return what a study was asked, for JSON, without what changes none of its models."""
    return {
        "kind": "study",
        "radapt": __version__,
        "plan": replace(plan, by=(), minutes=None, quick=False, checks=True).as_dict(),
        "source": source.origin.fingerprint,
        "target": target,
    }


def _say_where(study: StudyContext) -> bool:
    """Say how many cells are done where a study goes on; return False, since none is new."""
    planned = list(cells(study.plan))
    done = sum(is_whole(study.folder(cell), SCORES) for cell in planned)
    if done:
        verb = "is" if done == 1 else "are"
        of = f"{done} of {counted(len(planned), 'cell')}"
        study.watch.say(f"Going on from {study.out}: {of} {verb} done.")
    return False


def _shortened(study: StudyContext, *, over: bool) -> StudyContext:
    """Leave the slow checks out where the time is up, and say what is left out to save time."""
    plan = replace(study.plan, checks=study.plan.checks and not over)
    return replace(study, plan=plan, notices=(*study.notices, *shortened_notices(plan)))


def _cells_to_train(study: StudyContext, pace: Pace) -> Iterator[Cell]:
    """Yield the cells that are not done, until the time is up; each is trained before the next is wanted."""
    planned = list(cells(study.plan))
    for cell in planned:
        if not is_whole(study.folder(cell), SCORES):
            if not pace.may_begin():
                return
            study.watch.begin(pace.begin(cell, planned), 1, "cell")
            yield cell
            pace.end(cell)
            study.watch.end()


def _in_time(study: StudyContext, asked: Plan) -> StudyContext:
    """Return the part of a study that is done when its time is up, with a notice of what it leaves out."""
    done = [cell for cell in cells(study.plan) if is_whole(study.folder(cell), SCORES)]
    part = finished_part(study.plan, done.__contains__)
    if part is None:
        raise OutOfTime(asked.minutes or 0, len(done), len(list(cells(study.plan))))
    left_out = () if part == asked else (time_limit_notice(asked, part),)
    return replace(study, plan=part, notices=(*study.notices, *left_out))


def _prepared(plan: Plan, source: Dataset, target: Dataset) -> Dataset:
    """Return the target with notices of leaks, and in folds where the plan has folds."""
    if plan.folds:
        return divide_into_folds(source, target, plan.folds, seed=plan.seed)
    return with_leaks_between(source, target)


def _with_seeds(study: StudyContext, budgets: dict[str, ImageSet]) -> Iterator[StudyContext]:
    """Yield the study with its number of seeds; with `auto_seeds` with one more until its verdict is settled.

    The cells of each have to be trained before the next is asked for.
    """
    plan, decisions = study.plan, list[tuple[Any, ...]]()
    for seeds in range(1, plan.seeds + 1) if plan.auto_seeds else [plan.seeds]:
        study = replace(study, plan=replace(plan, seeds=seeds))
        yield study
        if plan.auto_seeds and 1 < seeds < plan.seeds:
            decisions.append(decided(list(_outcomes(study, budgets)), metric=plan.metric, margin=plan.margin))
            if len(decisions) > 1 and is_settled(*decisions[-2:]):
                break


def _register(
    study: StudyContext, protocol: Protocol | None, target: Dataset | None
) -> RegisteredProtocol | None:
    """Register the protocol of the study, or read the one that was registered before."""
    if protocol is None:
        return read_registered(study.out) if (study.out / REGISTERED).is_file() else None
    check_images(protocol, study.source, target)
    return register(protocol, study.out, now())


def _collect_results(
    study: StudyContext, budgets: dict[str, ImageSet], registered: RegisteredProtocol | None
) -> dict[str, Any]:
    """Return the results of the finished cells, for JSON."""
    domains, plan = study.images, study.plan
    outcomes = list(_outcomes(study, budgets))
    step = Steps(study.watch, "evaluating the models", 2 + 2 * plan.checks, "step")
    results = study_results(
        outcomes, metric=plan.metric, margin=plan.margin, paired=domains.drawn is not None
    )
    step()
    best = outcome_of(outcomes, results["the_best"]["strategy"], results["the_best"]["budget"])
    if domains.drawn is not None:
        write_table(study.out / DRAWN, {"id": domains.target_test.ids, **domains.drawn})
    none = outcome_of(outcomes)
    baselines, not_clearly_better = shortcut_baselines(domains, none, best)
    roles = {
        "source train": domains.source_train,
        "source validation": domains.source_valid,
        "source test": domains.source_test,
        "target test": domains.target_test,
    }
    result = {
        "roles": {name: count_images(images) for name, images in roles.items()},
        "characteristics": describe_roles(dict(roles), domains.target_pool),
        "budgets": [{"label": label, **count_images(images)} for label, images in budgets.items()],
        "cells": [read_record(study.folder(cell)) for cell in cells(study.plan)],
        **results,
        **_selected(study, select_models(outcomes, results["best"]), best, budgets, step),
        **baselines,
        "warnings": as_rows([*study.notices, *one_class_notices(none), *not_clearly_better]),
        "subgroups": subgroup_rows(outcomes, domains.target_test, plan.by),
        "protocol": registered
        and {
            **registered.as_dict(),
            "notices": as_rows(registered.notices),
            **_verdict(registered, outcomes, budgets),
        },
        "images": save_example_images(
            study.out, domains, best, tested_models(study, best, budgets), study.hardware
        ),
    }
    step.end()
    return result


def _selected(
    study: StudyContext, outcomes: list[Outcome], best: Outcome, budgets: dict[str, ImageSet], step: Steps
) -> dict[str, Any]:
    """Evaluate the selected models on the target images, and measure occlusion on both sides, for JSON."""
    labels = {len(images): label for label, images in budgets.items()}
    models = [
        _select(study, outcome, labels[outcome.budget] if outcome.budget else "") for outcome in outcomes
    ]
    plan, hardware = study.plan, study.hardware
    shown = study.of_fold(by_fold(plan, Cell(best.strategy, "", plan.seed))[0].fold).images.target_test
    tests = {
        "source": (models[0], study.images.source_test),
        "target": (models[outcomes.index(best)], shown),
    }
    # The labelled images of one fold are test images of the others: no threshold is chosen on them.
    choose = [plan.protocol == "held-out" and not (plan.folds and model.outcome.budget) for model in models]
    performance = [evaluate_selected(*each) for each in zip(models, choose, strict=True)]
    step()
    occlusions = []
    for domain, (model, images) in tests.items() if plan.checks else ():
        occlusions.append(
            measure_occlusion(model, domain, images, hardware, out=study.out, watch=study.watch)
        )
        step()
    return {"performance": performance, "occlusions": occlusions}


def _select(study: StudyContext, outcome: Outcome, label: str) -> SelectedModel:
    """Return a model with images to tune its threshold on: of its own domain, and not trained on."""
    seed, images, hardware = study.plan.seed, study.images.source_valid, study.hardware
    cell = by_fold(study.plan, Cell(outcome.strategy, label, seed))[0]
    study = study.of_fold(cell.fold)
    folder, tuning_set = study.folder(cell), SOURCE_VALIDATION_SET
    if label:
        labelled = study.labelled(label, seed)
        valid = study.split_budget(labelled, seed)[1]
        if valid is None:
            predict_folds = partial(_predict_out_of_fold, study, cell, labelled)
            return SelectedModel(outcome, folder, predict_folds, OUT_OF_FOLD_SET)
        images, tuning_set = valid, TARGET_VALIDATION_SET
    return SelectedModel(
        outcome, folder, lambda: predict(load_classifier(folder), images, hardware), tuning_set
    )


def _predict_out_of_fold(study: StudyContext, cell: Cell, images: ImageSet) -> Predictions | None:
    """Return predictions of a cell's few labelled images, each by a model adapted without its fold."""
    base = load_classifier(study.base(cell.seed))
    notes = read_record(study.folder(cell))["notes"]
    return out_of_fold(study.strategy(cell.strategy), base, images, study.conditions(cell), notes)


def _verdict(
    registered: RegisteredProtocol, outcomes: list[Outcome], budgets: dict[str, ImageSet]
) -> dict[str, Any]:
    images = budgets.get(registered.protocol.budget)
    return {
        "verdict": verdict_of(registered.protocol, outcomes, 0 if images is None else len(images)).as_dict()
    }


def _domains(plan: Plan, source: Dataset, target: Dataset | None, hardware: Hardware) -> Domains:
    if (target is None) == (plan.shift is None):
        raise AskedWrongly("A study needs target images: either a target data set or a shift of the source.")
    if target is not None or plan.shift is None:
        return real_domains(source, target or source, seed=plan.seed, in_folds=plan.folds > 0)
    images = shifted_domains(
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


def _budgets(study: StudyContext) -> dict[str, ImageSet]:
    """Return the labelled images of each budget, as the first seed draws them for the first fold."""
    study = study.of_fold(1)
    budgets = {budget: study.labelled(budget, study.plan.seed) for budget in study.plan.budgets}
    if len({len(images) for images in budgets.values()}) < len(budgets):
        sizes = ", ".join(f"{name} is {counted(len(images), 'image')}" for name, images in budgets.items())
        raise AskedWrongly(f"Two of the budgets are of the same number of images: {sizes}. Leave one out.")
    return budgets


def _outcomes(study: StudyContext, budgets: dict[str, ImageSet]) -> Iterator[Outcome]:
    def read(strategy: str, budget: str) -> dict[str, list[Predictions]]:
        plan, models = study.plan, [Cell(strategy, budget, seed) for seed in study.plan.training_seeds]
        return {
            domain: [read_predictions(study.out, plan, model, domain) for model in models]
            for domain in ("target", "source")
        }

    yield Outcome("none", 0, read("none", ""))
    first = study.plan.seed
    for cell in cells(study.plan):
        if cell.seed == first and cell.represents_folds and not cell.is_base:
            images = len(budgets[cell.budget]) if cell.budget else 0
            yield Outcome(cell.strategy, images, read(cell.strategy, cell.budget))
