"""File locks: one process at a time may write to a folder.

A second process waits for a store, and fails for an output folder. Locks are those of the operating system on
a lock file, so they are released when the process ends, however it ends. Where locking is not supported (some
network disks, read-only folders) there is no lock, no waiting and no error.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from radapt.errors import RadaptError
from radapt.text import visible

if TYPE_CHECKING:
    from filelock import BaseFileLock

SUFFIX = ".radapt-lock"  # ending of the names of lock files

_log = logging.getLogger("radapt")
_held: dict[str, os.stat_result] = {}  # lock files of this process, to notice when one is replaced
_alone: dict[Path, os.stat_result] = {}  # folders that this process has locked, with their lock files


@contextmanager
def one_at_a_time(folder: Path, doing: str = "packing") -> Iterator[None]:
    """Lock a store or another folder; wait while another process has it.

    Parameters
    ----------
    folder
        Folder of the store, which need not exist; its parent must, for the lock file lies there.
    doing
        Verb for the work, for the message to a process that waits.
    """
    lock = _lock_at(folder.with_name(f".{folder.name}{SUFFIX}"))
    if not _take(lock):
        _log.warning("Another process is %s; waiting until it is done.", visible(f"{doing} {folder}"))
        lock.acquire()
    try:
        yield
    finally:
        _give_back(lock)


@contextmanager
def alone_in(folder: Path, hint: str = "wait or choose another --out") -> Iterator[None]:
    """Make a folder and lock it for this process until the block ends.

    Parameters
    ----------
    folder
        The folder; made if missing.
    hint
        Advice for the user, the end of the error message.

    Raises
    ------
    RadaptError
        If another process has the lock, or the folder was removed during the block.
    """
    whole = folder.absolute()

    def remember(descriptor: int) -> None:
        _alone[whole] = os.fstat(descriptor)

    lock = _lock_at(whole / SUFFIX, remember)
    if not _take(lock):
        other = f"another radapt{_whose(whole / SUFFIX)}"
        raise RadaptError(f"{folder} is being written by {other}; {hint}.")
    try:
        yield
        check_there(whole)
    except Exception:
        check_there(whole)  # a removed folder is the cause of any other error
        raise
    finally:
        _alone.pop(whole, None)
        _give_back(lock)


def is_alone_at(path: Path) -> bool:
    """Return whether a path lies in a folder that `alone_in` has locked."""
    return any(path.absolute().is_relative_to(folder) for folder in _alone)


def check_there(path: Path) -> None:
    """Check that the locked folder which a path lies in, if any, still exists.

    Raises
    ------
    RadaptError
        If it was removed, or replaced by another.
    """
    for folder, status in _alone.items():
        if path.absolute().is_relative_to(folder) and not _is_still(folder / SUFFIX, status):
            raise RadaptError(
                f"{folder} was removed while it was being written, and what was done there is lost. Give "
                "the same command again: it starts from the beginning."
            )


def _is_still(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), status)
    except OSError:
        return False


def _lock_at(path: Path, taken: Callable[[int], None] | None = None) -> "BaseFileLock":
    """Return a lock on a file; on acquiring it writes the process id and calls `taken(descriptor)`."""
    from filelock import FileLock

    def sign(descriptor: int) -> None:
        with suppress(OSError):  # a full disk
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        _held[str(path)] = os.fstat(descriptor)
        if taken is not None:
            taken(descriptor)

    return FileLock(path, thread_local=False, fallback_to_soft=False, on_acquired=sign)


def _take(lock: "BaseFileLock") -> bool:
    """Acquire a lock; return False if another process has it, True also where locking is unsupported."""
    from filelock import Timeout

    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    except OSError:
        pass
    return True


def _give_back(lock: "BaseFileLock") -> None:
    if lock.is_locked:
        path = Path(lock.lock_file)
        status = _held.pop(str(path), None)
        if status is not None and _is_still(
            path, status
        ):  # else the folder was made again, with a new lock file
            with suppress(OSError):
                path.unlink()  # before the release: a waiting process checks that the file exists
        lock.release()


def _whose(path: Path) -> str:
    """Return the process id in a lock file, in brackets; "" if it cannot be read."""
    try:
        return f" (process {int(path.read_text(encoding='ascii'))})"
    except (OSError, ValueError):
        return ""
