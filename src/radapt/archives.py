"""What zip and tar archives claim, asked before they are unpacked, and how reading a damaged one ends."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

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
