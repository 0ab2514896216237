"""What zip and tar archives claim, asked before they are unpacked, and how reading a damaged one ends."""

import lzma
import math
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

DAMAGE = (  # however it is compressed, cut off, or locked by a password
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, UnicodeError, OverflowError),
)
MOST_TIMES, SPARE = 100, 1 << 24  # as large as its file that a zip of arrays may become, and bytes on top


def check_claims(file: Path | IO[bytes], packed: int) -> None:
    """Refuse a zip whose parts claim to be far larger than its file, before one of them is read.

    Parameters
    ----------
    file
        The archive; nothing but its list of parts is read.
    packed
        Its bytes.

    Raises
    ------
    ValueError
        If they do.
    """
    with zipfile.ZipFile(file) as archive:
        claimed = sum(each.file_size for each in archive.infolist())
    if claimed > MOST_TIMES * packed + SPARE:
        raise ValueError(f"its {packed:,} bytes claim to unpack to {claimed:,}")


@contextmanager
def open_arrays(path: Path) -> Iterator[Any]:
    """Open an `.npz` file, and refuse it before an array is read if its parts claim more than it holds.

    Raises
    ------
    ValueError
        If they do, or one is no array.
    """
    with path.open("rb") as file:
        check_claims(file, path.stat().st_size)
        with zipfile.ZipFile(file) as archive:
            for each in archive.infolist():
                with archive.open(each) as part:
                    _check_array(each, part)
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            yield arrays


def _check_array(about: zipfile.ZipInfo, part: IO[bytes]) -> None:
    """Refuse an array that claims more numbers than there are bytes for them."""
    forms = np.lib.format
    try:
        is_first = forms.read_magic(part) == (1, 0)
        shape, _, kind = (forms.read_array_header_1_0 if is_first else forms.read_array_header_2_0)(part)
    except (ValueError, SyntaxError, TokenError):
        raise ValueError(f"{about.filename!r} is no array") from None
    claimed = math.prod(shape) * kind.itemsize
    if claimed > about.file_size:
        raise ValueError(f"{about.filename!r} claims {claimed:,} bytes of {about.file_size:,}")
