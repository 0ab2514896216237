"""A classifier whose reason is known: it calls an image by how much of it is bright."""

import numpy as np
import torch
from numpy.typing import NDArray
from samples import CLASSES
from torch import nn

from radapt.models.classifier import Classifier, Spec

SIZE = 32
SQUARE = (slice(8, 16), slice(16, 24))  # where the images are bright


def bright_classifier(outputs: str = "softmax") -> Classifier:
    """Takes the mean grey of each 4 x 4 patch, and counts what is above 0.6 for the second class."""
    patches = nn.Conv2d(1, 1, 4, stride=4)
    head = nn.Linear(1, 2)
    with torch.no_grad():
        patches.weight.fill_(1 / 16)
        patches.bias.fill_(-0.6)
        head.weight[:] = torch.tensor([[-60.0], [60.0]])
        head.bias[:] = torch.tensor([0.5, -0.5])
    trunk = nn.Sequential()
    trunk.add_module("patches", nn.Sequential(patches, nn.ReLU(inplace=True)))
    trunk.add_module("pool", nn.AdaptiveAvgPool2d(1))
    trunk.add_module("flatten", nn.Flatten())
    spec = Spec("compact", CLASSES, size=SIZE, mean=0.0, std=1.0, outputs=outputs)
    return Classifier(spec, trunk, head, ("patches",)).eval()


def bright_images(count: int = 2) -> NDArray[np.uint8]:
    """Dark images (count, 32, 32) with a bright square."""
    pixels = np.random.default_rng(0).integers(20, 60, (count, SIZE, SIZE), dtype=np.uint8)
    pixels[:, *SQUARE] = 230
    return pixels


def share_in_square(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return which share of the positive part of each map lies within the square and a patch around it."""
    positive = np.maximum(maps, 0)
    around = (slice(None), slice(4, 20), slice(12, 28))
    return positive[around].sum(axis=(1, 2)) / positive.sum(axis=(1, 2))
