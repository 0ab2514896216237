"""How well base models hold elsewhere: on shifted images, with the border hidden, and at another hospital.

    python benchmarks/base_models.py CHEST_XRAY NIH_ADULT [--images 200] NAME=RUN,RUN... NAME=RUN...
    python benchmarks/base_models.py CHEST_XRAY NIH_ADULT lite0=head:0,1,2

Each NAME stands for run folders that differ in their training seed, made on CHEST_XRAY by `radapt train` or
as the cells `none` of a study; or, as NAME=head:SEED,SEED..., for a network of that name with its pretrained
weights, whose head is trained here as `radapt train` does with these seeds, on features computed once. With
--limit N no more than N images of each split are used, to try this script. Prints for each, with the mean
over the runs and the lowest and highest in brackets:

    home           AUROC on the test images of CHEST_XRAY
    shifted        mean AUROC over all corruptions of `radapt shifts` at severity 3, on so many of them
    border hidden  AUROC with the outer tenth of each image filled
    log-loss       on the test images
    64 labels      AUROC on the test images of NIH_ADULT of a logistic regression on the model's features of
                   64 labelled training images, mean over ten draws by patient
    minutes        that training took, with the features of a head, which other work on the machine prolongs
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radapt.adaptation.feature_cache import FeatureCache, FrozenPrefix, Views
from radapt.adaptation.strategy import AdaptContext
from radapt.artefacts import HISTORY
from radapt.device import Hardware, select_device
from radapt.evaluation.stress import shifts_of
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.split import choose_budget
from radapt.images.subsample import subsample_evenly
from radapt.models.checkpoint import load_classifier
from radapt.models.classifier import Classifier, probabilities
from radapt.models.inference import embed, logits_of, scores_of
from radapt.models.table import build, default_size, new_spec
from radapt.runs.base import train_base
from radapt.runs.folder import read_epochs
from radapt.runs.holdout import split_validation
from radapt.shift.counter_rng import image_keys
from radapt.shortcuts.occlusion import CENTRE_ONLY, fill_mask, mask_of
from radapt.training.recipe import Recipe

COLUMNS = ("home", "shifted", "border hidden", "log-loss", "64 labels", "minutes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    hardware = select_device("cpu", "fp32")
    print(f"| model | runs | {' | '.join(COLUMNS)} |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for model in args.models:
        name, _, runs = model.partition("=")
        rows = defaultdict(list)
        for classifiers, minutes, source, target in trained(name, runs, args, hardware):
            for values, took in zip(
                measure(classifiers, source, target, args.images, hardware), minutes, strict=True
            ):
                for column, value in zip(COLUMNS, (*values, took), strict=True):
                    rows[column].append(value)
        cells = " | ".join(written(column, rows[column]) for column in COLUMNS)
        print(f"| `{name}` | {len(rows['home'])} | {cells} |", flush=True)


def trained(
    name: str, runs: str, args: argparse.Namespace, hardware: Hardware
) -> Iterator[tuple[list[Classifier], list[float], Dataset, Dataset]]:
    """Yield models that share a trunk, the minutes of training each, and the images as they read them."""
    paths = args.source, args.target
    if runs.startswith("head:"):
        source, target = (read(path, LoadOptions(size=default_size(name)), args.limit) for path in paths)
        seeds = [int(seed) for seed in runs.removeprefix("head:").split(",")]
        yield *heads(name, seeds, source, hardware), source, target
        return
    for folder in map(Path, runs.split(",")):
        classifier = load_classifier(folder)
        reading = LoadOptions(**classifier.spec.reading.as_dict())
        source, target = (read(path, reading, args.limit) for path in paths)
        yield [classifier], [minutes_of(folder)], source, target


def read(path: Path, reading: LoadOptions, limit: int | None) -> Dataset:
    """Load a data set, of each split no more images than the limit."""
    data = load_dataset(path, reading)
    if limit is None:
        return data
    return replace(data, splits={name: subsample_evenly(part, limit) for name, part in data.splits.items()})


def heads(
    name: str, seeds: list[int], source: Dataset, hardware: Hardware
) -> tuple[list[Classifier], list[float]]:
    """Return a pretrained network with the head of each seed, and the minutes of each with the features."""
    base = build(new_spec(name, source.classes, **source.origin.reading.as_dict()), pretrained=True).eval()
    cache, begun = FeatureCache(), time.perf_counter()
    cache.get(FrozenPrefix(base, len(base.blocks)), source["train"], Views(), hardware)
    features, classifiers, minutes = time.perf_counter() - begun, [], []
    for seed in seeds:
        begun = time.perf_counter()
        train, valid = split_validation(source["train"], seed=seed)
        conditions = AdaptContext(hardware, seed, cache=cache)
        classifiers.append(train_base(base, train, valid, Recipe(), conditions, tune="head").classifier)
        minutes.append((features + time.perf_counter() - begun) / 60)
    return classifiers, minutes


def minutes_of(run: Path) -> float:
    """Return how long the epochs of a run took, in minutes."""
    return sum(epoch.seconds for epoch in read_epochs(run / HISTORY)) / 60


def scores(classifiers: list[Classifier], pixels: Any, hardware: Hardware) -> list[Any]:
    """Return the scores of each model, whose common trunk sees the images once."""
    if len(classifiers) == 1:
        return [scores_of(classifiers[0], pixels, hardware)]
    features = embed(classifiers[0], pixels, hardware)
    logits = [logits_of(each.head, features, hardware) for each in classifiers]
    return [
        probabilities(of, each.spec.outputs).numpy() for of, each in zip(logits, classifiers, strict=True)
    ]


def measure(
    classifiers: list[Classifier], source: Dataset, target: Dataset, count: int, hardware: Hardware
) -> list[tuple[float, ...]]:
    """Return for each model the values of all columns but the last; more than one share a trunk."""

    def aurocs(images: ImageSet, pixels: Any) -> list[float]:
        found = scores(classifiers, pixels, hardware)
        return [float(roc_auc_score(images.labels, each[:, 1])) for each in found]

    test = source["test"]
    some = test.take(np.sort(np.random.default_rng(0).permutation(len(test))[:count]))
    keys = image_keys(some.ids)
    shifted = []
    for _, _, shift in shifts_of("all", (3,)):
        pixels = shift.apply(torch.from_numpy(np.array(some.pixels)), shift.draw(keys, 0))
        shifted.append(aurocs(some, pixels.to(torch.uint8).numpy()))
    pixels = np.array(test.pixels)
    hidden = fill_mask(pixels, mask_of(CENTRE_ONLY, *pixels.shape[1:]))
    at_home = scores(classifiers, pixels, hardware)
    return list(
        zip(
            [float(roc_auc_score(test.labels, each[:, 1])) for each in at_home],
            map(statistics.fmean, zip(*shifted, strict=True)),
            aurocs(test, hidden),
            [float(log_loss(test.labels, each)) for each in at_home],
            repeat(few_labels(classifiers[0], target, hardware)),
        )
    )


def few_labels(classifier: Classifier, target: Dataset, hardware: Hardware) -> float:
    """Return the mean AUROC, over ten draws, of a logistic regression on features of 64 labelled images."""
    test, aurocs = target["test"], []
    features = embed(classifier, test.pixels, hardware).numpy()
    for draw in range(10):
        images = choose_budget(target["train"], 64, seed=draw)
        own = embed(classifier, images.pixels, hardware).numpy()
        probe = LogisticRegressionCV(
            Cs=np.logspace(-5, 0, 6),
            l1_ratios=(0,),
            scoring="neg_log_loss",
            class_weight="balanced",
            max_iter=2000,
            use_legacy_attributes=False,
        )
        fitted = make_pipeline(StandardScaler(), probe).fit(own, images.labels)
        aurocs.append(roc_auc_score(test.labels, fitted.decision_function(features)))
    return statistics.fmean(aurocs)


def written(column: str, values: list[float]) -> str:
    digits = 1 if column == "minutes" else 3
    return f"{statistics.fmean(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


if __name__ == "__main__":
    main()
