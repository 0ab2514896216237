"""Programs of `torch.export` (.pt2): their graph is read as JSON and run operation by operation.

PyTorch's own reader unpickles a part of the file and evaluates texts of it as Python. This one does neither:
it takes the graph and the weights' raw bytes, and calls the operations of PyTorch's `aten` library that the
graph names, none of which runs code of the file. All else, such as operations of other libraries, branches
and pickled tensors, is refused.
"""

import io
import json
import math
import operator
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from radapt.archives import DAMAGE, check_claims
from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.saved_program import SavedProgram

WORKS = "Give what torch.export.save of PyTorch 2.9 or later writes of a network in evaluation mode."
ATEN = "torch.ops.aten."
FORBIDDEN = ("filename",)  # arguments of operations that read or write files
_NAMES = ("add", "sub", "mul", "floordiv", "truediv", "mod", "neg", "getitem")
_TESTS = ("eq", "ne", "lt", "le", "gt", "ge", "and_", "or_")
ARITHMETIC: dict[str, Callable[..., Any]] = {
    f"_operator.{name}": getattr(operator, name) for name in (*_NAMES, *_TESTS)
}
DTYPES = {
    **{1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64},
    **{6: torch.float16, 7: torch.float32, 8: torch.float64, 12: torch.bool, 13: torch.bfloat16},
}
FORMATS = {1: torch.contiguous_format, 2: torch.channels_last, 4: torch.preserve_format}
STRIDED = 7
PENULTIMATE = "penultimate"  # the name of a further output: what the last dense layer takes
KEYWORD = 2  # the kind of an argument that is given by name
PLAIN = ("as_int", "as_ints", "as_float", "as_floats", "as_string", "as_strings", "as_bool", "as_bools")
BY_NAME = ("as_sym_int", "as_sym_float", "as_sym_bool")


class _NotKnownError(Exception):
    """What of a graph cannot be run here; the text completes "it ..."."""


@dataclass(frozen=True, slots=True)
class _Node:
    """One operation: what it is, its arguments as the file has them, and the names of its results."""

    call: Callable[..., Any]
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Any, ...]  # names, None, or lists of names


@dataclass(frozen=True, slots=True)
class _Graph:
    nodes: tuple[_Node, ...]
    weights: Mapping[str, Tensor]  # by the name of the graph's input
    images: str  # the name of the one input that is no weight
    results: Mapping[str, str]  # by the names of the outputs, those of the graph
    on: dict[torch.device, dict[str, Tensor]] = field(default_factory=dict)  # the weights, moved

    def run(self, x: Tensor) -> dict[str, Tensor]:
        """Run the graph on images; return its outputs by name."""
        if x.device not in self.on:
            self.on[x.device] = {name: tensor.to(x.device) for name, tensor in self.weights.items()}
        values: dict[str, Any] = {**self.on[x.device], self.images: x.contiguous()}
        read = partial(_value, values=values, device=x.device)
        for node in self.nodes:
            given = [read(each["arg"]) for each in node.inputs if each.get("kind") != KEYWORD]
            named = {each["name"]: read(each["arg"]) for each in node.inputs if each.get("kind") == KEYWORD}
            _keep(node.outputs, node.call(*given, **named), values)
        return {output: values[name] for output, name in self.results.items()}


