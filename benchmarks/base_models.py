"""How well base models hold elsewhere: on shifted images, with the border hidden, and at another hospital.

    python benchmarks/base_models.py CHEST_XRAY NIH_ADULT [--images 200] NAME=RUN,RUN... NAME=RUN...

Each NAME stands for run folders that differ in their training seed, made on CHEST_XRAY by `radapt train` or
as the cells `none` of a study. Prints for each, with the mean over the runs and the lowest and highest in
brackets:

    home           AUROC on the test images of CHEST_XRAY
    shifted        mean AUROC over all corruptions of `radapt shifts` at severity 3, on so many of them
    border hidden  AUROC with the outer tenth of each image filled
    log-loss       on the test images
    64 labels      AUROC on the test images of NIH_ADULT of a logistic regression on the model's features of
                   64 labelled training images, mean over ten draws by patient
    minutes        that training took, which other work on the machine prolongs
"""

import argparse
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radapt.artefacts import HISTORY
from radapt.device import Hardware, select_device
from radapt.evaluation.stress import shifts_of
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.split import choose_budget
from radapt.models.checkpoint import load_classifier
from radapt.models.classifier import Classifier
from radapt.models.inference import embed, scores_of
from radapt.runs.folder import read_epochs
from radapt.shift.counter_rng import image_keys
from radapt.shortcuts.occlusion import CENTRE_ONLY, fill_mask, mask_of

COLUMNS = ("home", "shifted", "border hidden", "log-loss", "64 labels", "minutes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--images", type=int, default=200)
    args = parser.parse_args()
    hardware = select_device("cpu", "fp32")
    print(f"| model | runs | {' | '.join(COLUMNS)} |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for model in args.models:
        name, _, folders = model.partition("=")
        rows = defaultdict(list)
        for folder in map(Path, folders.split(",")):
            classifier = load_classifier(folder)
            reading = LoadOptions(**classifier.spec.reading.as_dict())
            source, target = (load_dataset(path, reading) for path in (args.source, args.target))
            measured = measure(classifier, source, target, args.images, hardware)
            for column, value in zip(COLUMNS, (*measured, minutes_of(folder)), strict=True):
                rows[column].append(value)
        cells = " | ".join(written(column, rows[column]) for column in COLUMNS)
        print(f"| `{name}` | {len(rows['home'])} | {cells} |", flush=True)


def minutes_of(run: Path) -> float:
    """Return how long the epochs of a run took, in minutes."""
    return sum(epoch.seconds for epoch in read_epochs(run / HISTORY)) / 60


def measure(
    classifier: Classifier, source: Dataset, target: Dataset, count: int, hardware: Hardware
) -> tuple[float, ...]:
    """Return the values of all columns but the last."""

    def auroc(images: ImageSet, pixels: Any) -> float:
        return float(roc_auc_score(images.labels, scores_of(classifier, pixels, hardware)[:, 1]))

    test = source["test"]
    some = test.take(np.sort(np.random.default_rng(0).permutation(len(test))[:count]))
    keys = image_keys(some.ids)
    shifted = []
    for _, _, shift in shifts_of("all", (3,)):
        pixels = shift.apply(torch.from_numpy(np.array(some.pixels)), shift.draw(keys, 0))
        shifted.append(auroc(some, pixels.to(torch.uint8).numpy()))
    pixels = np.array(test.pixels)
    hidden = fill_mask(pixels, mask_of(CENTRE_ONLY, *pixels.shape[1:]))
    scores = scores_of(classifier, pixels, hardware)
    return (
        float(roc_auc_score(test.labels, scores[:, 1])),
        statistics.fmean(shifted),
        auroc(test, hidden),
        float(log_loss(test.labels, scores)),
        few_labels(classifier, target, hardware),
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
