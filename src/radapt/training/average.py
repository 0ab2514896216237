"""A moving average of a model's weights during training, which generalises better than the last weights.

Exponential (Tarvainen & Valpola 2017); batch normalisation statistics are averaged with the weights.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged_model(model: nn.Module, decay: float) -> AveragedModel:
    """Return a moving average of a model's weights and statistics, equal to them until its first update.

    Parameters
    ----------
    decay
        Below 1: the share of the average that an update keeps. It is less in the first steps,
        (1 + t) / (10 + t) after t of them, so that the initial weights are soon forgotten.
    """

    @torch.no_grad()
    def update(average: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        kept = min(decay, (1 + int(steps)) / (10 + int(steps)))
        for own, new in zip(average, current, strict=True):
            if own.is_floating_point():
                own.lerp_(new.to(own.dtype), 1 - kept)
            else:
                own.copy_(new)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)
