"""Frozen encoders in ONNX, run by onnxruntime on the processor: images (n, c, h, w) in, features (n, d) out.

`onnx:FILE` stays as it is: a head is trained on its features, and the file is copied into the run. Beside it,
FILE.json may hold size, channels, mean and std (of grey values in 0..1, one number or one a channel).
Without it size and channels are those of the file's input (224 and 3 where that is open), and mean and std
those of ImageNet, or 0.5 and 0.25 for one channel.
"""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import read_object
from radapt.models.architecture import IMAGENET_MEAN, IMAGENET_STD, Architecture, one_if_equal
from radapt.models.classifier import Classifier, Spec
from radapt.models.onnx_content import check_alone
from radapt.models.pretrained import Weights
from radapt.progress import Watch
from radapt.text import listed

PREFIX = "onnx:"
SIZE, COLOURS = 224, 3  # where the file leaves them open
GREY_MEAN, GREY_STD = (0.5,), (0.25,)
KEYS = ("size", "channels", "mean", "std")  # of FILE.json
put_weights = None  # the file holds them


class Encoder(nn.Module):
    """An ONNX file as a module without parameters; copies share it."""

    def __init__(self, content: bytes, path: Path) -> None:
        super().__init__()
        self.content = content
        self._session = _open(content, path)
        self._input = self._session.get_inputs()[0]
        self._output = self._session.get_outputs()[0].name

    def __deepcopy__(self, _memo: Any) -> "Encoder":
        return self

    @property
    def names(self) -> list[str]:
        """The names of its outputs."""
        return [each.name for each in self._session.get_outputs()]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of its input (n, c, h, w), with None for what is open."""
        return tuple(each if isinstance(each, int) and each > 0 else None for each in self._input.shape)

    def choose_output(self, images: Tensor, path: Path) -> int:
        """Take the one output that is a vector an image, and return its length.

        Raises
        ------
        AskedWrongly
            If there is none or several, or it does not take such images.
        """
        names = self.names
        try:
            outputs = self.run(names, images)
        except Exception as error:  # onnxruntime raises whatever its kernels do
            reason = str(error).splitlines()[0].rstrip(".")
            size, channels = images.shape[-1], images.shape[1]
            raise AskedWrongly(
                f"{path} does not take images of {size} x {size} in {channels} channels ({reason}). "
                f"Its input is {self._input.shape}: give --size, or size and channels in {path.name}.json."
            ) from None
        vectors = [
            name for name, each in zip(names, outputs, strict=True) if each.ndim == 2 and len(each) == 1
        ]
        if len(vectors) != 1:
            shapes = listed(f"{name} {each.shape}" for name, each in zip(names, outputs, strict=True))
            raise AskedWrongly(
                f"{path} must give one output (n, d), a vector an image. It gives {shapes}: export it again."
            )
        self._output = vectors[0]
        return int(outputs[names.index(vectors[0])].shape[1])

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to features (n, d), float32, on the device of `x`."""
        return torch.from_numpy(self.run([self._output], x)[0]).float().to(x.device)

    def run(self, names: list[str], x: Tensor) -> list[Any]:
        """Run images through the file, in batches of its own size if that is fixed."""
        images, batch = x.detach().cpu().float().contiguous().numpy(), self.shape[0] or len(x)
        parts = []
        for start in range(0, len(images), batch):
            rows = images[start : start + batch]
            full = np.concatenate([rows, np.repeat(rows[:1], batch - len(rows), axis=0)])
            parts.append(
                [np.asarray(each)[: len(rows)] for each in self._session.run(names, {self._input.name: full})]
            )
        return [np.concatenate(each) for each in zip(*parts, strict=True)]


class Trunk(nn.Module):
    """A trunk with a frozen encoder as its only block."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to features (n, d)."""
        features: Tensor = self.encoder(x)
        return features


