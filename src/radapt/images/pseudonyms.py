"""Replace patient names and numbers by codes, which cannot be reversed without the key."""

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
    """Return the key of a cache folder: random, made at first use, readable by its owner alone.

    The same key makes the same codes on every computer; codes made with two keys cannot be linked. The key is
    never written into a store, a run or a report.

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
        raise BadArtefact(f"{path} is not a key of radapt's. Delete it, and a new one is made.")
    return key


def code_of(key: bytes, kind: str, text: bytes) -> str:
    """Return the code of a text: the first 20 hexadecimal digits of its HMAC-SHA256 (RFC 2104).

    Parameters
    ----------
    key
        The key of the cache folder.
    kind
        The kind of text, so that a patient and a file of the same name get different codes.
    text
        The text to hide.
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
            os.link(name, path)  # not a rename, which would replace another process's key
        except FileExistsError:
            pass
        except OSError:  # some file systems have no hard links
            Path(name).rename(path)
    finally:
        Path(name).unlink(missing_ok=True)
