"""Outcomes of studies that tests make."""

import numpy as np
from samples import CLASSES

from radapt.evaluation.scores import Outcome
from radapt.predictions import Predictions

IMAGES = 300


def predicted(right: float, *, seed: int = 0, domain: str = "t") -> Predictions:
    """Predictions of the same images of which a share is called rightly; which ones depends on the seed."""
    labels = np.arange(IMAGES) % 2
    correct = np.random.default_rng(seed).permutation(IMAGES) < right * IMAGES
    positive = np.where(correct == (labels == 1), 0.8, 0.2)
    names = np.array([f"{domain}{row}" for row in range(IMAGES)])
    return Predictions(np.stack([1 - positive, positive], axis=1), labels, names, names, CLASSES)


def outcome(
    strategy: str, target: float, source: float = 0.9, *, budget: int = 100, seed: int = 0, runs: int = 1
) -> Outcome:
    seeds = [seed + 100 * run for run in range(runs)]
    return Outcome(
        strategy,
        0 if strategy == "none" else budget,
        {
            "target": [predicted(target, seed=each) for each in seeds],
            "source": [predicted(source, seed=each, domain="s") for each in seeds],
        },
    )
