"""An output folder: taken for one piece of work, refused for another, gone on with when it is the same."""

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
    """Take a folder for the work described by `identity`, and keep other processes out until the block ends.

    Gives whether that work was begun here before.

    Raises
    ------
    AskedWrongly
        If the folder holds other work, or files that are not radapt's.
    BadArtefact
        If what it holds cannot be told, since the marker is damaged.
    RadaptError
        If another process writes there, or somebody removed the folder during the block.
    """
    check_ours(folder, marker)
    with alone_in(folder):
        yield is_begun(folder, identity, marker)


def check_ours(folder: Path, marker: str) -> None:
    """Refuse a folder that holds anything but work with this marker, before a lock is put there."""
    if folder.is_file():
        raise AskedWrongly(f"{folder} is a file. Give --out a folder that does not exist yet.")
    if folder.is_dir() and not (folder / marker).is_file() and not all(map(is_leftover, folder.iterdir())):
        raise AskedWrongly(f"{folder} exists and is not empty. Give --out a new folder.")


def is_begun(folder: Path, identity: Mapping[str, Any], marker: str) -> bool:
    """Say whether work was begun in a folder before, which is this work; begin it if not."""
    sweep(folder)
    identity = {"schema": SCHEMA, **identity}
    if (folder / marker).is_file():
        try:
            before = read_object(folder / marker)
        except BadArtefact as error:
            raise BadArtefact(
                f"{error} So nobody knows what work {folder} holds. Delete {folder} to begin again, or give "
                "another --out."
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
