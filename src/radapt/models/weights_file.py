"""The tensors of a weights file: safetensors, or what `torch.save` wrote of a state dict or of a network.

A `.pt` file is a program for Python's unpickler, and is never run as one. It is read as PyTorch reads weights
only, which builds tensors and plain containers and nothing else. If it holds a whole network, `Stub`, which
keeps its state and does nothing, takes the place of the classes of torchvision and torchxrayvision; a file
that names anything else is refused.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from pickletools import genops, markobject
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from radapt.archives import DAMAGE, check_claims
from radapt.errors import BadArtefact

CLASSES = (
    *(f"torchxrayvision.models.{name}" for name in ("DenseNet", "_DenseBlock", "_DenseLayer", "_Transition")),
    *(f"torchvision.models.densenet.{name}" for name in ("DenseNet", "_DenseBlock", "_DenseLayer")),
    "torchvision.models.densenet._Transition",
    "torchxrayvision.models.ResNet",
    "torchvision.models.resnet.ResNet",
    "torchvision.models.resnet.Bottleneck",
    "torch.nn.modules.container.Sequential",
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "torch.nn.modules.activation.ReLU",
    "torch.nn.modules.linear.Linear",
    *(f"torch.nn.modules.pooling.{name}" for name in ("MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d")),
    # The findings' names that a network carries may be a NumPy array.
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    "numpy.ndarray",
    "numpy.dtype",
)
LISTED = "radapt.listed"  # stands for `_listed` in a file that was made ready
REDUCE = b"R"
PREAMBLE = 3  # pickles before that of the network, in files written before PyTorch 1.6
BEGINNING = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # of every such file: PyTorch's own number, pickled
WORKS = "Give weights as .safetensors, or as torch.save(network.state_dict(), FILE) writes them."


class Stub:
    """Replaces a class that a file names: takes any arguments, keeps its state, does nothing."""

    state: Any = None

    def __new__(cls, *_: object) -> Self:
        """Make one, whatever it is given."""
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a weights file by their names in it.

    Raises
    ------
    BadArtefact
        If the file is damaged, or names anything but tensors, plain containers and parts of known networks.
    """
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            what = (
                "is empty"
                if path.is_file() and not path.stat().st_size
                else f"is no whole safetensors file ({error})"
            )
            raise BadArtefact(f"{path.name} {what}. {WORKS}") from None
    loaded = _load(path)
    tensors = dict(_tensors(loaded)) if isinstance(loaded, Stub) else loaded
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise BadArtefact(f"{path.name} holds neither a state dict, tensors by name, nor a network. {WORKS}")
    return {str(name): tensor.detach() for name, tensor in tensors.items()}


def _load(path: Path) -> Any:
    stubs: list[Any] = [(Stub, name) for name in CLASSES]
    content = path.read_bytes()
    if what := _not_saved(content):
        raise BadArtefact(f"{path.name} is not what torch.save writes: it {what}. {WORKS}")
    try:
        zipped = zipfile.is_zipfile(io.BytesIO(content))
        file = io.BytesIO(content if zipped else _without_sources(content))
        with torch.serialization.safe_globals([*stubs, (_listed, LISTED)]):
            return torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"it names {named[1]}" if named else "it asks for more than tensors"
        raise BadArtefact(
            f"{path.name} is refused: {what}, and radapt takes nothing but numbers from such a file. Give "
            "its tensors alone, as .safetensors or as torch.save(network.state_dict(), FILE) writes them."
        ) from None
    except Exception as error:  # a damaged file fails in as many ways as there are steps in reading it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadArtefact(
            f"{path.name} begins as torch.save begins, and is damaged or of a kind that cannot be read here "
            f"({reason.rstrip('.')}). {WORKS}"
        ) from None


def _not_saved(content: bytes) -> str:
    """Return why `torch.save` cannot have written a file; "" if it may have."""
    if not content:
        return "is empty"
    file = io.BytesIO(content)
    if zipfile.is_zipfile(file):
        try:
            names = zipfile.ZipFile(file).namelist()
            check_claims(file, len(content))
        except (*DAMAGE, ValueError) as error:
            return f"is a damaged zip archive ({error})"
        if any(name.endswith("/constants.pkl") for name in names):
            return "is a network compiled by TorchScript"
        return "" if any(name.endswith("/data.pkl") for name in names) else "is a zip archive of other things"
    if content.startswith(b"PK\x03\x04"):
        return "is a zip archive whose end is missing"
    return "" if content.startswith(BEGINNING) else "has another beginning"


def _without_sources(content: bytes) -> bytes:
    """Make a file from before PyTorch 1.6 ready to be read for its weights only.

    Such a file names a network's class as ("module", class, file, source) by a persistent id, which is
    refused but for tensors. Here these become calls of `_listed`, which gives the class; nothing else is
    changed, and nothing is run.
    """
    file = io.BytesIO(content)
    for _ in range(PREAMBLE):
        for _ in genops(file):
            pass
    made, done = bytearray(), 0
    for begins, ends in _named_by_id(file):
        made += content[done:begins] + b"c%b\n%b\n" % tuple(LISTED.encode().split(b"."))
        made += content[begins:ends] + REDUCE
        done = ends + 1
    return bytes(made + content[done:])


def _named_by_id(file: io.BytesIO) -> Iterator[tuple[int, int]]:
    """Return where each class that is named by a persistent id begins, and where that is called."""
    marks: list[int] = []
    texts: dict[Any, Any] = {}  # by their number in the pickle's memory
    firsts: dict[int, Any] = {}  # what stands behind each mark
    last: tuple[str, Any, int] = ("", None, 0)
    closed = 0
    for op, argument, position in genops(file):
        value = texts.get(argument) if op.name in ("BINGET", "LONG_BINGET") else argument
        if last[0] == "MARK":
            firsts[last[2]] = value
        if op.name in ("BINPUT", "LONG_BINPUT") and last[0] == "BINUNICODE":
            texts[argument] = last[1]
        elif op.name == "MARK":
            marks.append(position or 0)
        elif markobject in op.stack_before:
            closed = marks.pop()
        elif op.name == "BINPERSID" and firsts.get(closed) == "module":
            yield closed, position or 0
        last = (op.name, argument, position or 0)


def _listed(_kind: object, named: object, *_: object) -> object:
    """Return the class of ("module", class, file, source)."""
    return named


def _tensors(network: Stub) -> Iterator[tuple[str, Tensor]]:
    """Return the weights and statistics of a network, named as its state dict names them."""
    visited: set[int] = set()
    waiting = [("", network)]
    while waiting:
        prefix, part = waiting.pop()
        if id(part) in visited:
            raise BadArtefact(f"The network in the file holds {prefix.rstrip('.') or 'itself'} twice.")
        visited.add(id(part))
        for kind in ("_parameters", "_buffers"):
            for name, value in _inside(part, kind):
                if isinstance(value, Tensor):
                    yield f"{prefix}{name}", value
        waiting += [(f"{prefix}{n}.", v) for n, v in _inside(part, "_modules") if isinstance(v, Stub)]


def _inside(part: Stub, kind: str) -> list[tuple[Any, Any]]:
    loaded = part.state.get(kind) if isinstance(part.state, Mapping) else None
    return list(loaded.items()) if isinstance(loaded, Mapping) else []
