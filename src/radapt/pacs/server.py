"""A DICOMweb server (PS3.18): searched, retrieved from and stored to, with one sentence for every failure."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import requests

from radapt.datasets.download import Patience
from radapt.errors import RadaptError
from radapt.images.dicom.header import MAGIC, PREAMBLE
from radapt.images.quiet_decoders import strict_pillow
from radapt.pacs.login import PASSWORD, Login, is_loopback
from radapt.pacs.source import refuse_deflated
from radapt.text import counted
from radapt.version import __version__

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

T = TypeVar("T")
Row = dict[str, Any]  # a result of a search, as DICOM JSON
PAGE = 500  # results asked for at once
MAX_BYTES = 1 << 30  # of one answer: the largest radiographs have 100 MB
MAX_SECONDS = 600.0  # for one answer
_BUSY = frozenset({408, 425, 429, 503, 504})
_CHUNK = 1 << 20
_MAX_PAGES = 5000  # of one search
_HEAD_ENDS = b"\r\n\r\n"  # the header of a part of an answer


class Unreachable(RadaptError):
    """The server as a whole fails, so that there is no use in asking for the next object."""


class NotStored(RadaptError):
    """The server refused an object; `answer` is what it says of it, if anything."""

    def __init__(self, status: int, answer: Any = None) -> None:
        self.status, self.answer = status, answer
        super().__init__(f"The server refused the object (HTTP {status}).")


class _Auth(requests.auth.AuthBase):
    """Adds the log-in, and lets `requests` write the header Host, which dicomweb-client gives no port."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Host", None)
        if self._login.token:
            request.headers["Authorization"] = f"Bearer {self._login.token}"
        elif self._login.user:
            return requests.auth.HTTPBasicAuth(self._login.user, self._login.password)(request)
        return request


class _Session(requests.Session):
    """Trusts its own authorities, and sends no proxy anything in the clear, whatever the environment says."""

    def merge_environment_settings(self, url: Any, *given: Any, **named: Any) -> Any:
        """Return the settings of a request: the session's authorities, and no proxy that could read along."""
        settings = dict(super().merge_environment_settings(url, *given, **named))
        if self.verify is not True:
            settings["verify"] = self.verify
        parts = urlsplit(str(url))
        if parts.scheme == "http" or is_loopback(parts.hostname or ""):
            settings["proxies"] = {}
        return settings


class _Bounded:
    """The body of an answer, which ends with an error where it is too long or takes too long."""

    def __init__(self, raw: Any) -> None:
        self._raw, self._ends = raw, time.monotonic() + MAX_SECONDS

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, size: int, decode_content: bool = True) -> Iterator[bytes]:
        """Yield the decoded body in pieces."""
        total = 0
        for piece in self._raw.stream(min(size, _CHUNK), decode_content=decode_content):
            total += len(piece)
            if total > MAX_BYTES or time.monotonic() > self._ends:
                raise RadaptError(
                    f"The server sent more than {MAX_BYTES >> 20:,} MB in one answer, or took longer than "
                    f"{counted(round(MAX_SECONDS), 'second')} for it, which no radiograph needs."
                )
            yield piece


def _bound(response: requests.Response, **_: Any) -> requests.Response:
    """Bound the body of an answer, and refuse a deflated object before it is expanded a thousandfold."""
    response.raw = _Bounded(response.raw)
    for found in re.finditer(MAGIC, response.content):  # whatever kind of answer it says that it is
        begin = found.start() - PREAMBLE
        if begin == 0 or (begin > 0 and response.content.endswith(_HEAD_ENDS, 0, begin)):
            refuse_deflated(BytesIO(response.content), begin)
    return response


