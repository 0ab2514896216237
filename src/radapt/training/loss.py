"""The loss that models are trained by."""

import numpy as np
import torch
from torch import Tensor

from radapt.device import Hardware
from radapt.training.batches import BatchSource


def class_weights(train: BatchSource, hardware: Hardware) -> Tensor:
    """Give the weight of each class in the loss, from how many images have it."""
    if train.labels.ndim == 2:
        positive, negative = ((train.labels == value).sum(axis=0) for value in (1, 0))
        ratios = np.maximum(negative, 1) / np.maximum(positive, 1)
        return torch.tensor(ratios, dtype=torch.float32, device=hardware.device)
    counts = np.bincount(train.labels, minlength=len(train.classes))
    weights = len(train) / (len(train.classes) * np.maximum(counts, 1))
    return torch.tensor(weights, dtype=torch.float32, device=hardware.device)
