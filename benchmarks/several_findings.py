"""Coverage and width of the interval of a mean over several labels.

    OMP_NUM_THREADS=1 python benchmarks/several_findings.py         for docs/statistics.md

Five findings with a prevalence of 5 to 45 %, which go together somewhat, as their scores do; an
image a patient. Bootstrap samples are 400 in place of the 2,000 of a report.
"""

import argparse

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from radapt.metrics.table import score
from radapt.predictions import Predictions
from radapt.stats.inference import estimate

PREVALENCE = (0.05, 0.1, 0.2, 0.3, 0.45)
METRICS = ("auroc", "sensitivity", "balanced-accuracy")


def main() -> None:
    """Print a row for each metric and number of images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=500)
    sets = parser.parse_args().sets
    print("| metric | images | held, % | width / SD |\n|---|---|---|---|")
    for metric in METRICS:
        truth = score(metric, drawn(10**6, 200_000))
        for images in (150, 400, 1500):
            estimates = [estimate(metric, [drawn(seed, images)], draws=400) for seed in range(sets)]
            coverage = np.mean([one.low <= truth <= one.high for one in estimates])
            width = np.mean([one.high - one.low for one in estimates]) / np.std(
                [one.value for one in estimates]
            )
            print(f"| {metric} | {images:,} | {100 * coverage:.1f} | {width:.1f} |", flush=True)


def drawn(seed: int, images: int) -> Predictions:
    """Draw images with their labels and what a model says of them."""
    rng = np.random.default_rng(seed)
    findings = len(PREVALENCE)
    ill = 0.6 * rng.standard_normal((images, 1)) + 0.8 * rng.standard_normal((images, findings))
    labels = (ill > norm.isf(PREVALENCE)).astype(np.float32)
    noise = 0.6 * rng.standard_normal((images, 1)) + 0.8 * rng.standard_normal((images, findings))
    ids = np.arange(images).astype(np.str_)
    return Predictions(expit(noise + 1.2 * labels - 0.6), labels, ids, ids, tuple("abcde"))


if __name__ == "__main__":
    main()
