"""The original CNN as weights of Keras 3, `.weights.h5`, which `radapt.models.keras` reads again.

Keras names layers by their kind and number, keeps kernels as (height, width, in, out), and flattens a map by
height, width, channel. Layers without weights have empty groups.
"""

import io
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from radapt.errors import AskedWrongly
from radapt.exporting.metadata import KEY, Metadata
from radapt.models.classifier import Classifier, Spec
from radapt.models.keras import load_keras

EMPTY = {"activation": 4, "dropout": 2, "flatten": 1, "max_pooling2d": 4}  # layers without weights

Arrays = list[NDArray[np.float32]]


def check_original(classifier: Classifier) -> None:
    """Refuse a model that is not the original CNN, as Keras would build it.

    Raises
    ------
    AskedWrongly
        If it is another network, has several members or views, or scales images otherwise.
    """
    spec = classifier.spec
    plain = spec.members == 1 and spec.views == 1 and not spec.neighbours and spec.outputs == "sigmoid"
    if spec.model != "original-cnn" or not plain or (spec.mean, spec.std) != (0.0, 1.0):
        raise AskedWrongly(
            "Keras weights are written of the original CNN alone (--model original-cnn, one network without "
            f"test views). This run is {spec.model!r}: use --format onnx or torch."
        )


def serialise(classifier: Classifier, metadata: Metadata) -> bytes:
    """Return the bytes of a file of weights; what it says of itself is its attribute `radapt`.

    Raises
    ------
    AskedWrongly
        If h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise AskedWrongly("Keras weights need h5py. Install it with: pip install 'radapt[keras]'.") from None
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, arrays in layers_of(classifier).items():
            group = file.create_group(f"layers/{name}/vars")
            group.attrs["name"] = name
            for number, array in enumerate(arrays):
                group.create_dataset(str(number), data=array)
        file.create_group("vars").attrs["name"] = "sequential"
        file.attrs[KEY] = metadata.to_json()
    return buffer.getvalue()


def layers_of(classifier: Classifier) -> dict[str, Arrays]:
    """Return the arrays of each layer, as Keras keeps them, by its name there."""
    layers: dict[str, Arrays] = {
        _name(kind, number): [] for kind, count in EMPTY.items() for number in range(count)
    }
    for number, block in enumerate(f"conv{number}" for number in range(1, 5)):
        convolution: Any = classifier.trunk.get_submodule(f"{block}.0")
        norm: Any = classifier.trunk.get_submodule(f"{block}.3")
        kernel = _array(convolution.weight).transpose(2, 3, 1, 0)
        layers[_name("conv2d", number)] = [kernel, _array(convolution.bias)]
        parts = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        layers[_name("batch_normalization", number)] = [_array(each) for each in parts]
    dense = [layer for layer in classifier.head.modules() if isinstance(layer, nn.Linear)]
    for number, layer in enumerate(dense):
        kernel = _array(layer.weight).T
        if number == 0:  # PyTorch flattens channel, height, width
            maps = layers["conv2d_3"][1].size
            side = round((kernel.shape[0] / maps) ** 0.5)
            kernel = kernel.reshape(maps, side, side, -1).transpose(1, 2, 0, 3).reshape(kernel.shape)
        layers[_name("dense", number)] = [kernel, _array(layer.bias)]
    return layers


def read_again(content: bytes, spec: Spec) -> Classifier:
    """Return the classifier in the bytes of such a file, for images that are read as the spec says."""
    with tempfile.TemporaryDirectory(prefix="radapt-") as folder:
        path = Path(folder) / "model.weights.h5"
        path.write_bytes(content)
        again = load_keras(path, spec.classes)
    again.spec = replace(spec, size=again.spec.size, channels=again.spec.channels)
    return again


def _name(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().numpy()
    return array
