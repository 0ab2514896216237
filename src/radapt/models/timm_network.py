"""Backbones from timm (Wightman 2019), on grey images.

Size, mean and std are those of the network's published weights (its `pretrained_cfg`). Where mean and std are
equal for all colours, the network has one input channel: for pretrained weights timm sums the filters of the
three, which is exact for equal channels. Where they differ (ImageNet's), no sum is exact, since a padded
border is another grey for each colour, and the network keeps three channels of equal grey.

The interpolation and central crop of a `pretrained_cfg` are not followed: radapt reads the whole image,
resized with antialiasing, so that the edges of the lungs stay in view.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from radapt.errors import AskedWrongly, BadArtefact, UnknownName
from radapt.files import sha256
from radapt.models.architecture import Architecture, one_if_equal
from radapt.models.blocks import check_patches, holds_matrix, in_order
from radapt.models.classifier import Classifier, Spec
from radapt.models.pretrained import Weights
from radapt.models.weights_file import read_tensors

if TYPE_CHECKING:
    from radapt.progress import Watch

PREFIX = "timm:"
COLOURS = 3
SIZE = 224  # pixels, of a network for which timm names none
CONTAINERS = (
    "blocks",
    "stages",
    "layers",
    "features",
    "transformers",
    "levels",
    "dense_stages",
)


class Trunk(nn.Module):
    """A timm network without its classifier."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to pooled features (n, d)."""
        features: Tensor = self.network.forward_head(self.network.forward_features(x), pre_logits=True)
        return features


def architecture(model: str) -> Architecture:
    """Say which images a network is made for.

    Raises
    ------
    UnknownName
        If timm has no network of that name.
    """
    import timm

    published: Any = timm.get_pretrained_cfg(_known(model), allow_unregistered=True)
    made = partial(Architecture, "a network of timm", build, find_weights=find_weights)
    if published is None or len(published.mean) != COLOURS:
        return made(size=SIZE, channels=1)
    mean, std = one_if_equal(published.mean), one_if_equal(published.std)
    channels = COLOURS if isinstance(mean, tuple) or isinstance(std, tuple) else 1
    return made(size=published.input_size[-1], channels=channels, mean=mean, std=std)


