"""Files written whole or not at all, and read with suspicion."""

import glob
import hashlib
import json
import os
import re
import tempfile
import time
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from radapt.artefacts import SCHEMA
from radapt.errors import AskedWrongly, BadArtefact, RadaptError
from radapt.lock import SUFFIX, check_there, is_alone_at

T = TypeVar("T")

_LETTERS = 8  # that `tempfile` puts behind a name

_OLD = 60.0  # seconds: no file takes so long to write

_LEFTOVER = re.compile(
    rf"\..+\.(json|safetensors|csv|parquet|html|md|pt|npy|npz|toml|png|svg)\.[a-z0-9_]{{1,{_LETTERS}}}|(\..+)?\{SUFFIX}"
)


def is_leftover(path: Path) -> bool:
    """Say whether by its name a killed radapt may have left this file, half written or as a lock."""
    return _LEFTOVER.fullmatch(path.name) is not None and path.is_file()


def _is_surely_leftover(path: Path) -> bool:
    """Say whether it did: other programs put other endings behind names, as `.run.json.swp`."""
    return is_leftover(path) and len(path.suffix) == 1 + _LETTERS


def sweep(folder: Path) -> None:
    """Delete what killed commands have left in a folder, and below, that this process alone writes to.

    Folders below that have a lock of their own are left to whoever works there.
    """
    for found, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not (Path(found) / name / SUFFIX).exists()]
        for path in (Path(found) / name for name in names):
            if _is_surely_leftover(path) and not path.name.endswith(SUFFIX):
                path.unlink(missing_ok=True)


def _sweep_beside(path: Path) -> None:
    """Delete what killed commands have left of a file, if it is so old that no other is writing it now."""
    for other in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if _is_surely_leftover(other) and other.stem == f".{path.name}":
            with suppress(OSError):  # of somebody else
                if time.time() - other.stat().st_mtime > _OLD:
                    other.unlink()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, it takes the place of `path`.

    Raises
    ------
    RadaptError
        If the disk is full or the folder cannot be written to; what was at `path` is untouched. Or if the
        folder of the work was removed, see `radapt.lock.alone_in`.
    """
    check_there(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_alone_at(path):  # where it is, `sweep` has been before
            _sweep_beside(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise RadaptError(
            f"Could not write {path}: {error.strerror or error}. What was there before is untouched."
        ) from error
    finally:
        if temporary is not None:
            with suppress(FileNotFoundError):
                temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole, or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a strict-JSON file (no NaN) whole, or not at all."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_document(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON document for other programs, headed by the number of its schema."""
    write_json(path, {"schema": SCHEMA, **value})


def plain(value: Any) -> Any:
    """Give a value as it will be read back from JSON: tuples are lists, keys are strings."""
    return json.loads(json.dumps(value, allow_nan=False))


def check_file(path: Path) -> None:
    """Refuse what is no plain file, nor a link to one: a pipe would be waited for, a device has no end.

    Raises
    ------
    BadArtefact
        If there is something else at the path; nothing may be there.
    """
    if path.exists() and not path.is_file():
        raise BadArtefact(f"{path} is not a file.")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    BadArtefact
        If it is missing or is not JSON.
    """
    check_file(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadArtefact(f"{path} is missing.") from None
    except RecursionError:
        raise BadArtefact(f"{path} could not be read as JSON: it is nested too deeply.") from None
    except (OSError, ValueError) as error:
        raise BadArtefact(f"{path} could not be read as JSON: {error}.") from None


def read_if_whole(path: Path, kind: type[T]) -> T | None:
    """Read a JSON file of what can be made again; None where there is none, no such thing, or half of it."""
    try:
        found = read_json(path) if path.exists() else None
    except BadArtefact:
        return None
    return found if isinstance(found, kind) else None


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds names and values.

    Raises
    ------
    BadArtefact
        If it is missing, is not JSON, or holds something else.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise BadArtefact(f"{path} does not hold names and values, as radapt wrote them, but other JSON.")
    return found


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file that a user may have written.

    Raises
    ------
    AskedWrongly
        If it is missing or is not TOML.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise AskedWrongly(f"{path} is not a file.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AskedWrongly(f"There is no file {path}.") from None
    except RecursionError:
        raise AskedWrongly(f"{path} could not be read as TOML: it is nested too deeply.") from None
    except (OSError, ValueError) as error:
        raise AskedWrongly(f"{path} could not be read as TOML: {error}.") from None


def sha256(path: Path) -> str:
    """Give the sha256 of a file, in hexadecimal.

    Raises
    ------
    BadArtefact
        If it is no plain file.
    """
    check_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
