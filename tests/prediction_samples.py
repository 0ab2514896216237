"""Predictions of made-up images, small enough to count by hand."""

import math

import numpy as np

from radapt.predictions import Predictions

TWO = ("NORMAL", "PNEUMONIA")


def two(positive, labels, classes=TWO) -> Predictions:
    """Predictions of two classes, where `positive` is the score of the finding and a label 1 means it."""
    high, found = np.asarray(positive, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    names = np.arange(len(found)).astype(np.str_)
    scores = np.stack([1 - high, high], axis=1).reshape(-1, 2)
    if classes[1] == "NORMAL":
        scores, found = scores[:, ::-1].copy(), 1 - found
    return Predictions(scores, found, names, names, classes)


def random_two(n: int, levels: int, seed: int) -> Predictions:
    """Few levels make many ties."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 2)
    return two(np.clip(rng.integers(0, levels, n) + labels, 0, levels) / levels, labels)


def random_three(n: int, seed: int, levels: int = 7) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 3)
    raw = 1 + rng.integers(0, levels, (n, 3)) + 2 * np.eye(3)[labels]
    names = np.arange(n).astype(np.str_)
    return Predictions(raw / raw.sum(axis=1, keepdims=True), labels, names, names, ("a", "b", "c"))


# six images, three with the finding; of nine pairs seven are in the right order and one is tied
SIX = two([0.1, 0.4, 0.6, 0.4, 0.7, 0.9], [0, 0, 0, 1, 1, 1])


def predictions(positive, labels, patients=None) -> Predictions:
    high, found = np.asarray(positive, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    ids = np.array([f"image {row:05}" for row in range(len(found))], dtype=np.str_)
    whose = ids if patients is None else np.asarray(patients).astype(np.str_)
    return Predictions(np.stack([1 - high, high], axis=1), found, whose, ids, ("NORMAL", "PNEUMONIA"))


def clustered(
    rng: np.random.Generator, patients: int, images: int, alike: float, apart: float, copies: int = 1
) -> list[Predictions]:
    """Models of equal worth, `apart` standard deviations between the classes, on images of patients.

    `alike` is how much of the spread of scores is the patient's; between copies (models) all of that
    is shared and half of the rest.
    """
    whose = np.repeat(np.arange(patients), images)
    labels = (whose < patients // 2).astype(np.int64)
    own = rng.normal(size=patients)[whose]
    image = rng.normal(size=len(whose))
    models = []
    for _ in range(copies):
        noise = image if copies == 1 else math.sqrt(0.5) * (image + rng.normal(size=len(whose)))
        raw = math.sqrt(alike) * own + math.sqrt(1 - alike) * noise + apart * (labels - 0.5)
        models.append(predictions(1 / (1 + np.exp(-raw)), labels, whose))
    return models


def better_by(given: Predictions, gain: float, seed: int) -> Predictions:
    """The same images seen by a model that separates the classes better."""
    raw = np.log(given.scores[:, 1] / given.scores[:, 0])
    noise = np.random.default_rng(seed).normal(0, 0.2, len(given))
    return predictions(
        1 / (1 + np.exp(-(raw + gain * (given.labels - 0.5) + noise))), given.labels, given.patients
    )