def find_weights(model: str, weights: bool | Path, _watch: "Watch") -> Weights:
    """Return the weights of a timm network that are asked for; timm downloads its own when it is built.

    Raises
    ------
    UnknownName
        If timm has no network of that name.
    AskedWrongly
        If it has no weights of it, or there is no such file.
    BadArtefact
        If the file is damaged.
    """
    import timm

    name = _known(model)
    if isinstance(weights, Path):
        read_tensors(_file(name, weights))  # what is no file of weights is refused before images are read
        return Weights(sha256(weights), weights)
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
        If the network cannot be built for images of this size or channel count, has no head or several, or
        its weights cannot be had.
    BadArtefact
        If the file does not hold the weights of this network.
    """
    from timm.layers.patch_embed import PatchEmbed

    name = _known(spec.model)
    options: dict[str, Any] = {"num_classes": len(spec.classes), "in_chans": spec.channels}
    if isinstance(pretrained, Path):
        options["pretrained_cfg_overlay"] = {"file": str(_file(name, pretrained))}
    before = torch.get_rng_state()
    try:
        network = _create(name, spec.size, pretrained=bool(pretrained), **options)
    except Exception as error:  # timm raises whatever its networks and its hub do
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AskedWrongly(
            f"timm could not build {name!r} for images of {spec.size} x {spec.size}"
            f"{' with pretrained weights' if pretrained else ''}: {reason}."
        ) from error
    if isinstance(getattr(network, "patch_embed", None), PatchEmbed):
        check_patches(f"The timm network {name!r}", spec.size, network.patch_embed.patch_size[0])
    head = _one_head(name, network.get_classifier())
    network.reset_classifier(0)
    if isinstance(pretrained, Path):
        after = torch.get_rng_state()
        torch.set_rng_state(before)
        drawn = _create(name, spec.size, pretrained=False, **options)
        torch.set_rng_state(after)
        _check_filled(network, dict(drawn.named_parameters()), f"{pretrained.name} does not hold {name!r}")
    trunk = Trunk(network)
    blocks = tuple(f"network.{part}" for part in _blocks(network))
    return Classifier(spec, trunk, head, in_order(f"The timm network {name!r}", spec, trunk, head, blocks))


def _one_head(name: str, head: Any) -> nn.Module:
    """Return the head of a network as a module of features (n, d); the first of two of a distilled model.

    Raises
    ------
    AskedWrongly
        If it has none, or several that are summed.
    """
    first: nn.Module = head[0] if isinstance(head, tuple) else head
    dense = getattr(first, "fc", first)  # timm may give it with its pooling
    if isinstance(dense, nn.ModuleList) or not any(True for _ in dense.parameters()):
        has = "several heads" if isinstance(dense, nn.ModuleList) else "no head of its own"
        raise AskedWrongly(f"The timm network {name!r} has {has}. radapt takes networks with one.")
    return _as_dense(dense) if isinstance(dense, nn.Conv2d) else dense


def _as_dense(filters: nn.Conv2d) -> nn.Linear:
    """Return a 1 x 1 convolution as the equivalent dense layer on pooled features."""
    dense = nn.Linear(filters.in_channels, filters.out_channels, bias=filters.bias is not None)
    dense.load_state_dict(
        {key: tensor.reshape(tensor.shape[:2]) for key, tensor in filters.state_dict().items()}
    )
    return dense


def _check_filled(network: nn.Module, drawn: dict[str, Tensor], not_it: str) -> None:
    """Refuse a file that left a matrix at its random values, since timm ignores missing weights."""
    own = {name: tensor for name, tensor in network.named_parameters() if tensor.ndim > 1}
    lacking = [name for name, tensor in own.items() if torch.equal(tensor, drawn[name])]
    if lacking:
        raise BadArtefact(
            f"{not_it}: it lacks {len(lacking)} of {len(own)} weight matrices, such as {lacking[0]!r}. Give "
            "the weights that timm publishes of this network, or those of the same network."
        )


def _known(model: str) -> str:
    """Return timm's name of a network; refuse one that timm does not have."""
    import timm

    name = model.removeprefix(PREFIX)
    if not timm.is_model(name):
        raise UnknownName("timm model", name, timm.list_models())
    return name


def _file(name: str, path: Path) -> Path:
    """Return the path unchanged if a safetensors file is there; refuse it otherwise."""
    if not path.is_file() or path.suffix != ".safetensors":
        what = "This is a folder, not a weights file:" if path.is_dir() else "There is no weights file"
        what = "These weights are no safetensors:" if path.is_file() else what
        raise AskedWrongly(f"{what} {path}. Give a .safetensors file of {name!r}.")
    return path


def _blocks(network: nn.Module) -> Iterator[str]:
    """Yield the names of a network's blocks: its parts, and the parts of timm's containers of blocks.

    A part without a matrix (a normalisation) is no block, and belongs to the block before it. If there is one
    part only, its parts are the blocks.
    """
    parts = {name: part for name, part in network.named_children() if holds_matrix(part)}
    for name, part in parts.items():
        if isinstance(part, nn.ModuleList) or (name in CONTAINERS and isinstance(part, nn.Sequential)):
            yield from (f"{name}.{inner}" for inner in _parts(part))
        elif len(parts) == 1 and any(part.children()):
            yield from (f"{name}.{inner}" for inner in _blocks(part))
        else:
            yield name


def _parts(container: nn.Module) -> Iterator[str]:
    """Yield the names of the blocks in a container, and in module lists within it."""
    for name, block in container.named_children():
        if isinstance(block, nn.ModuleList):
            yield from (f"{name}.{inner}" for inner in _parts(block))
        elif holds_matrix(block):
            yield name


def _create(name: str, size: int, **options: Any) -> Any:
    import timm

    try:  # networks with position embeddings need the size of the images
        return timm.create_model(name, img_size=size, **options)
    except TypeError:
        return timm.create_model(name, **options)
