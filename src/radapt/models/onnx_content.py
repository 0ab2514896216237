"""Look into a file of ONNX before anything opens it, by its protobuf messages alone.

What a file holds is read from its bytes: which tensors lie in other files, which hold numbers that are not
finite, and what its maker wrote about it.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from radapt.errors import AskedWrongly, BadArtefact

# Of the messages of ONNX's protobuf, the numbers of the fields that tensors lie within.
WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
GRAPH, PROPERTIES = 7, 14  # fields of a model
DATA_TYPE, FLOATS, RAW, DOUBLES, EXTERNAL_DATA, DATA_LOCATION = 2, 4, 9, 10, 13, 14  # fields of a tensor
KEY, VALUE = 1, 2  # fields of a property
NUMBERS = {1: "<f4", 10: "<f2", 11: "<f8"}  # by the data type of a tensor, those that may not be finite
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # kinds of fields in protobuf
KEY_BYTES, NUMBER_BYTES = 5, 10  # that a field's key and a number take at most
ONCE: dict[str, set[int]] = {  # fields that protobuf would join or overwrite where they come again
    "model": {7},
    "training": {1, 2},
    "attribute": {5, 6, 22},
    "sparse": {1, 2},
    "tensor": {DATA_TYPE, RAW},
}
DAMAGED = (ValueError, IndexError, RecursionError)


def check_alone(content: bytes, path: Path) -> None:
    """Refuse what is no ONNX, or points to another file.

    Raises
    ------
    AskedWrongly
        If its weights lie in another file.
    BadArtefact
        If it is no ONNX file, or a damaged one.
    """
    try:
        has_graph = any(number == GRAPH for number, _ in _fields(memoryview(content)))
        outside = any(map(_lies_outside, _tensors(memoryview(content), "model")))
    except DAMAGED:
        has_graph, outside = False, False
    if not has_graph:
        raise BadArtefact(
            f"{path} is no ONNX file, or a damaged one. Give one that torch.onnx.export writes."
        )
    if outside:
        raise AskedWrongly(
            f"{path} keeps its weights in another file, and radapt opens none but the one it is given: "
            "save it again as one file, as with onnx.save_model(model, FILE, save_as_external_data=False)."
        )


def check_finite(content: bytes, path: Path) -> None:
    """Refuse a file, found to be alone, whose weights are not finite numbers.

    Raises
    ------
    BadArtefact
        If one is not.
    """
    try:
        finite = all(map(_is_finite, _tensors(memoryview(content), "model")))
    except DAMAGED:
        finite = False
    if not finite:
        raise BadArtefact(f"{path} is damaged: it holds weights that are not finite numbers.")


def properties_of(content: bytes) -> dict[str, str]:
    """Return what the maker of a file, found to be alone, wrote about it: texts by their names.

    Raises
    ------
    ValueError
        If they are no texts.
    """
    found = {}
    for number, value in _fields(memoryview(content)):
        if number == PROPERTIES and isinstance(value, memoryview):
            pair = {inner: bytes(text) for inner, text in _fields(value) if isinstance(text, memoryview)}
            found[pair.get(KEY, b"").decode()] = pair.get(VALUE, b"").decode()
    return found


def _tensors(data: memoryview, kind: str) -> Iterator[memoryview]:
    """Yield every tensor within a message, however deep."""
    for number, value in _fields(data, once=ONCE.get(kind, set())):
        inner = WITHIN[kind].get(number)
        if inner == "tensor" and isinstance(value, memoryview):
            yield value
        elif inner and isinstance(value, memoryview):
            yield from _tensors(value, inner)


def _lies_outside(tensor: memoryview) -> bool:
    """Return whether the numbers of a tensor lie in another file."""
    return any(
        number == EXTERNAL_DATA or (number == DATA_LOCATION and bool(value))
        for number, value in _fields(tensor)
    )


def _is_finite(tensor: memoryview) -> bool:
    """Return whether a tensor holds finite numbers alone."""
    fields = list(_fields(tensor, once=ONCE["tensor"]))
    kind = next(
        (
            NUMBERS.get(value % 2**32)
            for number, value in fields
            if number == DATA_TYPE and isinstance(value, int)
        ),
        None,
    )
    kinds = {RAW: kind, FLOATS: "<f4", DOUBLES: "<f8"}
    return all(
        bool(np.isfinite(np.frombuffer(value, kinds[number])).all())
        for number, value in fields
        if kinds.get(number) is not None and isinstance(value, memoryview)
    )


def _fields(data: memoryview, *, once: Collection[int] = ()) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and value of each field of a protobuf message, bytes as views of it.

    What readers of protobuf understand in different ways is refused: a key above 32 bits, which some cut to
    another field, a number above 64 bits, and a field again that comes `once`.
    """
    place, seen = 0, set[int]()
    while place < len(data):
        key, place = _varint(data, place, KEY_BYTES)
        kind, value = key & 7, 0
        if not 0 < key >> 3 < 2**29 or (key >> 3 in once and key >> 3 in seen):
            raise ValueError("no field of protobuf")
        seen.add(key >> 3)
        if kind == VARINT:
            value, place = _varint(data, place, NUMBER_BYTES)
            yield key >> 3, value
            continue
        if kind == BYTES:
            length, place = _varint(data, place, KEY_BYTES)
        elif kind in (FIXED32, FIXED64):
            length = 4 if kind == FIXED32 else 8
        else:
            raise ValueError("no field of protobuf")
        if place + length > len(data):
            raise ValueError("a field ends beyond its message")
        yield key >> 3, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int, most: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, in this many bytes at most, and where it ends."""
    value = 0
    for shift in range(0, 7 * most, 7):
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if value >= 2**64:
                break
            return value, place
    raise ValueError("a number without an end")
