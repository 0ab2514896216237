"""Load the original CNN from weights saved by Keras: `.hdf5` or `.h5`, `.weights.h5`, `.keras`.

Only arrays are read, with h5py; no Keras object is ever built from the file. Keras keeps kernels as (height,
width, in, out) and flattens a map by height, width, channel, where PyTorch has (out, in, height, width) and
channel, height, width.
"""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from radapt.archives import DAMAGE, check_claims
from radapt.errors import AskedWrongly, BadArtefact, WrongFolder
from radapt.models.classifier import Classifier
from radapt.models.table import build, new_spec

KINDS = {"conv2d": (4, 1), "batch_normalization": (1, 1, 1, 1), "dense": (2, 1)}  # dimensions of their arrays
LARGEST = 1 << 30  # bytes of weights
ORDER = {"kernel": 0, "gamma": 0, "bias": 1, "beta": 1, "moving_mean": 2, "moving_variance": 3}
_VARIABLE = re.compile(rf"(?:^|/)({'|'.join(KINDS)})(?:_(\d{{1,9}}))?/(?:.*/)?([a-z_]+|\d{{1,9}})(?::0)?$")

Arrays = list[NDArray[np.float32]]


def load_keras(path: Path, classes: tuple[str, ...] = ("NORMAL", "PNEUMONIA")) -> Classifier:
    """Read the original CNN from a file that Keras wrote, in evaluation mode.

    Parameters
    ----------
    classes
        The class of each output; Keras takes the folders' names in alphabetical order.

    Raises
    ------
    WrongFolder
        If there is no such file.
    AskedWrongly
        If h5py is not installed, or the file does not hold the original CNN.
    BadArtefact
        If the file is damaged.
    """
    if not path.is_file():
        raise WrongFolder(f"There is no file {path}.")
    layers = _layers(path)
    convolutions, norms, dense = (layers[kind] for kind in KINDS)
    if (len(convolutions), len(norms), len(dense)) != (4, 4, 3) or dense[-1][0].shape[1] != len(classes):
        raise AskedWrongly(
            f"{path.name} is not the original CNN for {len(classes)} classes: it holds "
            f"{len(convolutions)} convolutions, "
            f"{len(norms)} batch normalisations and {len(dense)} dense layers. It should hold 4, 4 and 3."
        )
    channels = convolutions[0][0].shape[2]
    inputs, maps = dense[0][0].shape[0], convolutions[-1][0].shape[3]
    side = round((inputs / maps) ** 0.5)
    if side * side * maps != inputs:
        raise AskedWrongly(
            f"{path.name} is not the original CNN: {inputs:,} inputs are no square of {maps} maps."
        )
    spec = new_spec("original-cnn", classes, size=_size_of(side), channels=channels)
    classifier = build(spec)
    for number, (convolution, norm) in enumerate(zip(convolutions, norms, strict=True), start=1):
        block = classifier.trunk.get_submodule(f"conv{number}")
        _put(block.get_submodule("0"), convolution[0].transpose(3, 2, 0, 1), convolution[1])
        _put(block.get_submodule("3"), *norm)
    flat = dense[0][0].reshape(side, side, -1, dense[0][0].shape[1]).transpose(2, 0, 1, 3)
    dense[0][0] = flat.reshape(dense[0][0].shape)
    for position, (kernel, bias) in zip(("0", "3", "6"), dense, strict=True):
        _put(classifier.head.get_submodule(position), kernel.T, bias)
    return classifier.eval()


