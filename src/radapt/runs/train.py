"""Train one model into a run folder."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from radapt.adaptation.strategy import AdaptContext, AdaptResult
from radapt.artefacts import IDENTITY, SCORES, STATE
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.files import plain
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.notice import as_rows
from radapt.images.split import fold_of
from radapt.models.classifier import Classifier
from radapt.models.ensemble import member_seeds, members_of
from radapt.models.inference import embed
from radapt.models.pretrained import Weights
from radapt.models.table import build, new_spec
from radapt.progress import SILENT, Watch
from radapt.provenance import now
from radapt.runs.base import Tune, check_members, check_tune, train_base
from radapt.runs.finish import TrainedModel, about_validation, finish
from radapt.runs.folder import is_whole, read_record
from radapt.runs.holdout import chooses_epochs, describe_dataset, split_validation
from radapt.runs.learned import write_learned
from radapt.shortcuts.site_prediction import site_record
from radapt.training.recipe import Recipe
from radapt.training.state import Epoch
from radapt.version import __version__
from radapt.workfolder import reserve_folder


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Which model is trained, and how."""

    model: str = "compact"  # a name in `radapt.models.table`
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 0
    weights: Weights | None = None  # pretrained, to start from; see `radapt.models.table.find_weights`
    tune: Tune = "all"  # or "head": the trunk keeps its weights, see `radapt.runs.base.train_base`
    # (which, of how many), from 1: train on the other folds of the `train` images and score this one instead
    # of the `test` images, which are left alone.
    fold: tuple[int, int] | None = None
    members: int = 1  # networks, each from a seed of its own, whose mean probability the model gives
    test_views: int = 1  # views of each image that the model averages, see `Spec.views`


def train_model(
    data: Dataset, out: Path, options: TrainOptions, *, hardware: Hardware, watch: Watch = SILENT
) -> dict[str, Any]:
    """Train a model on a data set's `train` images into a run folder, or go on with it; return its record.

    The best epoch is chosen on the `val` images where there are at least 100, else on 10 % of the training
    patients. The `test` images, if there are any, are scored once, at the end.

    Raises
    ------
    AskedWrongly
        If `out` holds other work, or the images do not suit the model.
    """
    check_tune(options.model, options.tune)
    check_members(options.members, options.tune)
    seed, recipe = options.seed, options.recipe
    pool, train, valid, tests = _split(data, options)
    spec = replace(
        new_spec(options.model, data.classes, findings=not data.exclusive, **data.origin.reading.as_dict()),
        views=options.test_views,
        members=options.members,
    )
    identity = {
        "kind": "train",
        "radapt": __version__,
        "spec": plain(spec.as_dict()),
        "recipe": recipe.as_dict(),
        "seed": seed,
        "data": data.origin.fingerprint,
        "pretrained": False if options.weights is None else options.weights.name,
        "tune": options.tune,
        "precision": hardware.precision,
        **({} if options.fold is None else {"fold": f"{options.fold[0]}/{options.fold[1]}"}),
    }
    # What cannot be built is refused before the folder is written to.
    pretrained = False if options.weights is None else options.weights.start
    classifier = build(spec, seed=seed, pretrained=pretrained, watch=watch)
    with reserve_folder(out, identity, IDENTITY) as begun:
        if begun and is_whole(out, SCORES):
            return read_record(out)
        started = now()
        conditions = AdaptContext(hardware, seed, out / STATE, watch, f"training {options.model}")
        trained = _trained(classifier, train, valid, options, conditions)
        about = {
            **identity,
            "strategy": "none",
            "images": 0,
            "source": data.origin.fingerprint,
            "notices": as_rows(data.origin.notices),
            "data_set": describe_dataset(data),
            "sites": site_record(
                train, lambda pixels: embed(trained.classifier, pixels, hardware).numpy().astype(np.float64)
            ),
        }
        write_learned(out, (train, valid), tests.values())
        model = TrainedModel(trained, train, valid, tests, seed, started, about_validation(data), watch=watch)
        return finish(out, model, about, hardware, baselines_on=pool)


def _trained(
    classifier: Classifier, train: ImageSet, valid: ImageSet, options: TrainOptions, conditions: AdaptContext
) -> AdaptResult:
    """Train a new model, or each member of an ensemble from its own seed; their epochs are counted on."""
    if options.members == 1:
        return train_base(classifier, train, valid, options.recipe, conditions, tune=options.tune)
    epochs: list[Epoch] = []
    notes: list[dict[str, Any]] = []
    seeds = member_seeds(conditions.seed, options.members)
    for number, (member, seed) in enumerate(zip(members_of(classifier), seeds, strict=True), start=1):
        own = replace(conditions.phase(f"member-{number}"), seed=seed)
        result = train_base(member, train, valid, options.recipe, own)
        notes.append({"seed": own.seed, "epochs": len(result.history), **result.notes})
        epochs += [replace(each, number=len(epochs) + each.number) for each in result.history]
    return AdaptResult(classifier.cpu().eval(), tuple(epochs), options.recipe, {"members": notes})


def count_to_train_on(data: Dataset, options: TrainOptions) -> int:
    """Return how many images a model is trained on: without those of its fold and those set aside.

    Raises
    ------
    AskedWrongly
        As for `train_model`, about the images.
    """
    return len(_split(data, options)[1])


def _split(data: Dataset, options: TrainOptions) -> tuple[ImageSet, ImageSet, ImageSet, dict[str, ImageSet]]:
    """Return the pool, its images to train on, those that choose the epoch, and the test sets."""
    tests = {"source-test": data.splits["test"]} if "test" in data.splits else {}
    pool, valid = data["train"], data.splits.get("val")
    if options.fold is not None:
        pool, tests["source-test"] = _one_fold(pool, *options.fold, seed=options.seed)
    if valid is not None and chooses_epochs(valid):
        return pool, pool, valid, tests
    return pool, *split_validation(pool, seed=options.seed), tests


def _one_fold(images: ImageSet, which: int, folds: int, *, seed: int) -> tuple[ImageSet, ImageSet]:
    """Return the images of the other folds, and those of this one."""
    if not 1 <= which <= folds:
        raise AskedWrongly(
            f"A fold has a number from 1 to the number of folds, as in 2/5. Got {which}/{folds}."
        )
    in_fold = fold_of(images, folds, seed=seed) == which - 1
    return images.take(~in_fold), images.take(in_fold)
