"""Where each weight of a classifier stands: in which block from the input side on, or in the head."""

from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from radapt.models.classifier import Classifier

NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a weight stands; all that freezing goes by."""

    name: str  # as in `named_parameters` of the classifier
    block: int  # from 0, the block nearest to the input; `depth` for the head
    depth: int  # how many blocks there are
    norm: bool  # whether it is the scale or offset of a normalisation layer

    @property
    def head(self) -> bool:
        """Whether it is of the head."""
        return self.block == self.depth


def places(classifier: Classifier) -> dict[str, Place]:
    """Give the place of every weight, by its name.

    A weight of the trunk that is in no block (a position embedding, a normalisation between two blocks)
    counts for the block before it, or for the first.
    """
    norms = _norm_weights(classifier)
    depth, block, found = len(classifier.blocks), 0, {}
    for name, _ in classifier.trunk.named_parameters():
        inside = [number for number, part in enumerate(classifier.blocks) if name.startswith(f"{part}.")]
        block = inside[0] if inside else block
        found[f"trunk.{name}"] = Place(f"trunk.{name}", block, depth, f"trunk.{name}" in norms)
    for name, _ in classifier.head.named_parameters():
        found[f"head.{name}"] = Place(f"head.{name}", depth, depth, f"head.{name}" in norms)
    return found


def _norm_weights(classifier: Classifier) -> set[str]:
    """Name the scales and offsets; timm's own normalisation layers derive from PyTorch's."""
    return {
        f"{name}.{part}"
        for name, module in classifier.named_modules()
        if isinstance(module, NORMS)
        for part, _ in module.named_parameters(recurse=False)
    }
