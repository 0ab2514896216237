"""Whether values that were read from a file are of the kinds that a dataclass declares."""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

_HINTS: dict[type, dict[str, Any]] = {}  # of the classes that were asked for


def check_kinds(made: Any) -> None:
    """Refuse an instance of a dataclass that was made of values of other kinds than its fields are of.

    Raises
    ------
    TypeError
        If a field is; the text names it and what it is.
    """
    kind = type(made)
    kinds = _HINTS.setdefault(kind, _HINTS.get(kind) or typing.get_type_hints(kind))
    for field in fields(made):
        value = getattr(made, field.name)
        if not _is_of(value, kinds[field.name]):
            raise TypeError(f"{field.name} is {_named(kinds[field.name])}, and not {value!r}")


def _is_of(value: Any, kind: Any) -> bool:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return any(_is_of(value, each) for each in inner)
    if origin is typing.Literal:
        return isinstance(value, str) and value in inner
    if origin is tuple:
        of = inner[:1] * len(value) if isinstance(value, tuple) and inner[1:] == (...,) else inner
        return (
            isinstance(value, tuple)
            and len(of) == len(value)
            and all(_is_of(*each) for each in zip(value, of, strict=True))
        )
    if origin is list:
        return isinstance(value, list) and all(_is_of(each, inner[0]) for each in value)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _is_of(name, inner[0]) and _is_of(each, inner[1]) for name, each in value.items()
        )
    if kind is float:
        return isinstance(value, float) or _is_of(value, int)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    fits = kind is Any or isinstance(value, origin or kind)
    if fits and is_dataclass(value):
        check_kinds(value)
    return fits


def _named(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)
