"""How a network is split into blocks, and which images it takes."""

import torch
from torch import nn

from radapt.errors import AskedWrongly
from radapt.models.classifier import Spec
from radapt.text import counted


def holds_matrix(module: nn.Module) -> bool:
    """Return whether a module has weights beyond vectors, and so may be a block."""
    return any(parameter.ndim > 1 for parameter in module.parameters())


def check_patches(what: str, size: int, patch: int) -> None:
    """Refuse a size that patches do not divide: a network would cut off what is left over at the edges.

    Raises
    ------
    AskedWrongly
        With the sizes next to it that fit.
    """
    if size % patch or size < patch:
        below, above = size // patch * patch, (size // patch + 1) * patch
        fitting = f"{below} or {above}" if below else f"{above}"
        raise AskedWrongly(
            f"{what} takes images whose side is a multiple of its patch of {patch} pixels, "
            f"such as --size {fitting}. Got {size}."
        )


def in_order(
    what: str, spec: Spec, trunk: nn.Module, head: nn.Module, blocks: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the blocks that take part in the forward pass, in its order.

    Parameters
    ----------
    what
        The network's name in a sentence, such as "The timm network 'resnet18'".

    Raises
    ------
    AskedWrongly
        If the network cannot take such images, or gives something else than a logit a class.
    """
    passed: list[str] = []
    handles = [
        trunk.get_submodule(block).register_forward_pre_hook(lambda *_, block=block: passed.append(block))
        for block in blocks
    ]
    try:
        with torch.no_grad():
            shape = head.eval()(trunk.eval()(torch.zeros(1, spec.channels, spec.size, spec.size))).shape
    except Exception as error:  # networks raise whatever their layers do
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AskedWrongly(
            f"{what} does not take images of {spec.size} x {spec.size} "
            f"with {counted(spec.channels, 'channel')}: {reason}."
        ) from error
    finally:
        trunk.train()
        head.train()
        for handle in handles:
            handle.remove()
    if shape != (1, len(spec.classes)):
        raise AskedWrongly(
            f"{what} must give one logit for each class. For an image it gives numbers of shape "
            f"{tuple(shape)}."
        )
    return tuple(dict.fromkeys(passed))
