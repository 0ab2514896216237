"""Codes in place of what says who a patient is: no way leads back without the key."""

import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from radapt.errors import BadArtefact, RadaptError

KEY_FILE = "private.key"
_KEY_BYTES = 32
_CODE_LENGTH = 20  # hexadecimal digits, 80 bits: no two of a billion patients are likely to share one


def private_key(cache: Path) -> bytes:
    """Give the key of a cache folder, made at random the first time and readable by its owner alone.

    Codes made with one key are the same wherever it lies; those made with two have nothing to do with one
    another. It is never written into a store, a run or a report.

    Raises
    ------
    BadArtefact
        If the key in the folder is not one.
    RadaptError
        If it cannot be read or written.
    """
    path = cache / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise RadaptError(f"Could not read or write {path}: {error.strerror or error}.") from None
    if len(key) != _KEY_BYTES:
        raise BadArtefact(f"{path} is not a key of radapt's. Take it away, and a new one is made.")
    return key


def code_of(key: bytes, kind: str, text: bytes) -> str:
    """Give the code of a text: the beginning of its HMAC-SHA256 (RFC 2104).

    Parameters
    ----------
    key
        Of the cache folder.
    kind
        What the text is, so that a name and a number that are spelled alike have different codes.
    text
        What is to be hidden.
    """
    return hmac.new(key, kind.encode() + b"\0" + text, hashlib.sha256).hexdigest()[:_CODE_LENGTH]


def _make_key(path: Path) -> None:
    """Write a new key, unless another process is first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)  # not a rename, which would take the place of another's
        except FileExistsError:
            pass
        except OSError:  # some disks have no links
            Path(name).rename(path)
    finally:
        Path(name).unlink(missing_ok=True)
