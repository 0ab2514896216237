"""Checks of zip files before unpacking (decompression bombs), and the errors of damaged archives."""

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

DAMAGE = (  # raised on reading a damaged, truncated or encrypted archive
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    # `zipfile` raises a RuntimeError for a password, and a kind of it for unknown compression
    *(EOFError, RuntimeError, UnicodeError, OverflowError),
)
MAX_RATIO, SPARE = 100, 1 << 24  # maximum unpacked size: 100 times the file plus 16 MiB


def check_claims(file: Path | IO[bytes], packed: int) -> None:
    """Check that a zip does not declare a far larger unpacked size than its own, without unpacking it.

    Parameters
    ----------
    file
        The archive; only its directory is read.
    packed
        Its size in bytes.

    Raises
    ------
    ValueError
        If it declares more than 100 times its size plus 16 MiB.
    """
    with zipfile.ZipFile(file) as archive:
        claimed = sum(each.file_size for each in archive.infolist())
    if claimed > MAX_RATIO * packed + SPARE:
        raise ValueError(f"its {packed:,} bytes claim to unpack to {claimed:,}")


@contextmanager
def open_arrays(path: Path) -> Iterator[Any]:
    """Open an `.npz` file after checking the declared sizes of its arrays.

    Raises
    ------
    ValueError
        If a declared size is too large, or a member is not an array.
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
    """Check that the shape in the header of an array fits the size of its file."""
    forms = np.lib.format
    try:
        is_first = forms.read_magic(part) == (1, 0)
        shape, _, kind = (forms.read_array_header_1_0 if is_first else forms.read_array_header_2_0)(part)
    except (ValueError, SyntaxError, TokenError):
        raise ValueError(f"{about.filename!r} is no array") from None
    claimed = math.prod(shape) * kind.itemsize
    if claimed > about.file_size:
        raise ValueError(f"{about.filename!r} claims {claimed:,} bytes of {about.file_size:,}")
