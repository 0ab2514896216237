"""Fine-tune all weights, then interpolate between the base and the fine-tuned weights (WiSE-FT)."""

import math
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from radapt.adaptation.full import Full
from radapt.adaptation.strategy import AdaptContext, AdaptResult
from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.metrics.table import score
from radapt.models.classifier import Classifier
from radapt.models.inference import predict


@dataclass(frozen=True, slots=True)
class WiseFT(Full):
    """Weighted mean of the base's and the fine-tuned weights (Wortsman et al. 2022, arXiv:2109.01903).

    The share of the fine-tuned weights is the smallest of `shares` whose validation AUROC is within 0.01 of
    the best; without validation images it is 0.5.
    """

    shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)

    about: ClassVar[str] = "all weights fine-tuned, then averaged with the base's weights"

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Return a copy of the base, interpolated towards the fine-tuned model."""
        tuned = Full.adapt(self, base, target, valid, conditions)
        share = 0.5
        if valid is not None:
            share = self._share(base, tuned.classifier, valid, conditions.hardware)
        return replace(
            tuned, classifier=between(base, tuned.classifier, share), notes={"share_of_trained": share}
        )

    def _share(self, base: Classifier, tuned: Classifier, valid: ImageSet, hardware: Hardware) -> float:
        """Choose the share of the fine-tuned weights by validation AUROC."""
        aurocs = [
            score("auroc", predict(between(base, tuned, share), valid, hardware)) for share in self.shares
        ]
        if all(math.isnan(value) for value in aurocs):
            return 0.5
        best = max(value for value in aurocs if not math.isnan(value))
        return next(share for share, value in zip(self.shares, aurocs, strict=True) if value >= best - 0.01)


def between(base: Classifier, tuned: Classifier, share: float) -> Classifier:
    """Return (1 - share) * base + share * tuned, for all weights and normalisation statistics, on the CPU."""
    mixed = deepcopy(tuned).cpu()
    with torch.no_grad():
        start = {name: tensor.cpu() for name, tensor in base.state_dict().items()}
        for name, tensor in mixed.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.lerp(start[name], tensor, share))
    return mixed.eval()
