"""Features of drawn patients, for the tests of drift."""

from dataclasses import replace

import numpy as np
from samples import CLASSES

from radapt.drift.features import DriftFeatures
from radapt.drift.monitor import find_drift
from radapt.drift.two_samples import one_image_each, permute_sides


def patients(count, rng, *, images=(1, 4), width=4, mean=0.0, ill=0.5):
    """Patients with several images each, which resemble one another more than those of others."""
    numbers = np.repeat(np.arange(count), rng.integers(images[0], images[1] + 1, count))
    labels = (rng.random(count) < ill).astype(np.int64)
    centres = rng.normal(size=(count, width)) + mean
    centres[:, 0] += 3 * labels
    features = centres[numbers] + 0.3 * rng.normal(size=(len(numbers), width))
    score = 1 / (1 + np.exp(1.5 - features[:, 0]))
    return DriftFeatures(
        features.astype(np.float32),
        np.stack([1 - score, score], axis=1).astype(np.float32),
        labels[numbers],
        numbers,
        CLASSES,
    )


def one_each(looks, rng):
    return looks.take(one_image_each(looks.patients, rng))


def permuted(reference, new, rng, strata=None):
    """Rows of two sides, in one stratum unless strata are given."""
    count = len(reference) + len(new)
    strata = np.zeros(count, np.int64) if strata is None else strata
    return permute_sides(np.arange(count) >= len(reference), strata, rng)


def both(reference, new):
    return np.concatenate([reference, new])


def without_labels(looks):
    return replace(looks, labels=np.full((len(looks), 2), np.nan, np.float32))


def found_between(reference, new, **options):
    return find_drift(reference, new, [f"image-{row}" for row in range(len(new))], **options)
