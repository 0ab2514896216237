"""Output folders: reserved for one piece of work, which can be resumed, and refused for any other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from radapt.artefacts import SCHEMA
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import is_leftover, read_object, sweep, write_json
from radapt.lock import alone_in
from radapt.text import listed


@contextmanager
def reserve_folder(folder: Path, identity: Mapping[str, Any], marker: str) -> Iterator[bool]:
    """Reserve and lock a folder for the work described by `identity` until the block ends.

    Yields whether the same work was begun in it before. `marker` is the name of the JSON file in the folder
    that records `identity`.

    Raises
    ------
    AskedWrongly
        If the folder contains other work, or files not written by radapt.
    BadArtefact
        If the marker is damaged, so that the work in the folder is unknown.
    RadaptError
        If another process has locked the folder, or it was removed during the block.
    """
    check_ours(folder, marker)
    with alone_in(folder):
        yield is_begun(folder, identity, marker)


def check_ours(folder: Path, marker: str) -> None:
    """Check that a folder is missing, empty, or has this marker file; done before it is locked."""
    if folder.is_file():
        raise AskedWrongly(f"{folder} is a file. Give --out a folder that does not exist yet.")
    if folder.is_dir() and not (folder / marker).is_file() and not all(map(is_leftover, folder.iterdir())):
        raise AskedWrongly(f"{folder} exists and is not empty. Give --out a new folder.")


def is_begun(folder: Path, identity: Mapping[str, Any], marker: str) -> bool:
    """Return whether this work was begun in a folder before; if not, write its marker."""
    sweep(folder)
    identity = {"schema": SCHEMA, **identity}
    if (folder / marker).is_file():
        try:
            before = read_object(folder / marker)
        except BadArtefact as error:
            raise BadArtefact(
                f"{error} So radapt cannot know which work {folder} holds. Delete {folder} to begin again, "
                "or give another --out."
            ) from None
        differing = sorted(key for key in {*before, *identity} if before.get(key) != identity.get(key))
        if differing:
            raise AskedWrongly(
                f"{folder} holds other work: it differs in {listed(differing)}. "
                "Give another --out, or the same arguments to go on with it."
            )
        return True
    write_json(folder / marker, identity)
    return False
