"""One model at a time: train it or adapt it, and score it, each into a run folder of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from radapt import __version__
from radapt.adapt.choosing import adapt_fairly
from radapt.adapt.strategy import Adapted, Conditions
from radapt.adapt.table import get_strategy
from radapt.adapt.tuning import train_all
from radapt.appraisal import Terms, appraise
from radapt.device import Hardware
from radapt.domains import about_films, chooses_epochs, set_aside, with_validation
from radapt.drift.reference import write_reference
from radapt.errors import AskedWrongly
from radapt.files import plain, read_object, write_json
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.leaks import with_leaks_between
from radapt.images.split import choose_budget, fold_of
from radapt.learned import read_learned, write_learned
from radapt.metrics import metrics_for
from radapt.models.checkpoint import weights_digest
from radapt.models.classifier import Classifier
from radapt.models.inference import check_classes, embed, predict
from radapt.models.pretrained import Weights
from radapt.models.table import build, new_spec
from radapt.occlusion import occlusion_record
from radapt.predictions import Predictions
from radapt.recipe import Recipe
from radapt.runs import APPRAISAL, STATE, VALIDATION, claim, is_whole, now, provenance, read_record, save_run
from radapt.shift.expression import parse_shift
from radapt.shift.shifted import shift_images
from radapt.sites import site_record
from radapt.uncertainty import estimate
from radapt.watch import SILENT, Watch
from radapt.without_lungs import doubts, joined, measure_floors

IDENTITY = "asked.json"
SCORES = "scores.json"


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
    """Train a model on a data set's `train` films into a run folder, or go on with it; give its record.

    The best epoch is chosen on the `val` films where there are at least 100, else on 10 % of the training
    patients. The `test` films, if there are any, are scored once, at the end.

    Parameters
    ----------
    weights
        Pretrained ones to start from, as `radapt.models.table.find_weights` gives them.
    fold
        (which, of how many), from 1: trains on the other folds of the `train` films and scores this one
        instead of the `test` films, which are left alone.

    Raises
    ------
    AskedWrongly
        If `out` holds other work, or the films do not suit the model.
    """
    train, valid = data["train"], data.splits.get("val")
    tests = {"source-test": data.splits["test"]} if "test" in data.splits else {}
    if fold is not None:
        train, tests["source-test"] = _one_fold(train, *fold, seed=seed)
    learnt_from = train
    if valid is None or not chooses_epochs(valid):
        train, valid = set_aside(train, seed=seed)
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
    with claim(out, identity, IDENTITY) as begun:
        if begun and is_whole(out, SCORES):
            return read_record(out)
        started = now()
        conditions = Conditions(hardware, seed, out / STATE, watch, f"training {model}")
        trained = train_all(classifier, train, valid, recipe, conditions)
        record = {
            **identity,
            "strategy": "base",
            "films": 0,
            "source": data.origin.fingerprint,
            "trained_on": len(train),
            "validated_on": len(valid),
            "stamps": list(data.origin.stamps),
            "data_set": about_films(data),
            "sites": site_record(
                train, lambda pixels: embed(trained.classifier, pixels, hardware).numpy().astype(np.float64)
            ),
        }
        write_reference(trained.classifier, valid, out, hardware, about=_about(data), seed=seed)
        write_learned(out, (train, valid), tests.values())
        return _finish(out, trained, learnt_from, valid, tests, record, hardware, started)


def adapt_model(
    base: Classifier,
    data: Dataset,
    out: Path,
    *,
    strategy: str,
    shift: str | None = None,
    budget: int | None = None,
    seed: int = 0,
    epochs: int | None = None,
    steps: int | None = None,
    hardware: Hardware,
    source: str | None = None,
    old_films: Dataset | None = None,
    weights: Weights | None = None,
    base_run: Path | None = None,
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Adapt a model to a data set's `train` films (shifted, if asked) into a run folder; give its record.

    Parameters
    ----------
    budget
        How many labelled films to use; None for all.
    strategy
        A name in `STRATEGIES`, or with options, as in "last-k(k=2)".
    source
        The fingerprint of the films that the base learned from, where it is known.
    old_films
        These films, for the strategies that go back to them.
    weights
        The pretrained ones that the base was begun from: `scratch` begins from the same.
    base_run
        The folder of the base, if it has one: what it learned from is kept with the new run too.

    Raises
    ------
    AskedWrongly
        If `out` holds other work, or the films do not suit the model.
    """
    chosen = get_strategy(strategy)
    check_classes(base, data)
    data = data if old_films is None else with_leaks_between(old_films, data)
    pool, test = shifted(data["train"], shift, seed), shifted(data["test"], shift, seed)
    films = pool if budget is None else choose_budget(pool, budget, seed=seed)
    identity = {
        "kind": "adapt",
        "radapt": __version__,
        "strategy": strategy,
        "shift": shift,
        "base": weights_digest(base),
        "budget": budget,
        "seed": seed,
        "epochs": epochs,
        "steps": steps,
        "precision": hardware.precision,
        "data": data.origin.fingerprint,
        **({} if old_films is None else {"old_films": old_films.origin.fingerprint}),
        **({"pretrained": weights.name} if chosen.anew and weights is not None else {}),
    }
    if chosen.source and old_films is None:
        Conditions(hardware).old_films(strategy)  # refused before the folder is taken
    with claim(out, identity, IDENTITY) as begun:
        if begun and is_whole(out, SCORES):
            return read_record(out)
        started = now()
        train, valid = with_validation(films, seed=seed)
        if chosen.needs != "labelled":
            train, valid = films, None
        old = None if old_films is None else old_films["train"]
        conditions = Conditions(
            hardware,
            seed,
            out / STATE,
            watch,
            f"adapting: {strategy}",
            epochs,
            steps,
            source=old,
            pretrained=False if weights is None else weights.start,
        )
        adapted = adapt_fairly(chosen, base, train, valid, conditions)
        record = {
            **identity,
            "films": len(films) if chosen.needs == "labelled" else 0,
            "source": source,
            "pretrained": False if weights is None else weights.name,
            "trained_on": len(train),
            "validated_on": 0 if valid is None else len(valid),
            "stamps": list(data.origin.stamps),
            "data_set": about_films(data),
        }
        used = data["train"].take(np.isin(data["train"].ids, films.ids) & (chosen.needs != "nothing"))
        before = None if base_run is None else read_learned(base_run)
        if before is not None:  # else it is not known what the base learned from
            learned = [used] if old is None or not chosen.source else [used, old]
            write_learned(out, learned, [data["test"]], before)  # as they are, without the shift
        if valid is not None:
            about = {**_about(data), **({} if shift is None else {"shift": shift})}
            write_reference(adapted.classifier, valid, out, hardware, about=about, seed=seed)
        return _finish(out, adapted, pool, valid, {"target-test": test}, record, hardware, started)


