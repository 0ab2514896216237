"""Training and adapting from Python: a run folder each, as the commands of these names write."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from radapt.adaptation.strategy import check_source
from radapt.adaptation.table import get_strategy
from radapt.api.given import AnyData, AnyModel, data_for, data_of, folder_of, model_of
from radapt.api.options import check_names, field_names, picked, watch_for
from radapt.device import select_device
from radapt.errors import AskedWrongly
from radapt.images.load_options import LoadOptions
from radapt.models.classifier import Classifier
from radapt.models.pretrained import Weights
from radapt.models.table import check_model, default_size, find_again, find_weights
from radapt.report.folder import Run, read_run
from radapt.runs.adapt import AdaptOptions, BaseOrigin, adapt_model
from radapt.runs.base import check_members, check_tune, default_tune
from radapt.runs.folder import initial_weights_of, read_record
from radapt.runs.train import TrainOptions, count_to_train_on, train_model
from radapt.shift.augment import parse_augmentation
from radapt.shift.expression import resolved
from radapt.text import joined
from radapt.training.recipe import Recipe, base_recipe_for

TRAIN = ("tune", "members", "fold", "test_views")
ADAPT = ("shift", "seed", "epochs", "steps")


def train(
    data: AnyData,
    model: str = "compact",
    out: Path | str | None = None,
    *,
    weights: Path | str | bool = False,
    seed: int = 0,
    device: str = "auto",
    progress: bool = False,
    **options: Any,
) -> Run:
    """Train a model on the `train` images of a data set, and score it on the `test` images, once.

    The epoch is chosen on the `val` images where there are at least 100, else on 10 % of the training
    patients.

    Parameters
    ----------
    data
        A data set, or a path as for `radapt.load_dataset`, read at the size that the model is made for.
    model
        A name of `radapt.list_models()`, `timm:NAME`, `hf:FOLDER` or `onnx:FILE`.
    out
        The run's folder. A run that was begun there with the same request goes on; other work is refused.
        None: a new temporary folder.
    weights
        Pretrained weights to start from: a file, or True for the published ones of the model. `lite0` to
        `lite2` start from ImageNet without it.
    seed
        Decides all that is random.
    device
        `"auto"` (a GPU if there is one), `"cpu"`, `"cuda"`, `"cuda:1"` or `"mps"`.
    progress
        Whether to print how far training is.
    **options
        `tune` ("all" or "head"; by default "head" for pretrained weights), `members`, `fold` and `test_views`
        as in `radapt.runs.train.TrainOptions`; and fields of `radapt.training.recipe.Recipe`, such as
        `epochs`, `steps`, `batch_size`, `learning_rate` and `augment`, in place of the model's own.

    Returns
    -------
    Run
        The finished run: its scores, `predictions`, `history` and `model`.

    Raises
    ------
    UnknownName
        If there is no such model or option.
    AskedWrongly
        If the images do not suit the model, an option is out of its range, or `out` holds other work.
    """
    check_model(model)
    check_names(options, [*field_names(Recipe), *TRAIN])
    watch, changed = watch_for(progress), picked(options, Recipe)
    data = data_of(data, LoadOptions(default_size=default_size(model)), watch)
    start = find_weights(model, Path(weights) if isinstance(weights, str) else weights, watch)
    own = {name: options[name] for name in TRAIN if name in options}
    own.setdefault("tune", default_tune(pretrained=start is not None))
    chosen = TrainOptions(model, _recipe(model, changed), seed, start, **own)
    check_tune(model, chosen.tune)
    check_members(chosen.members, chosen.tune)
    if chosen.tune == "head" and changed:
        raise AskedWrongly(
            f"The head of {model} is solved for on frozen features, without epochs or batches, so that "
            f"{joined(changed)} would do nothing: leave that out, or give tune='all'."
        )
    chosen = replace(chosen, recipe=_recipe(model, changed, count_to_train_on(data, chosen)))
    folder = _folder(out)
    train_model(data, folder, chosen, hardware=select_device(device), watch=watch)
    return read_run(folder)


def adapt(
    base: AnyModel,
    data: AnyData,
    strategy: str = "head",
    out: Path | str | None = None,
    *,
    budget: int | None = None,
    source: AnyData | None = None,
    progress: bool = False,
    **options: Any,
) -> Run:
    """Adapt a copy of a trained model to the `train` images of a data set, and score it on the `test` images.

    Parameters
    ----------
    base
        A run, its folder, or a `Classifier`. It stays as it is.
    data
        A data set, or a path as for `radapt.load_dataset`, read as the model reads images.
    strategy
        A name of `radapt.list_strategies()`, or with options, as `"last-k(k=2)"`.
    out
        The run's folder, as for `radapt.train`.
    budget
        How many labelled images to use; None: all.
    source
        The images that the base was trained on, for `replay` and `coral`.
    progress
        Whether to print how far adapting is.
    **options
        `shift` (of the images first), `seed`, `epochs`, `steps`, and `device` as for `radapt.train`.

    Returns
    -------
    Run
        The finished run: its scores, `predictions`, `history` and `model`.

    Raises
    ------
    UnknownName
        If there is no such strategy or option.
    AskedWrongly
        If the strategy or the images do not suit the model, or `out` holds other work.
    WrongFolder, BadArtefact
        If the base is no run, or a damaged one.
    """
    check_names(options, [*ADAPT, "device"])
    check_source(strategy, get_strategy(strategy), source is not None)
    watch, classifier, run = watch_for(progress), model_of(base), folder_of(base)
    data, shift = data_for(classifier, data, watch), options.get("shift")
    asked = AdaptOptions(
        **{**_given(options), "shift": shift and resolved(shift)}, strategy=strategy, budget=budget
    )
    origin = BaseOrigin(
        run=run,
        source=None if run is None else read_record(run).get("source"),
        images=None if source is None else data_for(classifier, source, watch),
        weights=_weights_of(run, classifier, strategy),
    )
    folder, hardware = _folder(out), select_device(options.get("device", "auto"))
    adapt_model(classifier, data, folder, asked, hardware=hardware, origin=origin, watch=watch)
    return read_run(folder)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ADAPT if name in options}


def _recipe(model: str, changed: Mapping[str, Any], images: int | None = None) -> Recipe:
    """Return the recipe of a model for so many images, with these fields in place of its own."""
    recipe = replace(base_recipe_for(model, images), **changed)
    parse_augmentation(recipe.augment)
    return recipe


def _weights_of(run: Path | None, classifier: Classifier, strategy: str) -> Weights | None:
    """Return the pretrained weights that a run started from, from which `scratch` starts again."""
    name = None if run is None else initial_weights_of(run)
    if not name:
        return None
    if get_strategy(strategy).reinitialises:
        return find_again(classifier.spec.model, name, None)
    return Weights(name, start=False)


def _folder(out: Path | str | None) -> Path:
    return Path(tempfile.mkdtemp(prefix="radapt-")) if out is None else Path(out)
