"""Backbones from timm (Wightman 2019), on grey films.

`timm:resnet18` is that network with one input channel; for pretrained weights timm sums the filters of the
three colours, which is exact for three equal channels but for the padded border.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from radapt.errors import AskedWrongly, UnknownName
from radapt.files import sha256
from radapt.models.classifier import Classifier, Spec
from radapt.models.pretrained import Weights

PREFIX = "timm:"
CONTAINERS = ("blocks", "stages", "layers", "features")


class Trunk(nn.Module):
    """A timm network without its classifier."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to pooled features (n, d)."""
        features: Tensor = self.network.forward_head(self.network.forward_features(x), pre_logits=True)
        return features


def find_weights(model: str, weights: bool | Path) -> Weights:
    """Say which weights of a timm network are asked for; timm's own are fetched when it is built.

    Raises
    ------
    UnknownName
        If timm has no network of that name.
    AskedWrongly
        If it has no weights of it, or there is no such file.
    """
    import timm

    name = _known(model)
    if isinstance(weights, Path):
        return Weights(sha256(_file(name, weights)), weights)
    if not timm.is_model_pretrained(name):
        raise AskedWrongly(f"timm has no pretrained weights of {name!r}. Give a file of them as --weights.")
    published: Any = timm.get_pretrained_cfg(name)
    return Weights(f"{published.architecture}.{published.tag}", start=True)


def build(spec: Spec, pretrained: bool | Path = False) -> Classifier:
    """Build a timm network for these classes.

    Parameters
    ----------
    pretrained
        False for random weights, True for timm's own (fetched from its hub), or a safetensors file of them.

    Raises
    ------
    UnknownName
        If timm has no network of that name.
    AskedWrongly
        If the network cannot be built for films of this size or channel count, or its weights not be had.
    """
    name = _known(spec.model)
    options: dict[str, Any] = {"num_classes": len(spec.classes), "in_chans": spec.channels}
    if isinstance(pretrained, Path):
        options["pretrained_cfg_overlay"] = {"file": str(_file(name, pretrained))}
    try:
        network = _create(name, spec.size, pretrained=bool(pretrained), **options)
    except Exception as error:  # timm raises whatever its networks and its hub do
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AskedWrongly(
            f"timm could not build {name!r} for films of {spec.size} x {spec.size}"
            f"{' with pretrained weights' if pretrained else ''}: {reason}."
        ) from error
    head = network.get_classifier()
    if not isinstance(head, nn.Module):
        raise AskedWrongly(f"The timm network {name!r} has several heads. radapt takes networks with one.")
    network.reset_classifier(0)
    return Classifier(spec, Trunk(network), head, tuple(f"network.{part}" for part in _blocks(network)))


def _known(model: str) -> str:
    """Give timm's name of a network that it has."""
    import timm

    name = model.removeprefix(PREFIX)
    if not timm.is_model(name):
        raise UnknownName("timm model", name, timm.list_models())
    return name


def _file(name: str, path: Path) -> Path:
    """Give a path back at which there is a safetensors file."""
    if not path.is_file() or path.suffix != ".safetensors":
        what = "There is no weights file" if not path.is_file() else "These weights are no safetensors:"
        raise AskedWrongly(f"{what} {path}. Give a .safetensors file of {name!r}.")
    return path


def _blocks(network: nn.Module) -> Iterator[str]:
    """Name the blocks of a network in order: its parts, and the parts of those that timm keeps blocks in.

    What holds no matrix (a normalisation) is no block, and counts for the one before it.
    """
    for name, part in network.named_children():
        if name in CONTAINERS and isinstance(part, nn.Sequential | nn.ModuleList):
            yield from (f"{name}.{inner}" for inner, block in part.named_children() if _holds_matrix(block))
        elif _holds_matrix(part):
            yield name


def _holds_matrix(module: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in module.parameters())


def _create(name: str, size: int, **options: Any) -> Any:
    import timm

    try:  # networks with position embeddings must be told the size of the films
        return timm.create_model(name, img_size=size, **options)
    except TypeError:
        return timm.create_model(name, **options)
