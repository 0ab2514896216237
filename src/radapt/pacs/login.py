"""The address of a DICOMweb server, and the secret to log in with, which no command line has."""

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from radapt.errors import AskedWrongly

PASSWORD, TOKEN = "RADAPT_PACS_PASSWORD", "RADAPT_PACS_TOKEN"  # environment variables
LONGEST_WAIT = 3600.0  # seconds that a server may say nothing
_LONGEST = 16_384  # letters of a secret: more is another file


@dataclass(frozen=True, slots=True)
class Login:
    """A name with a password (HTTP basic), a bearer token, or neither."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def is_given(self) -> bool:
        """Whether there is something to log in with."""
        return bool(self.user or self.token)


def read_login(user: str | None, password_file: Path | None, token_file: Path | None) -> Login:
    """Return the log-in of a command: secrets come from a file, else from the environment.

    Parameters
    ----------
    user
        The name; with it a password is needed.
    password_file
        A file whose first line is the password. None: the variable RADAPT_PACS_PASSWORD.
    token_file
        A file whose first line is a bearer token. None: the variable RADAPT_PACS_TOKEN.

    Raises
    ------
    AskedWrongly
        If a file cannot be read, a name has no password or a password no name, there is a token too, or what
        is given has letters beyond ASCII.
    """
    user = _printable(user or "", "--user")
    password = _secret(password_file, PASSWORD if user else "")
    token = _secret(token_file, "" if user else TOKEN)
    if user and token_file:
        raise AskedWrongly(
            "A log-in is a user with a password, or a token. Leave --user or --token-file out."
        )
    if user and not password:
        raise AskedWrongly(
            f"The user {user!r} has no password: give one in the variable {PASSWORD}, or a --password-file."
        )
    if password and not user:
        raise AskedWrongly("A --password-file needs the name that it is of: give --user too.")
    if ":" in user:
        raise AskedWrongly("The name of --user holds a colon, which HTTP takes for the end of the name.")
    return Login(user, password, token)


def _secret(path: Path | None, variable: str) -> str:
    """Return the first line of a file, else an environment variable; "" without either."""
    if path is None:
        return _printable(os.environ.get(variable, "") if variable else "", variable)
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(_LONGEST + 1).strip()
    except (OSError, UnicodeError):
        raise AskedWrongly(f"The file {path} cannot be read as a line of text: give another.") from None
    if not line:
        raise AskedWrongly(f"The file {path} has no secret on its first line.")
    return _printable(line, str(path))


def _printable(given: str, where: str) -> str:
    given = given.strip()
    if len(given) > _LONGEST or not (given.isprintable() and given.isascii()):
        raise AskedWrongly(
            f"What {where} holds is nothing to log in with: it has letters beyond ASCII, or too many."
        )
    return given


def check_timeout(seconds: float) -> None:
    """Check how long a server may say nothing.

    Raises
    ------
    AskedWrongly
        If it is no time from 1 second to an hour.
    """
    if not 1 <= seconds <= LONGEST_WAIT:
        raise AskedWrongly(f"--timeout takes seconds, from 1 to {LONGEST_WAIT:,.0f}. Got {seconds}.")


def check_address(url: str, *, allow_http: bool = False) -> str:
    """Return the address of a DICOMweb server, without the slash at its end.

    Raises
    ------
    AskedWrongly
        If it is none, holds a password, or is http to another machine and that is not allowed.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise AskedWrongly(
            "The address of a DICOMweb server begins with https:// and a host, as in "
            f"https://pacs.example/dicom-web. Got {url.rpartition('@')[2]!r}."
        )
    if "@" in parts.netloc:
        raise AskedWrongly(
            f"The address holds a name or a password, which the history of the shell keeps: give --user and "
            f"the variable {PASSWORD} instead."
        )
    if parts.query or parts.fragment:
        raise AskedWrongly("The address of a DICOMweb server has no ? or #: leave out what follows.")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise AskedWrongly(
            f"http to {host} would send images and passwords in the clear: give https, or --allow-http where "
            "the way to it is safe."
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_certificates(path: Path | None) -> None:
    """Check that a file holds certificates.

    Raises
    ------
    AskedWrongly
        If it does not.
    """
    import ssl

    if path is None:
        return
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError:
        raise AskedWrongly(f"--ca-file {path} holds no certificates (PEM) that can be read.") from None