class Server:
    """A DICOMweb server.

    Parameters
    ----------
    url
        Its address, see `radapt.pacs.login.check_address`.
    login
        What to log in with.
    certificates
        A file of the certificate authorities that are trusted; None: those of the system.
    patience
        How long it waits, and before each further try while the server is busy.
    """

    def __init__(
        self, url: str, login: Login, *, certificates: Path | None = None, patience: Patience | None = None
    ) -> None:
        from dicomweb_client.web import DICOMwebClient

        self._login, self._patience = login, patience or Patience(waits=(1.0, 5.0))
        self._url, self._host = url, urlsplit(url).hostname
        session = _Session()
        session.auth = _Auth(login)
        session.headers["User-Agent"] = f"radapt/{__version__}"
        session.max_redirects = 0  # a redirect might lead to plain http
        if certificates is not None:
            session.verify = str(certificates)
        with self._asking():
            self._client = DICOMwebClient(
                url, session, callback=_bound, timeout=(self._patience.connect, self._patience.read)
            )
            self._client.set_http_retry_params(retry=False)  # which would also retry refused connections

    def studies(self, filters: Mapping[str, str]) -> list[Row]:
        """Return the studies that match, by keyword of an attribute."""
        return self._all(
            lambda start: self._client.search_for_studies(
                search_filters=dict(filters), limit=PAGE, offset=start
            ),
            "0020000D",
        )

    def instances(self, study: str, fields: list[str]) -> list[Row]:
        """Return the instances of a study, with these attributes if the server knows them."""
        return self._all(
            lambda start: self._client.search_for_instances(study, fields=fields, limit=PAGE, offset=start),
            "00080018",
        )

    def names_in(self, study: str) -> set[str]:
        """Return the SOPInstanceUIDs of a study."""
        return {str(row["00080018"]["Value"][0]) for row in self.instances(study, [])}

    def retrieve(self, study: str, series: str, instance: str) -> "Dataset":
        """Return an instance as it is stored, in its own transfer syntax."""
        found: Dataset = self._ask(lambda: self._client.retrieve_instance(study, series, instance))
        return found

    def store(self, dataset: "Dataset") -> "Dataset":
        """Store an object; return what the server says of it.

        Raises
        ------
        NotStored
            If it refuses the object, but not all that it is sent.
        """
        answer: Dataset = self._ask(lambda: self._client.store_instances([dataset]))
        return answer

    def _all(self, search: Callable[[int], list[Row]], uid: str) -> list[Row]:
        """Return the results of all pages: some servers give fewer at once than are asked for."""
        found: dict[str, Row] = {}
        for _ in range(_MAX_PAGES):
            before = len(found)
            page = self._ask(partial(search, before))
            with self._asking():
                found |= {str(row[uid]["Value"][0]): row for row in page if row.get(uid, {}).get("Value")}
            if len(found) == before:
                return list(found.values())
        raise RadaptError(
            f"{self._url} gives results without end ({len(found):,} so far): ask for less, by --date."
        )

    def _ask(self, request: Callable[[], T]) -> T:
        """Ask, and ask again while the server is busy."""
        for wait in (*self._patience.waits, None):
            with self._asking():
                try:
                    return request()
                except requests.HTTPError as error:
                    if error.response is None or error.response.status_code not in _BUSY or wait is None:
                        raise
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn every failure into one sentence, which quotes neither a patient nor a secret."""
        try:
            with strict_pillow:
                yield
        except (RadaptError, MemoryError):
            raise
        except requests.RequestException as error:
            if error.response is not None and error.response.status_code >= 400:
                raise self._refused(error.response) from None
            raise Unreachable(self._unreachable(error)) from None
        except Exception as error:  # what is no DICOM JSON, multipart or DICOM raises nearly anything
            raise RadaptError(
                f"What {self._url} answers is not DICOMweb ({type(error).__name__}): give the address of a "
                "DICOMweb service, such as https://pacs.example/dicom-web."
            ) from None

    def _unreachable(self, error: requests.RequestException) -> str:
        if isinstance(error, requests.exceptions.SSLError):
            if "CERTIFICATE_VERIFY_FAILED" not in str(error):
                return f"{self._url} does not speak https: give the address as the PACS names it."
            return (
                f"The certificate of {self._host} could not be verified: give the certificates of the "
                "hospital's own authority as --ca-file."
            )
        if isinstance(error, requests.Timeout):
            return f"{self._host} did not answer in time: try again, or give a longer --timeout."
        if isinstance(error, requests.TooManyRedirects):
            return f"{self._url} sends on to another address: give that one, if it is to be trusted."
        if isinstance(error, requests.exceptions.JSONDecodeError):
            return (
                f"What {self._url} answers is not DICOMweb: give the address of a DICOMweb service, such as "
                "https://pacs.example/dicom-web."
            )
        return f"There is no connection to {self._url}: it is refused, or breaks off. Is the server running?"

    def _refused(self, response: requests.Response) -> RadaptError:
        code = response.status_code
        if code in (401, 403):
            how = (
                "refuses this log-in, or what it may do"
                if self._login.is_given
                else f"asks for a log-in: give --user and the variable {PASSWORD}, or a --token-file"
            )
            return Unreachable(f"{self._host} {how} (HTTP {code}).")
        if response.request.method == "POST" and code in (400, 409, 413, 415, 422):
            return NotStored(code, _answer(response))
        if code in (404, 410) and "/instances/" in response.request.path_url:
            return RadaptError(f"is not there any more (HTTP {code})")
        if code in (400, 404, 405, 406, 501):
            return RadaptError(
                f"{self._url} has no DICOMweb for this (HTTP {code}): give the address of the service, as in "
                "https://pacs.example/dicom-web."
            )
        if code in _BUSY:
            return Unreachable(f"{self._host} is busy (HTTP {code}): try again later.")
        return RadaptError(f"{self._host} failed (HTTP {code}).")


def _answer(response: requests.Response) -> Any:
    """Return what a server says of objects that it refused; None if that cannot be read."""
    from pydicom.dataset import Dataset

    try:
        return Dataset.from_json(response.json())
    except Exception:
        return None