def start_named(weights: Weights | None, out: Path) -> bool | str:
    """Name what a training into a folder starts from, as a run begun there has named it.

    A model's usual weights were once written down as True, and go by it where such work goes on.
    """
    if weights is None:
        return False
    asked = out / IDENTITY
    once = weights.start is True and asked.is_file() and read_object(asked).get("pretrained") is True
    return True if once else weights.name


def score_rows(predictions: Mapping[str, Predictions], *, strategy: str, films: int) -> list[dict[str, Any]]:
    """Score predictions by every metric; the keys begin with the domain, as in "target-test"."""
    return [
        {
            "strategy": strategy,
            "budget": films,
            "domain": name.partition("-")[0],
            "metric": metric,
            **estimate(metric, [given]).as_dict(),
        }
        for name, given in predictions.items()
        for metric in metrics_for(given)
    ]


def shifted(images: ImageSet, shift: str | None, seed: int) -> ImageSet:
    """Give the images under a shift, or as they are."""
    return images if shift is None else shift_images(images, parse_shift(shift), seed=seed)[0]


def _one_fold(films: ImageSet, which: int, folds: int, *, seed: int) -> tuple[ImageSet, ImageSet]:
    """Give the other folds, and this one."""
    if not 1 <= which <= folds:
        raise AskedWrongly(f"A fold is one of those there are, such as 2/5. Got {which}/{folds}.")
    own = fold_of(films, folds, seed=seed) == which - 1
    return films.take(~own), films.take(own)


def _about(data: Dataset) -> dict[str, str]:
    return {"of": f"validation films of {data.origin.name}", "data": data.origin.fingerprint}


def _finish(
    out: Path,
    trained: Adapted,
    films: ImageSet,
    valid: ImageSet | None,
    tests: Mapping[str, ImageSet],
    record: Mapping[str, Any],
    hardware: Hardware,
    started: Any,
) -> dict[str, Any]:
    predictions = {name: predict(trained.classifier, images, hardware) for name, images in tests.items()}
    write_json(out / APPRAISAL, {name: appraise(given, Terms()) for name, given in predictions.items()})
    rows = score_rows(predictions, strategy=str(record["strategy"]), films=int(record["films"]))
    hidden = [occlusion_record(trained.classifier, images, hardware) for images in tests.values()]
    beneath = _floors(films, tests, rows, f"the train films of {record['data_set']['name']}")
    write_json(out / SCORES, {"estimates": rows, **beneath, **(hidden[0] if hidden else {})})
    record = {
        **record,
        "recipe": trained.recipe and trained.recipe.as_dict(),
        "notes": trained.notes,
        "epochs": len(trained.history),
        "training_seconds": sum(epoch.seconds for epoch in trained.history),
        "provenance": provenance(hardware, started),
    }
    if valid is not None:  # a threshold may be chosen on these later
        predictions[VALIDATION] = predict(trained.classifier, valid, hardware)
    save_run(
        out, classifier=trained.classifier, history=trained.history, predictions=predictions, record=record
    )
    return record


def _floors(
    films: ImageSet, tests: Mapping[str, ImageSet], rows: Sequence[Mapping[str, Any]], fitted_on: str
) -> dict[str, Any]:
    """Say what can be told of the test films without looking at the lungs, and what scores are worth then."""
    found = {name.partition("-")[0]: measure_floors(films, images) for name, images in tests.items()}
    return {
        **joined([floors.as_dict(trained_on=domain, domain=domain) for domain, floors in found.items()]),
        "doubts": [
            doubt
            for domain, floors in found.items()
            for doubt in doubts([row for row in rows if row["domain"] == domain], floors, fitted_on)
        ],
    }
