"""One process at a time where a store is made or weights are fetched: the others wait, and say so."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from radapt.quoting import visible

_log = logging.getLogger("radapt")


@contextmanager
def one_at_a_time(folder: Path, doing: str = "packing") -> Iterator[None]:
    """Wait until no other process works on a store, or another folder, and keep others waiting.

    The lock is the kernel's, on a file beside the store that is there while somebody works: it ends with the
    process that holds it, however that ends. Where there are no locks (Windows, some network disks, a folder
    that nobody may write to) nobody waits.

    Parameters
    ----------
    folder
        Where the store is or is to be; the folder that it lies in is there.
    doing
        What is done to it, as others who wait are told.
    """
    path = folder.with_name(f".{folder.name}.radapt-lock")
    file = _locked(path, f"{doing} {folder}")
    try:
        yield
    finally:
        if file is not None:
            with suppress(OSError):
                path.unlink()  # while it is held: who waits for it asks whether it is still there
            file.close()


def _locked(path: Path, doing: str) -> TextIO | None:
    """Open a file and lock it; None where that cannot be done."""
    if sys.platform == "win32":
        return None
    import fcntl

    while True:
        try:
            file = path.open("a")
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.warning("Another process is %s; waiting until it is done.", visible(doing))
            _wait(file)
        except OSError:
            file.close()
            return None
        if _is_there(file, path):
            return file
        file.close()  # who held it has taken it away, so that it keeps nobody out


def _wait(file: TextIO) -> None:
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except BaseException:  # as when the user ends the waiting
        file.close()
        raise


def _is_there(file: TextIO, path: Path) -> bool:
    """Say whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
