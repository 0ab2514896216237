"""The position of each parameter of a classifier: in which block from the input on, or in the head."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from radapt.models.classifier import Classifier

NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A parameter's position and kind, by which strategies freeze it."""

    name: str  # as in `named_parameters` of the classifier
    block: int  # from 0, the block nearest to the input; `depth` for the head
    depth: int  # number of blocks
    norm: bool  # whether it is a scale or offset of a normalisation layer
    dense: bool = False  # whether it is a matrix of a dense layer

    @property
    def head(self) -> bool:
        """Whether it is of the head."""
        return self.block == self.depth


def parameter_info(classifier: Classifier) -> dict[str, ParameterInfo]:
    """Return the position of every parameter, by its name.

    A parameter of the trunk that is in no block (a position embedding, a normalisation between two blocks)
    counts for the block before it, or for the first.
    """
    norms, dense = _weights_of(classifier, _is_norm), _weights_of(classifier, _is_dense)
    depth, block, positions = len(classifier.blocks), 0, {}
    for name, weight in classifier.named_parameters():
        part = name.partition(".")[2]
        inside = [number for number, own in enumerate(classifier.blocks) if part.startswith(f"{own}.")]
        block = depth if name.startswith("head.") else inside[0] if inside else block
        positions[name] = ParameterInfo(name, block, depth, name in norms, name in dense and weight.ndim > 1)
    return positions


def _weights_of(classifier: Classifier, is_one: Callable[[nn.Module], bool]) -> set[str]:
    """Return the names of the parameters that layers of a kind hold themselves."""
    return {
        f"{name}.{part}"
        for name, module in classifier.named_modules()
        if is_one(module)
        for part, _ in module.named_parameters(recurse=False)
    }


def _is_norm(module: nn.Module) -> bool:
    """Return whether a layer normalises, by its class, or by its name for timm's own classes."""
    return isinstance(module, NORMS) or type(module).__name__.lower().endswith(("norm", "norm2d"))


def _is_dense(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear)
