"""Decoding on every core: images are handed on as they are done, and a stop is answered at once."""

import hashlib
import os
import queue
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from radapt.errors import BadImage
from radapt.images.pixels import GreyImage, decode, read_bytes
from radapt.images.preprocessing import Preprocessing

Outcome = tuple[int, GreyImage | str, str]  # the row; the image or why there is none; the digest of the file

_MOST = 16  # images that a worker hands on at once,
_LONGEST = 0.2  # seconds for which it holds one back,
_LARGEST = 2**22  # and bytes of pixels
_GRACE = 1.0  # seconds that a stop waits for images that are being decoded
_ASKED = 0.2  # seconds after which whoever waits asks again whether to stop


def decoded_by_all(
    rows: Sequence[int], root: Path, paths: Sequence[str | Path], reading: Preprocessing
) -> Generator[list[Outcome], None, None]:
    """Decode the files of these rows on every core, and give what became of them, in any order.

    Small images are given a few at a time, large ones singly, so that little is lost where it is stopped. To
    close it, or an error where it is read, ends it within about a second, whatever is being decoded.
    """
    work = _Work(rows, root, paths, reading)
    try:
        while True:
            given = work.next()
            if given is None:
                return
            yield given
    finally:
        work.stop()


class _Work:
    """What is left to do, and the workers that do it."""

    def __init__(
        self, rows: Sequence[int], root: Path, paths: Sequence[str | Path], reading: Preprocessing
    ) -> None:
        workers = max(1, min(cores(), len(rows)))
        self._left: Iterator[int] = iter(rows)
        self._root, self._paths, self._reading = root, paths, reading
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._done: queue.Queue[list[Outcome] | BaseException | None] = queue.Queue(4 * workers)
        self._working = workers
        # daemons, since Python would wait for others at its end; threads, since Pillow lets go of the GIL
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def next(self) -> list[Outcome] | None:
        """Give some that are done; None when all are."""
        while self._working:
            try:
                given = self._done.get(timeout=_ASKED)
            except queue.Empty:
                continue  # so that a signal is heard
            if isinstance(given, BaseException):
                raise given
            if given is not None:
                return given
            self._working -= 1
        return None

    def stop(self) -> None:
        """Let the workers end; those in the middle of a large image end after it, and keep nobody waiting."""
        self._stopped.set()
        until = time.monotonic() + _GRACE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # goes on where the results are read
            self._hand(error)
        else:
            self._hand(None)

    def _work(self) -> None:
        held: list[Outcome] = []
        size, begun = 0, time.monotonic()
        while not self._stopped.is_set():
            with self._lock:
                row = next(self._left, None)
            if row is None:
                break
            held.append((row, *_outcome(self._root / self._paths[row], self._reading)))
            image = held[-1][1]
            size += image.pixels.nbytes if isinstance(image, GreyImage) else 0
            if len(held) >= _MOST or size >= _LARGEST or time.monotonic() - begun >= _LONGEST:
                self._hand(held)
                held, size, begun = [], 0, time.monotonic()
        if held:
            self._hand(held)

    def _hand(self, what: list[Outcome] | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._done.put(what, timeout=_ASKED)
            except queue.Full:
                continue
            return


def _outcome(path: Path, reading: Preprocessing) -> tuple[GreyImage | str, str]:
    try:
        data = read_bytes(path)
        return decode(data, reading), hashlib.sha256(data).hexdigest()
    except BadImage as error:
        return str(error), ""


def cores() -> int:
    """Give how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
