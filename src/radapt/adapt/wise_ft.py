"""Everything is trained, and then mixed with the base, weight by weight."""

import math
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from radapt.adapt.full import Full
from radapt.adapt.strategy import AdaptContext, AdaptResult
from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.metrics.table import score
from radapt.models.classifier import Classifier
from radapt.models.inference import predict


@dataclass(frozen=True, slots=True)
class WiseFT(Full):
    """The mean of the base's weights and the trained ones (Wortsman et al. 2022, arXiv:2109.01903).

    The share of the trained ones is the smallest that is within a hundredth of the best AUROC on the
    validation images; without those it is one half.
    """

    shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)

    about: ClassVar[str] = "every weight, then the mean of the base's weights and these"

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train a copy of the whole model, and take some of it."""
        tuned = Full.adapt(self, base, target, valid, conditions)
        share = 0.5
        if valid is not None:
            share = self._share(base, tuned.classifier, valid, conditions.hardware)
        return replace(
            tuned, classifier=between(base, tuned.classifier, share), notes={"share_of_trained": share}
        )

    def _share(self, base: Classifier, tuned: Classifier, valid: ImageSet, hardware: Hardware) -> float:
        found = [
            score("auroc", predict(between(base, tuned, share), valid, hardware)) for share in self.shares
        ]
        if all(math.isnan(value) for value in found):
            return 0.5
        best = max(value for value in found if not math.isnan(value))
        return next(share for share, value in zip(self.shares, found, strict=True) if value >= best - 0.01)


def between(base: Classifier, tuned: Classifier, share: float) -> Classifier:
    """Give the classifier that lies a share of the way from the one to the other, statistics included."""
    mixed = deepcopy(tuned).cpu()
    with torch.no_grad():
        start = {name: tensor.cpu() for name, tensor in base.state_dict().items()}
        for name, tensor in mixed.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.lerp(start[name], tensor, share))
    return mixed.eval()
