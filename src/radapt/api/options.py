"""What callers may ask for by name: options, one or several values, and whether to print progress."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from radapt.errors import UnknownName
from radapt.progress import SILENT, Watch


def watch_for(progress: bool) -> Watch:
    """Return what prints progress on standard error, a bar in a terminal, a line a task in a notebook."""
    if not progress:
        return SILENT
    from radapt.cli.progress import watcher

    return watcher()


def field_names(*kinds: Any, without: Iterable[str] = ()) -> list[str]:
    """Return the names of the fields of dataclasses, which may be given as options."""
    return [field.name for kind in kinds for field in fields(kind) if field.name not in without]


def check_names(options: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse an option that does not exist.

    Raises
    ------
    UnknownName
        If there is one; the text suggests the nearest.
    """
    known = list(known)
    for name in options:
        if name not in known:
            raise UnknownName("option", name, known)


def picked(options: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """Return the options that are fields of a dataclass."""
    names = field_names(kind)
    return {name: value for name, value in options.items() if name in names}


def listed_of(value: Any) -> tuple[str, ...]:
    """Return one value, or several, as a tuple of texts: `16`, `"16,all"`, `["16", "all"]`."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(map(str, value)) if isinstance(value, Iterable) else (str(value),)
