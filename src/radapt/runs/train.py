"""Train one model into a run folder."""

from pathlib import Path
from typing import Any

import numpy as np

from radapt.adapt.strategy import AdaptContext
from radapt.adapt.tuning import train_all
from radapt.artefacts import IDENTITY, SCORES, STATE
from radapt.device import Hardware
from radapt.drift.reference import write_reference
from radapt.errors import AskedWrongly
from radapt.files import plain
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.split import fold_of
from radapt.models.inference import embed
from radapt.models.pretrained import Weights
from radapt.models.table import build, new_spec
from radapt.progress import SILENT, Watch
from radapt.provenance import now
from radapt.runs.finish import about_validation, finish, start_named
from radapt.runs.folder import is_whole, read_record
from radapt.runs.holdout import chooses_epochs, describe_dataset, split_validation
from radapt.runs.learned import write_learned
from radapt.shortcuts.site_prediction import site_record
from radapt.training.recipe import Recipe
from radapt.version import __version__
from radapt.workfolder import reserve_folder


def train_model(
    data: Dataset,
    out: Path,
    *,
    model: str,
    recipe: Recipe,
    seed: int = 0,
    hardware: Hardware,
    weights: Weights | None = None,
    fold: tuple[int, int] | None = None,
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Train a model on a data set's `train` images into a run folder, or go on with it; give its record.

    The best epoch is chosen on the `val` images where there are at least 100, else on 10 % of the training
    patients. The `test` images, if there are any, are scored once, at the end.

    Parameters
    ----------
    weights
        Pretrained ones to start from, as `radapt.models.table.find_weights` gives them.
    fold
        (which, of how many), from 1: trains on the other folds of the `train` images and scores this one
        instead of the `test` images, which are left alone.

    Raises
    ------
    AskedWrongly
        If `out` holds other work, or the images do not suit the model.
    """
    train, valid = data["train"], data.splits.get("val")
    tests = {"source-test": data.splits["test"]} if "test" in data.splits else {}
    if fold is not None:
        train, tests["source-test"] = _one_fold(train, *fold, seed=seed)
    learnt_from = train
    if valid is None or not chooses_epochs(valid):
        train, valid = split_validation(train, seed=seed)
    spec = new_spec(model, data.classes, findings=not data.exclusive, **data.origin.reading.as_dict())
    identity = {
        "kind": "train",
        "radapt": __version__,
        "spec": plain(spec.as_dict()),
        "recipe": recipe.as_dict(),
        "seed": seed,
        "data": data.origin.fingerprint,
        "pretrained": start_named(weights, out),
        "precision": hardware.precision,
        **({} if fold is None else {"fold": f"{fold[0]}/{fold[1]}"}),
    }
    # What cannot be built is refused before the folder is taken.
    classifier = build(spec, seed=seed, pretrained=False if weights is None else weights.start, watch=watch)
    with reserve_folder(out, identity, IDENTITY) as begun:
        if begun and is_whole(out, SCORES):
            return read_record(out)
        started = now()
        conditions = AdaptContext(hardware, seed, out / STATE, watch, f"training {model}")
        trained = train_all(classifier, train, valid, recipe, conditions)
        record = {
            **identity,
            "strategy": "none",
            "images": 0,
            "source": data.origin.fingerprint,
            "trained_on": len(train),
            "validated_on": len(valid),
            "notices": list(data.origin.notices),
            "data_set": describe_dataset(data),
            "sites": site_record(
                train, lambda pixels: embed(trained.classifier, pixels, hardware).numpy().astype(np.float64)
            ),
        }
        write_reference(trained.classifier, valid, out, hardware, about=about_validation(data), seed=seed)
        write_learned(out, (train, valid), tests.values())
        return finish(out, trained, learnt_from, valid, tests, record, hardware, started)


def _one_fold(images: ImageSet, which: int, folds: int, *, seed: int) -> tuple[ImageSet, ImageSet]:
    """Give the other folds, and this one."""
    if not 1 <= which <= folds:
        raise AskedWrongly(f"A fold is one of those there are, such as 2/5. Got {which}/{folds}.")
    own = fold_of(images, folds, seed=seed) == which - 1
    return images.take(~own), images.take(own)