def _layers(path: Path) -> dict[str, list[Arrays]]:
    """Return the arrays of each kind of layer, layers in the order of their numbers."""
    try:
        import h5py
    except ImportError:
        raise AskedWrongly("Keras weights need h5py. Install it with: pip install 'radapt[keras]'.") from None
    try:
        with h5py.File(_h5(path), "r") as file:
            stored = _stored(file)
            layers = {
                layer: [np.asarray(each[i], np.float32) for i in sorted(each)] for layer, each in stored
            }
    except (*DAMAGE, OSError, KeyError, TypeError, ValueError) as error:
        raise BadArtefact(f"{path.name} could not be read as Keras weights: {error}.") from None
    for (kind, number), arrays in layers.items():
        if len(arrays) != len(KINDS[kind]):
            name = f"{kind}_{number}" if number else kind
            raise AskedWrongly(
                f"{path.name} is not the original CNN: {name} has {len(arrays)} arrays of {len(KINDS[kind])}."
            )
    return {kind: [arrays for (name, _), arrays in layers.items() if name == kind] for kind in KINDS}


def _stored(file: Any) -> list[tuple[tuple[str, int], dict[int, Any]]]:
    """Find the arrays of every layer in an open file, and refuse all that are not its own before one is read.

    Raises
    ------
    ValueError
        If the file holds a link, or something else than numbers in place of an array, or too many of them.
    """
    arrays: dict[tuple[str, int], dict[int, Any]] = {}
    links: list[tuple[str, str]] = []
    file.visititems_links(lambda name, link: links.append((name, type(link).__name__)))
    for name, link in links:
        if link != "HardLink":
            raise ValueError(f"{name!r} is a link, and radapt reads nothing but the file itself")
        match = _VARIABLE.search(name)
        if match is None or name.startswith("optimizer") or not hasattr(item := file[name], "shape"):
            continue
        kind, number, variable = match.groups()
        place = int(variable) if variable.isdigit() else ORDER.get(variable, len(ORDER))
        if place >= len(KINDS[kind]):
            raise ValueError(f"{name!r} is no array of such a layer")
        _check_array(name, item, KINDS[kind][place])
        arrays.setdefault((kind, int(number or 0)), {})[place] = item
    size = sum(item.nbytes for layer in arrays.values() for item in layer.values())
    if size > LARGEST:
        raise ValueError(f"its weights claim {size:,} bytes")
    return sorted(arrays.items())


def _check_array(name: str, item: Any, dimensions: int) -> None:
    """Refuse what does not hold its numbers itself, or none of as many dimensions as the variable has."""
    if item.external or item.is_virtual:
        raise ValueError(f"{name!r} lies in another file, and radapt reads nothing but the file itself")
    if item.dtype.kind not in "fiu" or item.shape is None or len(item.shape) != dimensions or not item.size:
        raise ValueError(f"{name!r} is no array of numbers of {dimensions} dimension{'s' * (dimensions > 1)}")


def _h5(path: Path) -> Path | io.BytesIO:
    if path.suffix != ".keras":
        return path
    check_claims(path, path.stat().st_size)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("model.weights.h5")
        if member.file_size > LARGEST:
            raise ValueError(f"its weights claim {member.file_size:,} bytes")
        return io.BytesIO(archive.read(member))


def _size_of(side: int) -> int:
    """Return the images' side, a multiple of 10 if one will do, that the four blocks bring to `side`."""
    sizes: list[int] = [*range(50, 1030, 10), *range(46, 1030)]
    for size in sizes:
        reached = size
        for _ in range(4):
            reached = (reached - 2) // 2
        if reached == side:
            return size
    raise AskedWrongly(f"No image size gives maps of {side} x {side} before the dense layers.")


def _put(module: nn.Module, *arrays: NDArray[np.float32]) -> None:
    """Copy arrays into a module's tensors, in the order weight, bias, running mean, running variance."""
    tensors = [*module.parameters(), *[buffer for buffer in module.buffers() if buffer.ndim]]
    with torch.no_grad():
        for tensor, array in zip(tensors, arrays, strict=True):
            if tuple(tensor.shape) != array.shape:
                raise AskedWrongly(
                    f"A layer of shape {array.shape} stands where the original CNN has {tuple(tensor.shape)}."
                )
            if not np.isfinite(array).all():
                raise AskedWrongly(
                    "The file holds weights that are not finite numbers. Save the Keras model anew."
                )
            tensor.copy_(torch.from_numpy(np.array(array)))
