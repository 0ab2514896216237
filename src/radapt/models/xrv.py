"""The chest X-ray networks of torchxrayvision (Cohen 2022): DenseNet-121 and ResNet-50 on one grey channel.

They are the networks that timm builds under these names, fed grey levels from -1024 to 1024. Their weights
are read as tensors, from a file or from where they are published, without torchxrayvision and without running
anything in the file. Heads are drawn anew for the classes at hand.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import sha256
from radapt.models.classifier import Classifier, Spec
from radapt.models.pretrained import Weights
from radapt.models.weights_file import read_tensors
from radapt.text import counted, listed

if TYPE_CHECKING:
    from radapt.progress import Watch

PREFIX = "xrv:"
MIN_SIZE = 32  # pixels a side
MEAN, STD = 0.5, 1 / 2048  # grey values 0..1 to -1024..1024
SITE = "https://github.com/mlmed/torchxrayvision/releases/download/v1/"
PAGE = "https://github.com/mlmed/torchxrayvision"
CITATION = "Cohen 2022, TorchXRayVision: a library of chest X-ray datasets and models, MIDL"
LICENCE = "the weights' own terms; torchxrayvision's code is under Apache-2.0"
FOLDER = "weights"  # of the cache
HEADS = ("classifier.", "fc.")
THRESHOLDS = "op_threshs"  # of the published findings, kept beside the weights


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that anyone can fetch."""

    file: str
    size: int  # bytes, about: four for every number


def _densenet(images: str) -> Published:
    return Published(f"{images}-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt", 29_000_000)


# By network, the usual ones first; named as torchxrayvision names them.
PUBLISHED: dict[str, dict[str, Published]] = {
    "densenet121": {
        "densenet121-res224-all": _densenet("nih-pc-chex-mimic_ch-google-openi-kaggle"),
        "densenet121-res224-nih": _densenet("nih"),
        "densenet121-res224-pc": _densenet("pc"),
        "densenet121-res224-chex": _densenet("chex"),
        "densenet121-res224-rsna": _densenet("kaggle"),
        "densenet121-res224-mimic_nb": _densenet("mimic_nb"),
        "densenet121-res224-mimic_ch": _densenet("mimic_ch"),
    },
    "resnet50": {
        "resnet50-res512-all": Published("pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt", 95_000_000),
    },
}


def build(spec: Spec) -> Classifier:
    """Build the network with random weights.

    Raises
    ------
    AskedWrongly
        If the images are smaller than 32 x 32: they are halved five times.
    """
    if spec.size < MIN_SIZE:
        raise AskedWrongly(
            f"{spec.model} needs images of at least {MIN_SIZE} x {MIN_SIZE} pixels. "
            f"Got {spec.size} x {spec.size}."
        )
    from radapt.models import timm_network  # timm takes seconds to import

    alike = timm_network.build(replace(spec, model=f"{timm_network.PREFIX}{spec.model.removeprefix(PREFIX)}"))
    return Classifier(spec, alike.trunk, alike.head, alike.blocks)


def find_weights(model: str, weights: bool | Path, watch: "Watch") -> Weights:
    """Say which weights of a network are asked for, and have their file at hand.

    Parameters
    ----------
    weights
        A `.safetensors` or `.pt` file, or a name of `PUBLISHED`, which is fetched once; True for the first.
    watch
        Told how many megabytes are fetched.

    Raises
    ------
    AskedWrongly
        If there is no such file and no such name.
    BadArtefact
        If the file is damaged or refused.
    RadaptError
        If the weights cannot be fetched.
    """
    path, published = _at(model, weights, watch)
    if not published:
        read_tensors(path)  # what is no file of weights is refused before images are read
    return Weights(published or sha256(path), path)


def put_weights(classifier: Classifier, weights: bool | Path, watch: "Watch") -> None:
    """Put published weights into the trunk of a network that `build` made; the head stays as it is.

    Parameters
    ----------
    weights, watch
        As for `find_weights`.

    Raises
    ------
    AskedWrongly, RadaptError
        As for `find_weights`.
    BadArtefact
        If the file is damaged or refused, or its tensors are not the network's.
    """
    model = classifier.spec.model
    path, _ = _at(model, weights, watch)
    network = classifier.trunk.get_submodule("network")
    channels = counted(classifier.spec.channels, "channel")
    not_it = f"{path.name} does not hold weights of {model} with {channels}"
    network.load_state_dict(_fitting(read_tensors(path), network, not_it))


def _at(model: str, weights: bool | Path, watch: "Watch") -> tuple[Path, str]:
    """Return the file of weights, fetched if need be, and their published name with its checksum, if any."""
    known = PUBLISHED[model.removeprefix(PREFIX)]
    wanted = weights if isinstance(weights, Path) else Path(next(iter(known)))
    if wanted.is_file():
        return wanted, ""
    if str(wanted) not in known:
        what = (
            f"{wanted} is a folder, not a weights file"
            if wanted.is_dir()
            else f"There is no weights file {wanted}"
        )
        raise AskedWrongly(
            f"{what} for {model}. Give a .safetensors or .pt file, or one of the published: {listed(known)}."
        )
    path, checksum = _fetched(known[str(wanted)], watch)
    return path, f"{wanted} {checksum}"


def _fetched(published: Published, watch: "Watch") -> tuple[Path, str]:
    """Return the file in the cache, fetched if it is not there, and its checksum: that of the first fetch."""
    from radapt.datasets.catalogue import DataSet, Remote
    from radapt.datasets.fetch import fetch
    from radapt.images.store.location import cache_folder
    from radapt.lock import one_at_a_time

    remote = Remote(published.file, f"{SITE}{published.file}", published.size, checksum=None)
    listed = DataSet(
        "torchxrayvision weights", "weights", 0, LICENCE, CITATION, PAGE, beware="", reads="", files=(remote,)
    )
    folder = cache_folder() / FOLDER
    with suppress(OSError):  # fetching says why it cannot be written there
        folder.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(folder, "fetching into"):
        fetched = fetch(listed, listed.files, folder, watch=watch)
    return folder / published.file, fetched.unpublished[published.file]


def _fitting(tensors: dict[str, Tensor], network: nn.Module, not_it: str) -> dict[str, Tensor]:
    """Return the tensors of the trunk, all there and of the right shape.

    torchxrayvision keeps its ResNet in a module called `model`; its heads and thresholds are left out.
    """
    named = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    named = {name: named[name] for name in named if not name.startswith(HEADS) and name != THRESHOLDS}
    wanted = network.state_dict()
    if lacking := wanted.keys() - named:
        raise BadArtefact(
            f"{not_it}: it lacks {len(lacking)} of {len(wanted)} tensors, such as {min(lacking)!r}."
        )
    if unknown := named.keys() - wanted:
        raise BadArtefact(
            f"{not_it}: it has {counted(len(unknown), 'tensor')} too many, such as {min(unknown)!r}."
        )
    for name, tensor in named.items():
        if tensor.shape != wanted[name].shape or tensor.layout != torch.strided:
            has, needs = (" x ".join(map(str, each.shape)) or "one" for each in (tensor, wanted[name]))
            raise BadArtefact(f"{not_it}: {name!r} holds {has} numbers, and {needs} belong there.")
        if not torch.isfinite(tensor).all():
            raise BadArtefact(f"{not_it}: {name!r} holds numbers that are not finite.")
    return named
