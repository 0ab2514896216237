"""The limits of the service, and how a request beyond them is refused."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from radapt.errors import RadaptError

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the service takes of anybody, before any image is decoded."""

    image_bytes: int = 64 * MEBIBYTE
    request_bytes: int = 128 * MEBIBYTE  # of several images
    held_bytes: int = 512 * MEBIBYTE  # of all requests under way
    pixels: int = 50_000_000  # of one image; a large mammogram has 30 million
    parts: int = 32  # images of a request
    waiting: int = 64  # images in the queue
    head_seconds: float = 10.0  # for the head of a request
    body_seconds: float = 30.0  # for the rest of it
    answer_seconds: float = 120.0  # for its answer
    connections: int = 256
    batch: int = 8  # images that are scored together at most
    batch_wait: float = 0.002  # seconds that the first of them waits for others
    recent: int = 500  # answers that are kept for the panel on drift


class Refused(RadaptError):
    """A request that is refused; the text is the sentence of the answer.

    Parameters
    ----------
    status
        The HTTP status code.
    retry_after
        Seconds after which it may be sent again; None if that does not help.
    """

    def __init__(self, status: int, text: str, *, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer; the connection is closed, since the rest of the body is not read."""
        again = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return {"Connection": "close", **again}


@dataclass(slots=True)
class Memory:
    """The bytes of requests that the service holds at a time."""

    most: int
    held: int = field(default=0)

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """Yield what one request holds; it is given back at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.size


@dataclass(slots=True)
class Share:
    """The bytes that one request holds."""

    memory: Memory
    size: int = 0

    def add(self, size: int) -> None:
        """Hold so many bytes more.

        Raises
        ------
        Refused
            If all requests together would then hold too many.
        """
        if self.memory.held + size > self.memory.most:
            raise Refused(503, "The service is busy with other images. Send this again later.", retry_after=2)
        self.memory.held += size
        self.size += size
