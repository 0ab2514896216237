"""Read and write files: writes are atomic, reads are validated."""

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
from typing import Any

from radapt.artefacts import SCHEMA
from radapt.errors import AskedWrongly, BadArtefact, RadaptError
from radapt.lock import SUFFIX, check_there, is_alone_at

_LETTERS = 8  # length of the random suffix of `tempfile`

_OLD = 60.0  # seconds: age from which a temporary file is not being written any more

_LEFTOVER = re.compile(
    rf"\..+\.(json|safetensors|csv|parquet|html|md|pt|npy|npz|toml|png|svg|dcm)\.[a-z0-9_]{{1,{_LETTERS}}}|(\..+)?\{SUFFIX}"
)


def is_leftover(path: Path) -> bool:
    """Return whether, by its name, a file may be a temporary or lock file of a killed radapt process."""
    return _LEFTOVER.fullmatch(path.name) is not None and path.is_file()


def _is_surely_leftover(path: Path) -> bool:
    """Return whether a file is certainly such a leftover, and not another program's `.run.json.swp`."""
    return is_leftover(path) and len(path.suffix) == 1 + _LETTERS


def sweep(folder: Path) -> None:
    """Delete temporary files of killed commands in a folder and below; the caller must have locked it.

    Subfolders with a lock of their own are skipped: another process may work there.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not (Path(parent) / name / SUFFIX).exists()]
        for path in (Path(parent) / name for name in names):
            if _is_surely_leftover(path) and not path.name.endswith(SUFFIX):
                path.unlink(missing_ok=True)


def _sweep_beside(path: Path) -> None:
    """Delete old temporary files of killed commands for this path."""
    for other in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if _is_surely_leftover(other) and other.stem == f".{path.name}":
            with suppress(OSError):  # owned by another user
                if time.time() - other.stat().st_mtime > _OLD:
                    other.unlink()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which replaces `path` if the block ends without an error.

    Raises
    ------
    RadaptError
        If the disk is full or the folder is not writable (an existing `path` is unchanged), or if the locked
        folder was removed, see `radapt.lock.alone_in`.
    """
    check_there(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_alone_at(path):  # else `sweep` has deleted them
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
    """Write a UTF-8 text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a strict JSON file (no NaN) atomically."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_document(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with the number of its schema, see docs/schemas, as its first key."""
    write_json(path, {"schema": SCHEMA, **value})


def plain(value: Any) -> Any:
    """Return a value as JSON would read it back: tuples become lists, keys become strings."""
    return json.loads(json.dumps(value, allow_nan=False))


def check_file(path: Path) -> None:
    """Check that a path is a regular file or a link to one; reading a pipe or device might never end.

    Raises
    ------
    BadArtefact
        If there is something else at the path; a missing file is accepted.
    """
    if path.exists() and not path.is_file():
        raise BadArtefact(f"{path} is not a file.")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    BadArtefact
        If the file is missing or is not JSON.
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


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file with an object at the top level.

    Raises
    ------
    BadArtefact
        If the file is missing, is not JSON, or has no object at the top level.
    """
    document = read_json(path)
    if not isinstance(document, dict):
        raise BadArtefact(f"{path} is not a JSON object, as radapt writes it, but other JSON.")
    return document


def read_document(path: Path) -> dict[str, Any]:
    """Read what `write_document` wrote.

    Raises
    ------
    BadArtefact
        If the file is missing or damaged, or its schema is not the one that this radapt reads.
    """
    document = read_object(path)
    number = document.get("schema", "none")
    if type(number) is not int or number != SCHEMA:
        raise BadArtefact(
            f"{path} has schema {number!r}, and this version of radapt reads schema {SCHEMA}. "
            "Make it again, or read it with the version that wrote it."
        )
    return document


def read_if_whole(path: Path) -> dict[str, Any] | None:
    """Read a document that can be recomputed; None if it is missing, damaged or of another schema."""
    try:
        return read_document(path)
    except BadArtefact:
        return None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file written by the user.

    Raises
    ------
    AskedWrongly
        If the file is missing or is not TOML.
    """
    if path.exists() and not path.is_file():  # reading a pipe might never end
        raise AskedWrongly(f"{path} is not a file.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AskedWrongly(f"There is no file {path}.") from None
    except RecursionError:
        raise AskedWrongly(f"{path} could not be read as TOML: it is nested too deeply.") from None
    except (OSError, ValueError) as error:
        raise AskedWrongly(f"{path} could not be read as TOML: {error}.") from None


def toml_text(value: Any) -> str:
    """Write a text, number, truth or list of these as a value of TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # which TOML allows only escaped


def check_new_toml(path: Path, what: str) -> None:
    """Refuse a path that no new TOML file can be written to.

    Parameters
    ----------
    what
        What the file would hold, such as "protocol".

    Raises
    ------
    AskedWrongly
        If there is something already, or the name does not end in .toml.
    """
    if path.suffix.lower() != ".toml":
        raise AskedWrongly(
            f"The {what} is written as TOML: give --out a name that ends in .toml. Got {path}."
        )
    if path.exists():
        raise AskedWrongly(f"{path} exists already, and is never overwritten: give --out another name.")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises
    ------
    BadArtefact
        If it is not a regular file.
    """
    check_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_HINTS: dict[type, dict[str, Any]] = {}  # type hints by class, a cache


def check_kinds(made: Any) -> None:
    """Check that the values of a dataclass instance have the types of its fields.

    Raises
    ------
    TypeError
        If one has not; the text names the field, its type and the value.
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
