"""Adapt one model into a run folder."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from radapt.adaptation.cross_validation import adapt_with_cv
from radapt.adaptation.strategy import AdaptContext, Strategy
from radapt.adaptation.table import check_base, get_strategy
from radapt.artefacts import IDENTITY, SCORES, STATE
from radapt.device import Hardware
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.leaks import with_leaks_between
from radapt.images.notice import as_rows
from radapt.images.split import choose_budget
from radapt.models.checkpoint import model_digest
from radapt.models.classifier import Classifier
from radapt.models.inference import check_classes
from radapt.models.pretrained import Weights
from radapt.progress import SILENT, Watch
from radapt.provenance import now
from radapt.runs.finish import TrainedModel, about_validation, finish
from radapt.runs.folder import is_whole, read_record
from radapt.runs.holdout import describe_dataset, split_off_validation
from radapt.runs.learned import write_learned
from radapt.shift.shifted import shifted
from radapt.version import __version__
from radapt.workfolder import reserve_folder


@dataclass(frozen=True, slots=True)
class AdaptOptions:
    """How a model is adapted, and to which of the images."""

    strategy: str  # a name in `STRATEGIES`, or with options, as in "last-k(k=2)"
    shift: str | None = None  # of the images, if they are to be shifted
    budget: int | None = None  # how many labelled images to use; None for all
    seed: int = 0
    epochs: int | None = None  # instead of the strategy's own
    steps: int | None = None  # batches an epoch, instead of the strategy's own


@dataclass(frozen=True, slots=True, eq=False)
class BaseOrigin:
    """Where a base model comes from, as far as that is known."""

    run: Path | None = None  # its run folder: which images it learned from is kept with the adapted run too
    source: str | None = None  # the fingerprint of the images that it learned from
    images: Dataset | None = None  # these images, for the strategies that go back to them
    weights: Weights | None = None  # pretrained ones that it was initialised from: `scratch` starts from them


def adapt_model(
    base: Classifier,
    data: Dataset,
    out: Path,
    options: AdaptOptions,
    *,
    hardware: Hardware,
    origin: BaseOrigin = BaseOrigin(),
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Adapt a model to a data set's `train` images into a run folder, or go on with it; return its record.

    Raises
    ------
    AskedWrongly
        If `out` holds other work, or the images do not suit the model.
    """
    strategy, seed, shift = get_strategy(options.strategy), options.seed, options.shift
    check_base(base.spec, [options.strategy])
    check_classes(base, data)
    data = data if origin.images is None else with_leaks_between(origin.images, data)
    pool, test = shifted(data["train"], shift, seed), shifted(data["test"], shift, seed)
    images = pool if options.budget is None else choose_budget(pool, options.budget, seed=seed)
    conditions = AdaptContext(
        hardware,
        seed,
        out / STATE,
        watch,
        f"adapting: {options.strategy}",
        options.epochs,
        options.steps,
        source=None if origin.images is None else origin.images["train"],
        pretrained=False if origin.weights is None else origin.weights.start,
    )
    if strategy.source:
        conditions.source_images(options.strategy)  # refused before the folder is written to
    identity = _identity(base, data, options, origin, hardware)
    with reserve_folder(out, identity, IDENTITY) as begun:
        if begun and is_whole(out, SCORES):
            return read_record(out)
        started = now()
        train, valid = split_off_validation(images, seed=seed)
        if strategy.needs != "labelled":
            train, valid = images, None
        adapted = adapt_with_cv(strategy, base, train, valid, conditions)
        about = {
            **identity,
            "images": len(images) if strategy.needs == "labelled" else 0,
            "source": origin.source,
            "pretrained": False if origin.weights is None else origin.weights.name,
            "notices": as_rows(data.origin.notices),
            "data_set": describe_dataset(data),
        }
        if origin.run is not None:  # else it is not known what the base learned from
            learned = _learned_from(strategy, data, images, origin)
            write_learned(out, learned, [data["test"]], base=origin.run)
        reference = {**about_validation(data), **({} if shift is None else {"shift": shift})}
        model = TrainedModel(adapted, train, valid, {"target-test": test}, seed, started, reference)
        model = replace(model, before=None if options.strategy == "none" else base, watch=watch)
        return finish(out, model, about, hardware, baselines_on=pool)


def _identity(
    base: Classifier, data: Dataset, options: AdaptOptions, origin: BaseOrigin, hardware: Hardware
) -> dict[str, Any]:
    """Return all that decides the adapted model, for JSON."""
    weights = origin.weights if get_strategy(options.strategy).reinitialises else None
    return {
        "kind": "adapt",
        "radapt": __version__,
        **asdict(options),
        "base": model_digest(base),
        "precision": hardware.precision,
        "data": data.origin.fingerprint,
        **({} if origin.images is None else {"source_images": origin.images.origin.fingerprint}),
        **({} if weights is None else {"pretrained": weights.name}),
    }


def _learned_from(strategy: Strategy, data: Dataset, images: ImageSet, origin: BaseOrigin) -> list[ImageSet]:
    """Return the images that the strategy learns from, as they are without a shift."""
    learned = [data["train"].take(np.isin(data["train"].ids, images.ids) & (strategy.needs != "nothing"))]
    if origin.images is not None and strategy.source:
        learned.append(origin.images["train"])
    return learned