def open_exported(content: bytes, name: str) -> SavedProgram:
    """Open a program of `torch.export` on the processor.

    Parameters
    ----------
    name
        The file's, for errors.

    Raises
    ------
    AskedWrongly
        If it does more than radapt runs.
    BadArtefact
        If it is no such file, or damaged.
    """
    try:
        check_claims(io.BytesIO(content), len(content))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            graph, shape = _read(archive)
    except _NotKnownError as error:
        raise AskedWrongly(
            f"{name} is refused: it {error}, and radapt runs no such program. {WORKS}"
        ) from None
    except (*DAMAGE, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise BadArtefact(f"{name} is a damaged program of torch.export ({error}). {WORKS}") from None
    for weight, tensor in graph.weights.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise BadArtefact(f"{name} holds numbers that are not finite, first in {weight!r}.")
    return SavedProgram(graph.run, shape)


def _read(archive: zipfile.ZipFile) -> tuple[_Graph, tuple[int | None, ...]]:
    """Read a graph with its weights, and the shape of its images."""
    root = archive.namelist()[0].partition("/")[0]
    module = json.loads(archive.read(f"{root}/models/model.json"))["graph_module"]
    graph, signature = module["graph"], module["signature"]
    stored = {
        **_tensors(archive, f"{root}/data/weights/", "weights"),
        **_tensors(archive, f"{root}/data/constants/", "constants"),
    }
    weights, images = _inputs(signature["input_specs"], stored)
    meta = graph["tensor_values"][images]
    sizes = [each.get("as_int") for each in meta["sizes"]]
    if len(sizes) != 4 or meta["dtype"] != 7:
        raise _NotKnownError(
            f"takes an input of {len(sizes)} dimensions, and not images (n, c, h, w) of float32"
        )
    results = _results(signature["output_specs"])
    before = _penultimate(graph["nodes"])
    results |= {PENULTIMATE: before} if before and PENULTIMATE not in results else {}
    return _Graph(tuple(map(_node, graph["nodes"])), weights, images, results), tuple(sizes)


def _penultimate(nodes: Any) -> str:
    """Return the graph's name of what its last dense layer takes; "" if it has none."""
    dense = [node for node in nodes if node["target"] == f"{ATEN}linear.default"]
    return str(dense[-1]["inputs"][0]["arg"]["as_tensor"]["name"]) if dense else ""


def _tensors(archive: zipfile.ZipFile, folder: str, kind: str) -> dict[str, Tensor]:
    """Return the tensors that the archive holds as raw bytes."""
    config = f"{folder}model_{kind}_config.json"
    if config not in archive.namelist():
        return {}
    found = {}
    for name, about in json.loads(archive.read(config))["config"].items():
        if about["use_pickle"]:
            raise _NotKnownError(f"keeps {name!r} pickled")
        found[name] = _tensor(archive.read(folder + about["path_name"]), about["tensor_meta"])
    return found


def _tensor(data: bytes, meta: Mapping[str, Any]) -> Tensor:
    """Return a tensor of raw bytes; one that reaches beyond them is refused."""
    sizes, strides = ([int(each["as_int"]) for each in meta[key]] for key in ("sizes", "strides"))
    if meta["dtype"] not in DTYPES or meta["layout"] != STRIDED or min([0, *sizes, *strides]) < 0:
        raise _NotKnownError("holds a tensor of an unusual kind")
    kind, offset = DTYPES[meta["dtype"]], int(meta["storage_offset"]["as_int"])
    reach = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True)) + 1
    if 0 in sizes:
        return torch.zeros(sizes, dtype=kind)
    numbers = math.prod(sizes)  # more than there are bytes for, where a stride is 0
    if offset < 0 or max(reach, numbers) * kind.itemsize > len(data):
        raise ValueError(f"a tensor of {numbers:,} numbers lies in {len(data):,} bytes")
    whole = torch.frombuffer(bytearray(data), dtype=kind)
    return whole.as_strided(sizes, strides, offset).clone()


