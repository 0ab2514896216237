"""Flip labels of real images, and measure how many of them `radapt audit --labels` finds.

python benchmarks/suspect_labels.py DIR/chest_xray [--images 600] [--flipped 0.05] [--size 128] [--seeds 5]
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from radapt.auditing.collection import collect
from radapt.auditing.suspects import SUSPECT_LABEL, review
from radapt.device import select_device
from radapt.images.load import LoadOptions
from radapt.images.subsample import sample_patients
from radapt.models.inference import embed
from radapt.models.table import build, new_spec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--flipped", type=float, default=0.05)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    images = collect(args.data, LoadOptions(size=args.size))
    train = np.flatnonzero(images.splits == "train")
    rows = train[sample_patients(images.patients[train], args.images, seed=0)]
    model = build(new_spec("lite0", images.classes, size=args.size), pretrained=True)
    features = embed(model, images.pixels[rows], select_device()).numpy().astype(np.float64)
    print(f"{len(rows)} images, {len(np.unique(images.patients[rows]))} patients")

    def suspects(truth):
        suspects_found = review(replace(images, truth=truth), rows, features, "lite0").suspects
        return [each.image for each in suspects_found if each.kind == SUSPECT_LABEL]

    unflipped = suspects(images.truth)
    print(f"no label flipped: {len(unflipped)} suspect")
    scores = []
    for seed in range(args.seeds):
        count = round(args.flipped * len(rows))
        flipped = np.random.default_rng(seed).choice(rows, count, replace=False)
        truth = images.truth.copy()
        truth[flipped] = 1 - truth[flipped]
        named, wrong = suspects(truth), set(images.ids[flipped].tolist())
        hits = np.array([name in wrong for name in named], dtype=float)
        at = [hits[: max(1, round(share * count))].mean() for share in (0.5, 1)]
        scores.append([len(named), *at, hits.mean(), hits.sum() / count])
        print(
            f"seed {seed}: {count} flipped, {len(named)} suspect, precision at k/2 {at[0]:.2f}, "
            f"at k {at[1]:.2f}, of all {scores[-1][3]:.2f}, recall {scores[-1][4]:.2f}"
        )
    mean = np.mean(scores, axis=0)
    print(
        f"mean: {mean[0]:.0f} suspect, precision at k/2 {mean[1]:.2f}, at k {mean[2]:.2f}, "
        f"of all {mean[3]:.2f}, recall {mean[4]:.2f}"
    )


if __name__ == "__main__":
    main()
