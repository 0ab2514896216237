"""One process at a time in a folder: others wait for a store, and are refused a folder that is written to.

The lock is the kernel's, on a file that is there while somebody works: it ends with the process that holds
it, however that ends. Where there are no locks (some network disks, a folder that nobody may write to) nobody
waits and nobody is refused.
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

SUFFIX = ".radapt-lock"  # how the names of the files end that locks are on

_log = logging.getLogger("radapt")
_held: dict[str, os.stat_result] = {}  # this process's lock files; another's may lie there later
_alone: dict[Path, os.stat_result] = {}  # folders that this process alone writes to, with their lock files


@contextmanager
def one_at_a_time(folder: Path, doing: str = "packing") -> Iterator[None]:
    """Wait until no other process works on a store, or another folder, and keep others waiting.

    Parameters
    ----------
    folder
        Where the store is or is to be; the folder that it lies in is there, and the lock beside it.
    doing
        What is done to it, as others who wait are told.
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
    """Make a folder, and keep other processes from writing to it until the block ends.

    Parameters
    ----------
    folder
        The folder.
    hint
        What whoever is refused may do.

    Raises
    ------
    RadaptError
        If another process has it, or if the folder was removed during the block.
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
        check_there(whole)  # what went wrong otherwise follows from that
        raise
    finally:
        _alone.pop(whole, None)
        _give_back(lock)


def is_alone_at(path: Path) -> bool:
    """Say whether a path lies in a folder that `alone_in` holds."""
    return any(path.absolute().is_relative_to(folder) for folder in _alone)


def check_there(path: Path) -> None:
    """Refuse to write at a path whose folder `alone_in` holds, and somebody removed since.

    Raises
    ------
    RadaptError
        If it is not there any more, or is another now.
    """
    for folder, held in _alone.items():
        if path.absolute().is_relative_to(folder) and not _is_still(folder / SUFFIX, held):
            raise RadaptError(
                f"{folder} was removed while it was being written, and what was done there is lost. "
                "The same command begins again."
            )


def _is_still(path: Path, held: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), held)
    except OSError:
        return False


def _lock_at(path: Path, taken: Callable[[int], None] | None = None) -> "BaseFileLock":
    """Give a lock on a file; once it is taken, the file says by whom, and `taken` is given its descriptor."""
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
    """Take a lock; False where another process has it. Where there are no locks all goes on without."""
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
        held = _held.pop(str(path), None)
        if held is not None and _is_still(path, held):  # or it is of another, whose folder was made anew
            with suppress(OSError):
                path.unlink()  # while it is held: who waits for it asks whether it is still there
        lock.release()


def _whose(path: Path) -> str:
    """Say which process a lock file names, in brackets; "" where that cannot be read."""
    try:
        return f" (process {int(path.read_text(encoding='ascii'))})"
    except (OSError, ValueError):
        return ""
