"""Integrated gradients and occlusion, by the package captum.

Both compare an image with one that shows nothing, which here is the image's own median grey everywhere: black
would be a finding of its own, for in a radiograph it is air.
"""

from typing import Any

import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from radapt.errors import AskedWrongly
from radapt.explaining.feature_maps import check_gradients
from radapt.explaining.log_odds import LogOdds
from radapt.models.classifier import Classifier

STEPS = 32  # of the path from grey to the image
SMOOTH = 1 / 32  # of the side: standard deviation of what the gradients of single pixels are spread over
WINDOW, STRIDE = 8, 16  # the side of an image over that of what is hidden, and over its step
BATCH = 16  # images run at once


def integrated_gradients(
    classifier: Classifier, pixels: Tensor, targets: Tensor, layer: str | None = None
) -> Tensor:
    """Return maps (n, h, w), in log odds, that sum to what the image adds to plain grey.

    Sundararajan et al. 2017 (arXiv:1703.01365). Those of single pixels follow the grid of a network's filters
    and its strides; each is spread over its neighbourhood, which changes no sum.

    Parameters
    ----------
    pixels, targets
        As for `radapt.explaining.grad_cam.grad_cam`.

    Raises
    ------
    AskedWrongly
        If captum is not installed, a layer is given, or gradients cannot be had.
    """
    _check_no_layer(layer, "integrated-gradients")
    check_gradients(classifier)
    method = _captum().IntegratedGradients(LogOdds(classifier))
    rows = [
        method.attribute(
            image.float(),
            baselines=plain_grey(image),
            target=target,
            n_steps=STEPS,
            internal_batch_size=BATCH,
        )
        for image, target in zip(pixels.split(1), targets.split(1), strict=True)
    ]
    return torch.cat([_spread(row) for row in rows])


def _spread(drawn: Tensor) -> Tensor:
    values = gaussian_filter(drawn[0].detach().cpu().numpy(), SMOOTH * drawn.shape[1], mode="reflect")
    return torch.from_numpy(values).float().unsqueeze(0)


def occlusion(classifier: Classifier, pixels: Tensor, targets: Tensor, layer: str | None = None) -> Tensor:
    """Return maps (n, h, w): what hiding a window over a pixel takes from the log odds, on average.

    Zeiler and Fergus 2014 (arXiv:1311.2901). The window is an eighth of the side, moved by half of itself.

    Parameters
    ----------
    pixels, targets
        As for `radapt.explaining.grad_cam.grad_cam`.

    Raises
    ------
    AskedWrongly
        If captum is not installed, or a layer is given.
    """
    _check_no_layer(layer, "occlusion")
    method = _captum().Occlusion(LogOdds(classifier))
    window, stride = (max(1, round(pixels.shape[1] / part)) for part in (WINDOW, STRIDE))
    with torch.no_grad():
        rows = [
            method.attribute(
                image.float(),
                sliding_window_shapes=(window, window),
                strides=(stride, stride),
                baselines=plain_grey(image),
                target=target,
                perturbations_per_eval=BATCH,
            )
            for image, target in zip(pixels.split(1), targets.split(1), strict=True)
        ]
    return torch.cat(rows).float()


def plain_grey(pixels: Tensor) -> Tensor:
    """Return images (n, h, w), float32, each of which is all of its own median grey."""
    middle = pixels.float().flatten(1).median(dim=1).values
    return middle[:, None, None].expand(pixels.shape).contiguous()


def _check_no_layer(layer: str | None, method: str) -> None:
    if layer is not None:
        raise AskedWrongly(f"A layer is for grad-cam. Got {layer!r} with {method}: leave it out.")


def _captum() -> Any:
    try:
        import captum.attr
    except ImportError:
        raise AskedWrongly(
            "Integrated gradients and occlusion take the package captum: install it with "
            "pip install 'radapt[explain]', or give --method grad-cam, which needs none."
        ) from None
    return captum.attr
