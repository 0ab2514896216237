"""Decode images in threads on all cores; results are passed on as they are done."""

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

Outcome = tuple[
    int, GreyImage | str, str
]  # the row; the image, or the reason why there is none; the sha256 of the file

_MAX_BATCH = 16  # images that a worker passes on at once,
_MAX_DELAY = 0.2  # seconds for which it keeps one,
_MAX_BYTES = 2**22  # and bytes of pixels
_GRACE = 1.0  # seconds that a stop waits for images being decoded
_POLL = 0.2  # seconds between checks for a stop


def decoded_by_all(
    rows: Sequence[int], root: Path, paths: Sequence[str | Path], reading: Preprocessing
) -> Generator[list[Outcome], None, None]:
    """Decode the files of these rows on all cores; yield lists of outcomes, in any order.

    Small images come a few at a time, large ones singly, so that little is lost if it is stopped. Closing the
    generator, or an error in its consumer, stops it within about a second, whatever is being decoded.
    """
    work = _Work(rows, root, paths, reading)
    try:
        while True:
            outcomes = work.next()
            if outcomes is None:
                return
            yield outcomes
    finally:
        work.stop()


class _Work:
    """The queue of files and the threads that decode them."""

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
        # daemons, since Python would wait for other threads at exit; threads, since Pillow releases the GIL
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def next(self) -> list[Outcome] | None:
        """Return the next outcomes; None when all are done."""
        while self._working:
            try:
                outcomes = self._done.get(timeout=_POLL)
            except queue.Empty:
                continue  # so that signals are handled
            if isinstance(outcomes, BaseException):
                raise outcomes
            if outcomes is not None:
                return outcomes
            self._working -= 1
        return None

    def stop(self) -> None:
        """Stop the workers; one that is decoding a large image ends after it, which is not waited for."""
        self._stopped.set()
        until = time.monotonic() + _GRACE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # raised again by `next`
            self._hand(error)
        else:
            self._hand(None)

    def _work(self) -> None:
        batch: list[Outcome] = []
        size, started = 0, time.monotonic()
        while not self._stopped.is_set():
            with self._lock:
                row = next(self._left, None)
            if row is None:
                break
            batch.append((row, *_outcome(self._root / self._paths[row], self._reading)))
            image = batch[-1][1]
            size += image.pixels.nbytes if isinstance(image, GreyImage) else 0
            if len(batch) >= _MAX_BATCH or size >= _MAX_BYTES or time.monotonic() - started >= _MAX_DELAY:
                self._hand(batch)
                batch, size, started = [], 0, time.monotonic()
        if batch:
            self._hand(batch)

    def _hand(self, what: list[Outcome] | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._done.put(what, timeout=_POLL)
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
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
