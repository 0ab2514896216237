"""The training loss: cross-entropy over classes, binary cross-entropy over labels."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radapt.device import Hardware
from radapt.training.batches import BatchSource


def class_weights(train: BatchSource, hardware: Hardware) -> Tensor:
    """Return the weight of each class, or of the positives of each label, from their counts; (k,)."""
    if train.labels.ndim == 2:
        positive, negative = ((train.labels == value).sum(axis=0) for value in (1, 0))
        ratios = np.maximum(negative, 1) / np.maximum(positive, 1)
        return torch.tensor(ratios, dtype=torch.float32, device=hardware.device)
    counts = np.bincount(train.labels, minlength=len(train.classes))
    weights = len(train) / (len(train.classes) * np.maximum(counts, 1))
    return torch.tensor(weights, dtype=torch.float32, device=hardware.device)


def mean_loss(
    logits: Tensor, labels: Tensor, *, outputs: str, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Return the mean loss of logits (n, k), in full precision, over the labels that are there.

    Parameters
    ----------
    labels
        Classes, (n,), or labels of 1, 0 and NaN, (n, k).
    outputs
        As of `radapt.training.loop.fit`.
    weights
        (k,), see `class_weights`.
    smoothing
        Label smoothing.
    """
    if labels.ndim == 2:
        return _multi_label_loss(logits, labels, weights, smoothing)
    if outputs == "softmax":
        return functional.cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing)
    targets = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    targets = targets * (1 - smoothing) + smoothing / 2
    of_images = None if weights is None else weights[labels].unsqueeze(1)
    return functional.binary_cross_entropy_with_logits(logits, targets, weight=of_images)


def _multi_label_loss(logits: Tensor, labels: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    labelled = ~labels.isnan()
    targets = labels.nan_to_num() * (1 - smoothing) + smoothing / 2
    losses = functional.binary_cross_entropy_with_logits(
        logits, targets, reduction="none", pos_weight=weights
    )
    return (losses * labelled).sum() / labelled.sum().clamp_min(1)
