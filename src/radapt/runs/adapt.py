"""Adapt one model into a run folder."""

from pathlib import Path
from typing import Any

import numpy as np

from radapt.adapt.cross_validation import adapt_with_cv
from radapt.adapt.strategy import AdaptContext
from radapt.adapt.table import get_strategy
from radapt.artefacts import IDENTITY, SCORES, STATE
from radapt.device import Hardware
from radapt.drift.reference import write_reference
from radapt.images.imageset import Dataset
from radapt.images.leaks import with_leaks_between
from radapt.images.split import choose_budget
from radapt.models.checkpoint import weights_digest
from radapt.models.classifier import Classifier
from radapt.models.inference import check_classes
from radapt.models.pretrained import Weights
from radapt.progress import SILENT, Watch
from radapt.provenance import now
from radapt.runs.finish import about_validation, finish
from radapt.runs.folder import is_whole, read_record
from radapt.runs.holdout import describe_dataset, split_off_validation
from radapt.runs.learned import read_learned, write_learned
from radapt.shift.shifted import shifted
from radapt.version import __version__
from radapt.workfolder import reserve_folder


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
    source_images: Dataset | None = None,
    weights: Weights | None = None,
    base_run: Path | None = None,
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Adapt a model to a data set's `train` images (shifted, if asked) into a run folder; give its record.

    Parameters
    ----------
    budget
        How many labelled images to use; None for all.
    strategy
        A name in `STRATEGIES`, or with options, as in "last-k(k=2)".
    source
        The fingerprint of the images that the base learned from, where it is known.
    source_images
        These images, for the strategies that go back to them.
    weights
        The pretrained ones that the base was begun from: `scratch` begins from the same.
    base_run
        The folder of the base, if it has one: what it learned from is kept with the new run too.

    Raises
    ------
    AskedWrongly
        If `out` holds other work, or the images do not suit the model.
    """
    chosen = get_strategy(strategy)
    check_classes(base, data)
    data = data if source_images is None else with_leaks_between(source_images, data)
    pool, test = shifted(data["train"], shift, seed), shifted(data["test"], shift, seed)
    images = pool if budget is None else choose_budget(pool, budget, seed=seed)
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
        **({} if source_images is None else {"source_images": source_images.origin.fingerprint}),
        **({"pretrained": weights.name} if chosen.anew and weights is not None else {}),
    }
    if chosen.source and source_images is None:
        AdaptContext(hardware).source_images(strategy)  # refused before the folder is taken
    with reserve_folder(out, identity, IDENTITY) as begun:
        if begun and is_whole(out, SCORES):
            return read_record(out)
        started = now()
        train, valid = split_off_validation(images, seed=seed)
        if chosen.needs != "labelled":
            train, valid = images, None
        old = None if source_images is None else source_images["train"]
        conditions = AdaptContext(
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
        adapted = adapt_with_cv(chosen, base, train, valid, conditions)
        record = {
            **identity,
            "images": len(images) if chosen.needs == "labelled" else 0,
            "source": source,
            "pretrained": False if weights is None else weights.name,
            "trained_on": len(train),
            "validated_on": 0 if valid is None else len(valid),
            "notices": list(data.origin.notices),
            "data_set": describe_dataset(data),
        }
        used = data["train"].take(np.isin(data["train"].ids, images.ids) & (chosen.needs != "nothing"))
        before = None if base_run is None else read_learned(base_run)
        if before is not None:  # else it is not known what the base learned from
            learned = [used] if old is None or not chosen.source else [used, old]
            write_learned(out, learned, [data["test"]], before)  # as they are, without the shift
        if valid is not None:
            about = {**about_validation(data), **({} if shift is None else {"shift": shift})}
            write_reference(adapted.classifier, valid, out, hardware, about=about, seed=seed)
        return finish(out, adapted, pool, valid, {"target-test": test}, record, hardware, started)
