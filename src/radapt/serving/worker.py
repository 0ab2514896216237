"""One thread that scores images in batches, from a bounded queue."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.serving.limits import Limits, Refused

MAX_RETRY_AFTER = 60  # seconds


@dataclass(slots=True, eq=False)
class Job:
    """An image to score, or other work for the same thread."""

    data: bytes = b""
    pixels: NDArray[np.uint8] | None = None  # (h, w), instead of a file
    base: bool = False  # whether the base model scores it too
    preview: bool = False  # whether the answer has the image as the model sees it
    recorded: bool = True  # whether the panel on drift counts it
    work: Callable[[], Any] | None = None  # instead of an image
    future: "Future[Any]" = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)


class Worker:
    """The thread and its queue.

    Parameters
    ----------
    score
        Gives an answer for each job of a batch, in order.
    """

    def __init__(self, score: Callable[[Sequence[Job]], Sequence[Any]], limits: Limits) -> None:
        self._score, self._limits = score, limits
        self._jobs: deque[Job] = deque()
        self._ready = threading.Condition()
        self._is_stopping = False
        self._pace = 0.1  # seconds an image, a running mean
        self._thread = threading.Thread(target=self._run, name="radapt-scoring", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread when it is done with what it is at, and refuse what waits."""
        with self._ready:
            self._is_stopping = True
            left = list(self._jobs)
            self._jobs.clear()
            self._ready.notify_all()
        for job in left:
            job.future.cancel()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def waiting(self) -> int:
        """The number of jobs in the queue."""
        return len(self._jobs)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Put jobs at the end of the queue, all or none.

        Raises
        ------
        Refused
            If they do not fit in, with status 503 and the seconds after which to try again.
        """
        with self._ready:
            if len(self._jobs) + len(jobs) > self._limits.waiting or self._is_stopping:
                seconds = math.ceil(self._pace * max(1, len(self._jobs)))
                raise Refused(
                    503,
                    "The queue is full: more images were sent than can be scored. Send this again later.",
                    retry_after=min(MAX_RETRY_AFTER, max(1, seconds)),
                )
            self._jobs.extend(jobs)
            self._ready.notify_all()

    def _run(self) -> None:
        while True:
            batch = self._take()
            if batch is None:
                return
            batch = [job for job in batch if job.future.set_running_or_notify_cancel()]
            if batch:
                self._work(batch)

    def _work(self, batch: Sequence[Job]) -> None:
        begun, first = time.monotonic(), batch[0]
        try:
            answers = [first.work()] if first.work is not None else self._score(batch)
        except Exception as error:  # whatever it is, the others are to be scored
            if len(batch) == 1:
                first.future.set_exception(error)
                return
            for job in batch:
                self._work([job])
            return
        self._pace += 0.1 * ((time.monotonic() - begun) / len(batch) - self._pace)
        for job, answer in zip(batch, answers, strict=True):
            with suppress(Exception):  # cancelled meanwhile
                job.future.set_result(answer)

    def _take(self) -> list[Job] | None:
        """Wait for the next batch; None when the thread is to end."""
        with self._ready:
            while not self._jobs:
                if self._is_stopping:
                    return None
                self._ready.wait()
            batch = [self._jobs.popleft()]
            until = time.monotonic() + self._limits.batch_wait
            while batch[0].work is None and len(batch) < self._limits.batch:
                if not self._jobs:
                    left = until - time.monotonic()
                    if left <= 0 or not self._ready.wait(left) or not self._jobs:
                        break
                if self._jobs[0].work is not None:
                    break
                batch.append(self._jobs.popleft())
            return batch
