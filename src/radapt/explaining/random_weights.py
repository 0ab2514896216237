"""The sanity check with random weights (Adebayo et al. 2018, arXiv:1810.03292).

The same method explains the same network with all its weights drawn anew. A map of what was learned should
then be another. One that stays alike shows the image or the shape of the network, edges or the middle, and is
evidence of nothing that the model has learned.
"""

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn

from radapt.explaining.maps import explain
from radapt.models.classifier import Classifier

NETWORKS = 3  # with random weights, of which the mean similarity is taken
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def similarity_to_random(
    classifier: Classifier,
    pixels: NDArray[np.uint8],
    maps: NDArray[np.float32],
    targets: Sequence[int],
    *,
    method: str,
    layer: str | None = None,
) -> list[float | None]:
    """Return how alike each map (n, h, w) is to those of the network with random weights.

    Returns
    -------
    list
        Spearman's rank correlation over the pixels, from -1 to 1: its mean over `NETWORKS` draws. None for
        a map of one value, and of a model whose weights cannot be drawn anew.
    """
    if not any(True for _ in classifier.trunk.parameters()):
        return [None] * len(maps)
    found = [
        explain(randomised(classifier, seed), pixels, method=method, target=targets, layer=layer)
        for seed in range(NETWORKS)
    ]
    return [
        None if np.ptp(own) == 0 else float(np.mean([rank_correlation(own, other[row]) for other in found]))
        for row, own in enumerate(maps)
    ]


def rank_correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return Spearman's rank correlation of two maps over their pixels; 0 if one has a single value."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def randomised(classifier: Classifier, seed: int) -> Classifier:
    """Return a copy of a classifier with random weights; the state of no global generator changes.

    Matrices and filters are drawn from a normal distribution as He et al. 2015 have it, their biases are
    zero, and PyTorch's normalisations do nothing but normalise. Other parameters, as embeddings of positions,
    are shuffled.
    """
    made, draw = deepcopy(classifier), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, LAYERS):
                _draw_layer(module.weight, module.bias, draw)
            elif isinstance(module, NORMALISATIONS):
                module.reset_parameters()  # to 1 and 0; others may draw here, from the global generator
            else:
                for tensor in module.parameters(recurse=False):
                    _shuffle(tensor, draw)
    return made


def _draw_layer(weight: Tensor, bias: Tensor | None, draw: torch.Generator) -> None:
    inputs = weight[0].numel()
    weight.copy_(torch.randn(weight.shape, generator=draw) * (2 / inputs) ** 0.5)
    if bias is not None:
        bias.zero_()


def _shuffle(tensor: Tensor, draw: torch.Generator) -> None:
    order = torch.randperm(tensor.numel(), generator=draw).to(tensor.device)
    tensor.copy_(tensor.flatten()[order].reshape(tensor.shape))
