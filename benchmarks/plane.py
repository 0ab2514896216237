"""Accuracy and time of heads trained on few images, within the subspace of their features and among all.

    python benchmarks/plane.py RUN FOLDER [--images 16,32,64] [--draws 5]

RUN is a trained model of the original CNN, FOLDER the class folders that it learned from. For each number of
images, so many draws of them from the train images under the shift `seed`. The head is adapted both ways, its
rate and length cross-validated, and scored on the shifted test images. Features are computed beforehand.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from radapt.adaptation.cross_validation import adapt_with_cv
from radapt.adaptation.feature_cache import FeatureCache, FrozenPrefix, Views
from radapt.adaptation.head import FEW, Head
from radapt.adaptation.strategy import AdaptContext
from radapt.device import select_device
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.split import choose_budget
from radapt.metrics.table import score
from radapt.models.checkpoint import load_classifier
from radapt.models.classifier import Classifier, probabilities
from radapt.predictions import Predictions
from radapt.shift.shifted import shifted


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", default="16,32,64")
    parser.add_argument("--draws", type=int, default=5)
    args = parser.parse_args()
    base = load_classifier(args.run)
    data = load_dataset(args.folder, LoadOptions(size=base.spec.size))
    train, test = (shifted(data[split], "original", 0) for split in ("train", "test"))
    hardware, cache = select_device("cpu", "fp32"), FeatureCache()
    prefix = FrozenPrefix(base, len(base.blocks))
    features = cache.get(prefix, test, Views(), hardware).features()
    print("| images | plane | balanced accuracy, mean (each draw) | AUROC, mean | seconds of the processor |")
    print("|---|---|---|---|---|")
    for count in map(int, args.images.split(",")):
        draws = [choose_budget(train, count, seed=seed) for seed in range(args.draws)]
        for seed, images in enumerate(draws):
            for views in (Views(), Views(FEW.augment, Head().views, seed=seed)):
                cache.get(prefix, images, views, hardware)
        for plane in (True, False):
            aurocs, start = [], time.process_time()
            for seed, images in enumerate(draws):
                conditions = AdaptContext(hardware, seed=seed, cache=cache)
                adapted = adapt_with_cv(Head(plane=plane), base, images, None, conditions)
                aurocs.append(_scores(adapted.classifier, features, test.labels))
            seconds = time.process_time() - start
            balanced, area = np.transpose(aurocs)
            each = ", ".join(f"{100 * value:.1f}" for value in balanced)
            print(
                f"| {count} | {'yes' if plane else 'no'} | {100 * balanced.mean():.1f} ({each}) "
                f"| {area.mean():.3f} | {seconds / args.draws:.1f} |",
                flush=True,
            )


def _scores(classifier: Classifier, features: torch.Tensor, labels: np.ndarray) -> tuple[float, float]:
    with torch.no_grad():
        scores = probabilities(classifier.head(features), classifier.spec.outputs).numpy()
    rows = np.arange(len(labels)).astype(str)
    made = Predictions(scores, labels, rows, rows, classifier.spec.classes)
    return score("balanced-accuracy", made), score("auroc", made)


if __name__ == "__main__":
    main()
