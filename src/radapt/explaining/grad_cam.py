"""Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391): what the last map of features says for a class.

The same numbers as the package captum gives where that works; see `radapt.explaining.feature_maps` for frozen
trunks, operations in place, tokens and ensembles.
"""

import torch
from torch import Tensor
from torch.nn import functional

from radapt.explaining.feature_maps import caught, feature_maps
from radapt.explaining.log_odds import LogOdds
from radapt.models.classifier import Classifier


def grad_cam(classifier: Classifier, pixels: Tensor, targets: Tensor, layer: str | None = None) -> Tensor:
    """Return maps (n, h, w) from 0 up, in log odds, of a classifier in evaluation mode.

    Of an ensemble the maps of its members are summed before what speaks against the class is cut off.

    Parameters
    ----------
    pixels
        Images (n, h, w) in 0..255, on the classifier's device.
    targets
        The class of each, (n,), int64.
    layer
        The block whose output is taken; None: see `radapt.explaining.feature_maps`.

    Raises
    ------
    AskedWrongly
        If the network has no such map, or gradients cannot be had.
    """
    places = feature_maps(classifier, pixels[:1], int(targets[0]), layer)
    with caught(places) as found:
        scores = LogOdds(classifier)(pixels).gather(1, targets.unsqueeze(1)).sum()
        pairs = found.maps_and_gradients(scores)
    total = pixels.new_zeros(pixels.shape, dtype=torch.float32)
    for features, gradients in pairs:
        weights = gradients.mean(dim=(2, 3), keepdim=True)
        small = (weights * features).sum(dim=1, keepdim=True)
        total += functional.interpolate(
            small, pixels.shape[1:], mode="bilinear", align_corners=False
        ).squeeze(1)
    return total.relu()