def _inputs(specs: Any, stored: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Return the weights by the names that the graph has for them, and its name for the images."""
    weights, images = {}, []
    for spec in specs:
        ((kind, about),) = spec.items()
        if kind == "user_input":
            images.append(about["arg"]["as_tensor"]["name"] if "as_tensor" in about["arg"] else "")
        elif kind in ("parameter", "buffer", "tensor_constant"):
            weights[about["arg"]["name"]] = stored[about[f"{kind}_name"]]
        else:
            raise _NotKnownError(f"takes an input of the kind {kind}")
    if len(images) != 1 or not images[0]:
        raise _NotKnownError(f"takes {len(images)} inputs, and not images alone")
    return weights, images[0]


def _results(specs: Any) -> dict[str, str]:
    names: dict[str, str] = {}
    for spec in specs:
        ((kind, about),) = spec.items()
        if kind == "buffer_mutation":
            raise _NotKnownError("changes its own statistics: it was saved in training mode")
        if kind != "user_output" or "as_tensor" not in about["arg"]:
            raise _NotKnownError("gives something else than tensors")
        name = str(about["arg"]["as_tensor"]["name"])
        names[name] = name
    return names


def _node(raw: Mapping[str, Any]) -> _Node:
    """Return one operation of the graph, looked up among those that are known."""
    outputs = tuple(map(_output, raw["outputs"]))
    for each in raw["inputs"]:
        _value(each["arg"], None, torch.device("cpu"))  # what has no meaning here is refused at once
    return _Node(_operation(raw["target"]), tuple(raw["inputs"]), outputs)


def _operation(target: str) -> Callable[..., Any]:
    if target in ARITHMETIC:
        return ARITHMETIC[target]
    name, dot, overload = target.removeprefix(ATEN).partition(".")
    if not (target.startswith(ATEN) and dot and name.isidentifier() and overload.isidentifier()):
        raise _NotKnownError(f"calls {target!r}, which is not of PyTorch's own operations")
    try:
        found = getattr(getattr(torch.ops.aten, name), overload)
        arguments = [each.name for each in found._schema.arguments]
    except (AttributeError, RuntimeError):
        raise _NotKnownError(f"calls {target!r}, which this PyTorch does not have") from None
    if any(each in FORBIDDEN for each in arguments) or name in ("save", "from_file"):
        raise _NotKnownError(f"calls {target!r}, which reads or writes files")
    operation: Callable[..., Any] = found
    return operation


def _output(raw: Mapping[str, Any]) -> Any:
    """Return the name of a result, a list of names, or None for one that nobody takes."""
    ((kind, about),) = raw.items()
    if kind == "as_tensor":
        return about["name"]
    if kind in BY_NAME:
        return about["as_name"]
    if kind == "as_tensors":
        return [each["name"] for each in about]
    if kind == "as_none":
        return None
    raise _NotKnownError(f"has results of the kind {kind}")


def _value(raw: Mapping[str, Any], values: Mapping[str, Any] | None, device: torch.device) -> Any:
    """Return an argument as an operation takes it; without `values` it is only looked whether it is known."""
    ((kind, about),) = raw.items()
    named: Callable[[str], Any] = (lambda name: name) if values is None else values.__getitem__
    if kind == "as_none":
        return None
    if kind in PLAIN:
        return about
    if kind == "as_tensor":
        return named(about["name"])
    if kind == "as_tensors":
        return [named(each["name"]) for each in about]
    if kind in ("as_optional_tensor", *BY_NAME):
        return _either(about, named)
    if kind in ("as_optional_tensors", "as_sym_ints", "as_sym_floats", "as_sym_bools"):
        return [_either(each, named) for each in about]
    if kind == "as_device":
        return device
    tables: dict[str, Mapping[int, Any]] = {
        "as_scalar_type": DTYPES,
        "as_memory_format": FORMATS,
        "as_layout": {STRIDED: torch.strided},
    }
    if kind in tables and about in tables[kind]:
        return tables[kind][about]
    raise _NotKnownError(f"has an argument of the kind {kind}")


def _either(raw: Mapping[str, Any], named: Callable[[str], Any]) -> Any:
    """Return a value that is given by its name, or as it is."""
    ((kind, about),) = raw.items()
    if kind == "as_tensor":
        return named(about["name"])
    return named(about) if kind == "as_name" else None if kind == "as_none" else about


def _keep(names: tuple[Any, ...], results: Any, values: dict[str, Any]) -> None:
    """Keep the results of an operation under their names."""
    if len(names) == 1:
        results = (results,)
    for name, result in zip(names, results if names else (), strict=True):
        if isinstance(name, list):
            values.update(zip(name, result, strict=True))
        elif name is not None:
            values[name] = result
