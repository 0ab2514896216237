"""Where a network has a map of features that its answer is made of, whatever its architecture.

Grad-CAM needs such a map. Here it is found by running an image: the blocks of the trunk are tried from the
last one backwards, and one serves if its output has at least `PLACES` places a side that the answer depends
on. Tokens of a transformer are laid out as the grid that they came from; behind the last attention, where
only the class token counts, the answer depends on no place, and the block before is taken.

Every output is replaced by a copy that gradients begin at. So nothing before it has to be trainable, and an
operation that later writes in place (as in DenseNets) changes the copy alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from radapt.errors import AskedWrongly, UnknownName
from radapt.explaining.log_odds import LogOdds
from radapt.models.classifier import Classifier
from radapt.models.ensemble import members_of

PLACES = 5  # a side; coarser maps say next to nothing, and follow the score less well
MAX_PREFIX = 16  # tokens of no place: class, distillation, registers


@dataclass(frozen=True, slots=True)
class Layout:
    """How an output (n, ...) becomes a map (n, c, rows, columns)."""

    rows: int
    columns: int
    prefix: int = 0  # tokens before those of places
    channels_last: bool = False

    def as_map(self, output: Tensor) -> Tensor:
        """Return an output as a map (n, c, rows, columns)."""
        if output.ndim == 4:
            return output.permute(0, 3, 1, 2) if self.channels_last else output
        places = output[:, self.prefix :].transpose(1, 2)
        return places.reshape(*places.shape[:2], self.rows, self.columns)


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """The block of a network whose output is read as a map."""

    block: str  # its name in the trunk
    module: nn.Module
    layout: Layout


@dataclass(slots=True)
class Caught:
    """What hooks have caught: outputs that gradients begin at."""

    outputs: list[tuple[Layout, Tensor]] = field(default_factory=list)

    def maps_and_gradients(self, score: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return maps (n, c, rows, columns) that a score is computed from, and its gradients there."""
        outputs = [output for _, output in self.outputs]
        gradients = torch.autograd.grad(score, outputs, allow_unused=True)
        return [
            (layout.as_map(output.detach()), layout.as_map(gradient))
            for (layout, output), gradient in zip(self.outputs, gradients, strict=True)
            if gradient is not None
        ]


@contextmanager
def caught(maps: Sequence[FeatureMap]) -> Iterator[Caught]:
    """Catch what these blocks give, and let gradients begin there: before them none are kept."""
    found = Caught()

    def catch(layout: Layout, _module: nn.Module, _given: Any, output: Any) -> Any:
        first, rest = (output[0], output[1:]) if isinstance(output, tuple) else (output, None)
        torch.set_grad_enabled(True)  # until the context that turned it off ends
        leaf = first.detach().requires_grad_()
        found.outputs.append((layout, leaf))
        return leaf.clone() if rest is None else (leaf.clone(), *rest)

    handles = [each.module.register_forward_hook(partial(catch, each.layout)) for each in maps]
    try:
        with torch.no_grad():
            yield found
    finally:
        for handle in handles:
            handle.remove()


def feature_maps(classifier: Classifier, image: Tensor, target: int, layer: str | None) -> list[FeatureMap]:
    """Find the map of a classifier in evaluation mode; of an ensemble that of each member.

    Parameters
    ----------
    image
        One image (1, h, w) in 0..255.
    target
        The class whose score has to depend on the map.
    layer
        The name of a block; None: the last that serves.

    Raises
    ------
    UnknownName
        If there is no such block.
    AskedWrongly
        If the network has no map, the block gives none, or gradients cannot be had.
    """
    check_gradients(classifier)
    return [_of_member(member, image, target, layer) for member in members_of(classifier)]


def check_gradients(classifier: Classifier) -> None:
    """Refuse a model that came as a program in a file, through which no gradient goes.

    Raises
    ------
    AskedWrongly
        With what would work.
    """
    if not any(True for member in members_of(classifier) for _ in member.trunk.parameters()):
        raise AskedWrongly(
            f"A model of the kind {classifier.spec.model.partition(':')[0]} is a program in a file, into "
            "which no gradient can look: give --method occlusion, which needs the scores alone."
        )


def _of_member(member: Classifier, image: Tensor, target: int, layer: str | None) -> FeatureMap:
    if layer is not None and layer not in member.blocks:
        raise UnknownName("block of this model", layer, member.blocks)
    found = _candidates(member, image)
    if layer is not None:
        found = [each for each in found if each.block == layer]
    large = [each for each in found if min(each.layout.rows, each.layout.columns) >= PLACES]
    largest = max((each.layout.rows for each in found), default=0)
    unmoved = None  # the last block on which the answer to this image happens not to depend
    for each in reversed(large or [each for each in found if each.layout.rows == largest]):
        reach = _reach(member, each, image, target)
        if reach > 0:
            return each
        unmoved = each if reach == 0 and unmoved is None else unmoved
    if unmoved is not None:
        return unmoved
    what = f"{member.spec.model} " + (f"gives no map at {layer!r}" if layer else "has no map of features")
    raise AskedWrongly(
        f"Grad-CAM needs a map that the answer depends on, and {what}: give another --layer, or --method "
        "occlusion, which takes any model."
    )


def _candidates(member: Classifier, image: Tensor) -> list[FeatureMap]:
    """Return the blocks whose outputs are maps of more than one place, in the order of the forward pass."""
    found: list[FeatureMap] = []
    grids: list[tuple[int, int]] = []  # of convolutions so far

    def note(_module: nn.Module, _given: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            grids.append((output.shape[2], output.shape[3]))

    def offer(block: str, module: nn.Module, _given: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        if isinstance(first, Tensor) and (layout := _layout(first.shape, grids)) is not None:
            found.append(FeatureMap(block, module, layout))

    convolutions = [module for module in member.trunk.modules() if isinstance(module, nn.Conv2d)]
    handles = [module.register_forward_hook(note) for module in convolutions]
    handles += [
        member.trunk.get_submodule(name).register_forward_hook(partial(offer, name)) for name in member.blocks
    ]
    try:
        with torch.no_grad():
            member.embed(image)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _layout(shape: torch.Size, grids: Sequence[tuple[int, int]]) -> Layout | None:
    """Return how an output of this shape is a map; None if it is none."""
    if len(shape) == 4:
        last = shape[1] == shape[2] != shape[3]  # images are square
        rows, columns = (shape[1], shape[2]) if last else (shape[2], shape[3])
        return Layout(rows, columns, channels_last=last) if rows * columns > 1 else None
    if len(shape) != 3:
        return None
    for rows, columns in reversed(grids):
        if 0 <= (prefix := shape[1] - rows * columns) <= MAX_PREFIX and rows * columns > 1:
            return Layout(rows, columns, prefix)
    side = isqrt(shape[1])
    return Layout(side, side) if side > 1 and side * side == shape[1] else None


def _reach(member: Classifier, where: FeatureMap, image: Tensor, target: int) -> float:
    """Return the largest gradient of the score of a class at the places of a map; -1 if it has none."""
    with caught([where]) as found:
        score = LogOdds(member)(image)[0, target]
        if not score.requires_grad:
            return -1.0
        pairs = found.maps_and_gradients(score)
    return max((float(gradient.abs().max()) for _, gradient in pairs), default=-1.0)