def architecture(model: str) -> Architecture:
    """Say which images the encoder in a file is made for.

    Raises
    ------
    AskedWrongly
        If there is no such file, or it is not one from images to features that stands alone.
    BadArtefact
        If the file, or FILE.json, is damaged.
    """
    path = Path(model.removeprefix(PREFIX))
    content, beside = _read(path), _beside(path)
    shape = Encoder(content, path).shape
    values = read_object(beside) if beside.is_file() else {}
    if unknown := sorted(values.keys() - set(KEYS)):
        raise AskedWrongly(f"{beside} holds the key {unknown[0]!r}. It may hold {listed(KEYS)}.")
    size, channels = values.get("size", shape[2] or SIZE), values.get("channels", shape[1] or COLOURS)
    means, stds = (IMAGENET_MEAN, IMAGENET_STD) if channels == COLOURS else (GREY_MEAN, GREY_STD)
    try:
        whole = type(size) is int and type(channels) is int and size > 0 and channels in (1, COLOURS)
        mean, std = (
            _one_a_channel(values.get(key, own), channels) for key, own in (("mean", means), ("std", stds))
        )
        usable = whole and all(map(math.isfinite, (*mean, *std))) and min(std) > 0
    except (TypeError, ValueError, OverflowError):
        usable = False
    if not usable:
        raise AskedWrongly(
            f"{path} takes 1 or 3 channels of a size, scaled by a mean and a std above 0, one number "
            f"or one a channel. Got size {size}, channels {channels}, mean {values.get('mean', means)} and "
            f"std {values.get('std', stds)}: give them in {beside.name}."
        )
    return Architecture(
        "a frozen encoder in a file",
        build,
        size=size,
        channels=channels,
        mean=one_if_equal(mean),
        std=one_if_equal(std),
        encoder=hashlib.sha256(content).hexdigest(),
        pretrained=True,
        find_weights=find_weights,
    )


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def find_weights(model: str, _weights: bool | Path, _watch: Watch) -> Weights:
    """Return the weights of an encoder; their name is the sha256 of FILE, and of FILE.json after it."""
    path = Path(model.removeprefix(PREFIX))
    files = [each for each in (path, _beside(path)) if each.is_file()]
    return Weights(hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest(), path)


def _one_a_channel(value: Any, channels: int) -> list[float]:
    values = [float(each) for each in (value if isinstance(value, (list, tuple)) else [value])]
    if len(values) not in (1, channels):
        raise ValueError("neither one number nor one a channel")
    return values


def build(spec: Spec) -> Classifier:
    """Build a classifier on the file that its name says.

    Raises
    ------
    AskedWrongly, BadArtefact
        As for `open_encoder`.
    """
    return open_encoder(spec, Path(spec.model.removeprefix(PREFIX)))


def open_encoder(spec: Spec, path: Path) -> Classifier:
    """Build a classifier with a new head on the encoder in a file.

    Raises
    ------
    AskedWrongly
        If there is no such file, or it does not map such images to one vector each.
    BadArtefact
        If the file is damaged, or is not the one that the spec names by its sha256.
    """
    content = _read(path)
    if hashlib.sha256(content).hexdigest() != spec.encoder:
        raise BadArtefact(f"{path} is not the encoder of this model: its sha256 differs.")
    encoder = Encoder(content, path)
    features = encoder.choose_output(torch.zeros(1, spec.channels, spec.size, spec.size), path)
    return Classifier(spec, Trunk(encoder), nn.Linear(features, len(spec.classes)), ("encoder",))


def _read(path: Path) -> bytes:
    """Return what is in a file, after looking that it points to no other."""
    if not path.is_file():
        raise AskedWrongly(f"There is no file {path}. Give an encoder as --model onnx:FILE.")
    content = path.read_bytes()
    check_alone(content, path)
    return content


def _open(content: bytes, path: Path) -> Any:
    """Open a session of onnxruntime on a file that maps images to something."""
    try:
        import onnxruntime
    except ImportError:
        raise AskedWrongly(
            "Models of the kind onnx:FILE are run by onnxruntime: install it with "
            "pip install 'radapt[onnx]', or give another model, such as --model compact."
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what fails is raised
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises errors of its own
        raise BadArtefact(
            f"onnxruntime cannot open {path}: {str(error).splitlines()[0].rstrip('.')}."
        ) from None
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape or ()) != 4:
        shapes = listed(f"{each.name} {each.type} {each.shape}" for each in inputs)
        raise AskedWrongly(f"{path} must take one input (n, c, h, w) of float32. It takes {shapes}.")
    return session
