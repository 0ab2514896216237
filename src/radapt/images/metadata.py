"""Metadata of JPEG and PNG files (EXIF, profiles, texts), which may be damaged in an intact file."""

import struct
from collections.abc import Iterator

from radapt.images.dicom.codestream import segments

_ORIENTATION = 0x0112  # EXIF 2.32, table 4
_HEAD = b"Exif\0\0"
_PNG = b"\x89PNG\r\n\x1a\n"
_REMARKS = {
    b"tEXt",
    b"zTXt",
    b"iTXt",
    b"tIME",
    b"pHYs",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"iCCP",
    b"bKGD",
    b"hIST",
    b"sPLT",
}
_COLOURS = {(0xE0, b"JFIF\0"): 14, (0xEE, b"Adobe"): 12}  # and how many bytes they need to be complete
_COMMENT = 0xFE


def orientation_of(exif: bytes) -> int:
    """Read the orientation from EXIF data, even if the rest is damaged; 1 (upright) if there is none."""
    start = len(_HEAD) if exif.startswith(_HEAD) else 0
    order = {b"II": "<", b"MM": ">"}.get(exif[start : start + 2])
    if order is None:
        return 1
    try:
        (first,) = struct.unpack_from(f"{order}I", exif, start + 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start + first)
        for place in range(start + first + 2, start + first + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, place)
            if tag == _ORIENTATION and kind == 3:
                return int(value)
    except struct.error:
        pass
    return 1


def without_remarks(data: bytes) -> bytes:
    """Return a JPEG or PNG without metadata that does not affect its pixels: EXIF, profiles, texts.

    JFIF and Adobe segments, which decide the colours, are kept if they are complete. Other files are returned
    unchanged.
    """
    if data.startswith(_PNG):
        return _PNG + b"".join(_chunks(data))
    bare = bytearray(data)
    for marker, place, body in _application_data(data):
        whole = _COLOURS.get((marker, body[:5]))
        if whole is None or len(body) < whole:
            bare[place + 1] = _COMMENT
    return bytes(bare)


def exif_of(data: bytes) -> bytes:
    """Return the EXIF data of a JPEG; b"" if there are none before its pixels, or it is not a JPEG."""
    bodies = (body for marker, _, body in _application_data(data) if marker == 0xE1)
    return next((body for body in bodies if body.startswith(_HEAD)), b"")


def _application_data(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield the marker, position and body of each application segment (APP0 to APP15) of a JPEG."""
    for marker, place in segments(data):
        if 0xE0 <= marker <= 0xEF:
            length = int.from_bytes(data[place + 2 : place + 4], "big")
            yield marker, place, data[place + 4 : place + 2 + length]


def _chunks(data: bytes) -> Iterator[bytes]:
    """Yield the chunks of a PNG without those of metadata."""
    place = len(_PNG)
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] not in _REMARKS:
            yield data[place:end]
        place = end
    yield data[place:]
