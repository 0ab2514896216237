"""Download files, resuming after an interruption; used as a downloader of pooch."""

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from radapt.errors import RadaptError
from radapt.text import whole_number
from radapt.version import __version__

if TYPE_CHECKING:
    from radapt.progress import Watch

_CHUNK = 1 << 16  # bytes; a part of one is lost if the connection breaks
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"radapt/{__version__}"}  # no compression in transit
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_SPARE = 2  # times the expected size after which a download is refused as another file


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a download waits, in seconds."""

    connect: float = 15.0
    read: float = 60.0  # between two chunks
    waits: tuple[float, ...] = (1.0, 5.0, 20.0)  # before each retry without progress


class _CutOff(Exception):
    """A connection that failed or broke; the message says how."""

    def __init__(self, why: str, *, reached: bool) -> None:
        self.reached = reached  # whether the site had answered
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Download:
    """Downloads one file into `part`, resuming what is there, and moves it to its place once complete."""

    name: str  # for messages
    part: Path
    size: int  # expected size in bytes
    page: str  # the web page of the data set
    watch: "Watch"
    patience: Patience = Patience()

    def __call__(self, url: str, output: "str | Path", _pooch: object = None) -> None:
        """Download the file to `output`, with the signature of a pooch downloader.

        Raises
        ------
        RadaptError
            If the site cannot be reached, refuses, sends something else, or breaks off repeatedly. What has
            arrived stays in `part`, and the next call resumes it.
        """
        reached, tries = False, 0
        while True:
            before = self._have()
            try:
                self._go_on(url)
                break
            except _CutOff as broken:
                reached = reached or broken.reached
                tries = 0 if self._have() > before else tries
                if tries == len(self.patience.waits) or not reached:
                    raise RadaptError(self._gave_up(url, broken)) from None
                time.sleep(self.patience.waits[tries])
                tries += 1
        self.part.replace(output)
        self._tag.unlink(missing_ok=True)

    @property
    def _tag(self) -> Path:
        """The file with the ETag of the version in `part`."""
        return self.part.with_name(f"{self.part.name}.etag")

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _go_on(self, url: str) -> None:
        have = self._have()
        response = self._ask(url, have)
        if _misplaced(response, have):
            response.close()
            self._forget()
            response = self._ask(url, 0)
        with response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                return  # all of it had arrived
            self._refuse(response)
            self._receive(response)

    def _ask(self, url: str, have: int) -> requests.Response:
        headers = dict(_HEADERS)
        if have:
            headers["Range"] = f"bytes={have}-"
            with suppress(FileNotFoundError):
                headers["If-Range"] = self._tag.read_text(encoding="ascii")
        try:
            return requests.get(
                url, headers=headers, stream=True, timeout=(self.patience.connect, self.patience.read)
            )
        except requests.RequestException as error:
            raise _CutOff(_why(error), reached=False) from None

    def _refuse(self, response: requests.Response) -> None:
        """Raise if the response is not the file."""
        code, name = response.status_code, self.name
        if code in _BUSY:
            raise _CutOff(f"the site is busy or broken (HTTP {code})", reached=True)
        by_hand = (
            f"Fetch it with a browser from {self.page}, put it at {self.part.with_name(name)}, and give the "
            "same command again."
        )
        if code in (401, 403):
            raise RadaptError(f"The site refuses {name} without a log-in (HTTP {code}). {by_hand}")
        if code not in (200, 206):
            raise RadaptError(
                f"{name} is no longer at its address (HTTP {code}, {_host(response.url)}). {by_hand}"
            )
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise RadaptError(f"The site sent a web page in place of {name}. {by_hand}")

    def _receive(self, response: requests.Response) -> None:
        """Append the response to what has arrived so far, or replace it if the whole file is sent."""
        begins = _range_start(response)
        if begins is None:  # the whole file
            self._forget()
            self._remember(response.headers.get("ETag", ""))
        done = begins or 0
        length = response.headers.get("Content-Length", "")
        total = None if (coming := whole_number(length)) is None else done + coming
        self.watch.begin(f"fetching {self.name}", max(1, round((total or self.size) / 1e6)), "megabyte")
        try:
            with self.part.open("ab") as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    self._check_length(done)
                    self.watch.advance(done / 1e6)
        except requests.RequestException as error:
            raise _CutOff(_why(error), reached=True) from None
        finally:
            self.watch.end()
        if total is not None and done != total:
            raise _CutOff(f"{done:,} of {total:,} bytes came", reached=True)

    def _check_length(self, done: int) -> None:
        if done > _SPARE * self.size:
            self._forget()
            raise RadaptError(
                f"{self.name} should have {self.size:,} bytes, but {done:,} and more came: it is another "
                f"file now. See {self.page}."
            )

    def _remember(self, tag: str) -> None:
        if tag.startswith('"') and tag.isascii():  # a weak tag does not promise the same bytes
            self._tag.write_text(tag, encoding="ascii")

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)

    def _gave_up(self, url: str, broken: _CutOff) -> str:
        hint = "Try again later." if broken.reached else "Is there a network?"
        if have := self._have():
            hint = f"{have:,} bytes are kept in {self.part}, and the same command goes on from there."
        return f"Could not fetch {self.name} from {_host(url)}: {broken}. {hint}"


def _misplaced(response: requests.Response, have: int) -> bool:
    """Return whether the part kept so far does not fit the file at the site."""
    if response.status_code == requests.codes.requested_range_not_satisfiable:
        match = re.search(r"\*/(\d+)$", response.headers.get("Content-Range", ""))
        return match is None or int(match[1]) != have
    return response.status_code == requests.codes.partial_content and _range_start(response) != have


def _range_start(response: requests.Response) -> int | None:
    """Return the offset of the bytes that are sent; None if they are the whole file."""
    if response.status_code != requests.codes.partial_content:
        return None
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else -1


def _host(url: str) -> str:
    return url.split("/")[2]


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "the site did not answer in time"
    if isinstance(error, requests.ConnectionError) and "Failed to resolve" in str(error):
        return "its name was not found"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate could not be trusted"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "it could not be reached, or the connection broke off"
    return type(error).__name__
