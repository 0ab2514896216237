"""Messages on why a file could not be read. They never quote its content, which may name a patient."""

import re
import struct
import zlib

from radapt.images.tiff import unread_tiff

NEEDS_12_BITS = (
    "is a JPEG of 12 bits a value, which needs pylibjpeg. Install it with: pip install 'radapt[dicom]'"
)
_PNG = b"\x89PNG\r\n\x1a\n"
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM", b"RIFF", b"GIF8")
_BARE_DICOM = (b"\x02\0\0\0", b"\x02\0\x01\0", b"\x08\0\0\0", b"\x08\0\x05\0", b"\x08\0\x08\0")
_READ = "JPEG, PNG, TIFF, BMP, WebP, GIF, PPM or DICOM"


def why_no_image(data: bytes) -> str:
    """Return the reason why Pillow does not open a file."""
    if data.startswith(_PNG) and (chunk := damaged_chunk(data)) is not None:
        return f"is damaged: the checksum of its chunk {chunk} is wrong"
    if data.startswith(_BEGINNINGS):
        tiff = unread_tiff(data) if data[:2] in (b"II", b"MM") else None
        return tiff or "is truncated or damaged: its header cannot be read"
    if data.startswith(_BARE_DICOM):
        return "seems to be DICOM without its preamble (128 bytes and DICM), which is needed"
    return f"is not an image ({_READ})"


def reason_of(error: Exception, data: bytes = b"") -> str:
    """Return the reason why a file could not be decoded, cutting off what the error may quote from it."""
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    text = " ".join(str(error).split())
    if "truncated" in text.lower():
        return "is truncated"
    if data.startswith(_PNG) and (chunk := damaged_chunk(data)) is not None:
        return f"is damaged: the checksum of its chunk {chunk} is wrong"
    message = re.split(r"[:;('\"`\[<=]", text)[0].strip(" .")[:120]
    is_plain = " " in message and message.isascii() and message.isprintable()
    return f"is damaged ({message if is_plain else type(error).__name__})"


def damaged_chunk(data: bytes) -> str | None:
    """Return the name of the first PNG chunk with a wrong checksum; None if there is no such chunk."""
    place = len(_PNG)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            return None
        name = data[place + 4 : place + 8]
        if not name.isalpha():
            return None
        if zlib.crc32(data[place + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return name.decode("ascii")
        place = end + 4
    return None
