"""Ways to learn a head on the features of a frozen network, on the same patients and test images.

    python benchmarks/probing.py DATA [--model lite0] [--size 224] [--budgets 16,64,all] [--draws 10]
        [--strategies linear-probe,head,prototype,knn]

DATA has the splits train and test. The network starts from its pretrained weights (lite0: those of
ImageNet) and is not trained. Each strategy adapts it to so many labelled images, of other patients at each
draw, as `radapt adapt` does: from 100 images on, a fifth of the patients is set aside. Features are computed
once, by the first strategy that needs them, so the seconds of the others are those of the head alone. Prints
means over the draws, and the standard deviation of AUROC.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch

from radapt.adaptation.cross_validation import adapt_with_cv
from radapt.adaptation.feature_cache import FeatureCache, FrozenPrefix, Views
from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.table import get_strategy
from radapt.device import select_device
from radapt.images.imageset import ImageSet
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.split import choose_budget
from radapt.metrics.table import score
from radapt.models.classifier import Classifier, probabilities
from radapt.models.inference import logits_of
from radapt.models.table import build, new_spec
from radapt.predictions import Predictions
from radapt.runs.holdout import split_off_validation

METRICS = ("auroc", "balanced-accuracy", "log-loss", "brier")


def predicted(adapted: Classifier, images: ImageSet, conditions: AdaptContext) -> Predictions:
    """Predict images by an adapted head on the features in the cache."""
    prefix = FrozenPrefix(adapted, len(adapted.blocks))
    features = conditions.cache.get(prefix, images, Views(), conditions.hardware).features()
    scores = probabilities(logits_of(adapted.head, features, conditions.hardware), adapted.spec.outputs)
    return Predictions(scores.numpy(), images.labels, images.patients, images.ids, images.classes)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="lite0")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--budgets", default="16,64,all")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--strategies", default="linear-probe,head,prototype,knn")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = load_dataset(args.data, LoadOptions(size=args.size))
    base = build(new_spec(args.model, data.classes, size=args.size), pretrained=True).eval()
    conditions = AdaptContext(select_device("cpu", "fp32"), cache=FeatureCache())
    print("| strategy | images |", " | ".join(METRICS), "| sd of AUROC | seconds |")
    print("|---" * (len(METRICS) + 4) + "|")
    for strategy in args.strategies.split(","):
        for budget in args.budgets.split(","):
            rows: list[tuple[float, ...]] = []
            for draw in range(args.draws):
                pool = data["train"]
                images = pool if budget == "all" else choose_budget(pool, int(budget), seed=draw)
                train, valid = split_off_validation(images, seed=draw)
                start = time.perf_counter()
                adapted = adapt_with_cv(get_strategy(strategy), base, train, valid, conditions).classifier
                seconds = time.perf_counter() - start
                tested = predicted(adapted, data["test"], conditions)
                rows.append((*(score(metric, tested) for metric in METRICS), seconds))
            *means, seconds = map(statistics.mean, zip(*rows, strict=True))
            spread = statistics.stdev(row[0] for row in rows) if len(rows) > 1 else 0.0
            cells = [f"{value:.3f}" for value in (*means, spread)]
            print("|", strategy, "|", budget, "|", " | ".join(cells), f"| {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
