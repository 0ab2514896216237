"""Refuse images by the first bytes of their file, before any of it is decoded."""

import io
import struct
from collections.abc import Iterator

from radapt.errors import BadImage
from radapt.images.dicom.codestream import segments
from radapt.images.pixels import is_dicom
from radapt.serving.limits import Refused

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
MAX_SCANS = 100  # of a progressive JPEG, each of which is a pass over all pixels
MAX_CHUNKS = 100_000  # of a PNG; plain ones of 64 MiB have 8,192

_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_SCAN = b"\xff\xda"
_SIZES = (0x00280002, 0x00280008, 0x00280010, 0x00280011)  # samples, frames, rows, columns


def check_kind(data: bytes) -> None:
    """Refuse what is neither DICOM, PNG nor JPEG.

    Raises
    ------
    Refused
        With status 415, or 422 if there is no byte.
    """
    if not data:
        raise Refused(422, "The file is empty. Send a DICOM, PNG or JPEG file.")
    if not (is_dicom(data) or data.startswith((PNG, JPEG))):
        raise Refused(
            415, "The file is no image that is read here, whatever its name says. Send DICOM, PNG or JPEG."
        )


def check_size(data: bytes, most: int) -> None:
    """Refuse an image that has more than `most` pixels by its header.

    A header without a size is left to the decoder, which refuses it.

    Raises
    ------
    Refused
        With status 413, or 422 if a PNG does not begin with its size, or says it twice.
    """
    size = _dicom(data) if is_dicom(data) else _png(data) if data.startswith(PNG) else _jpeg(data)
    if size > most:
        raise Refused(
            413,
            f"The image has {size / 1e6:,.1f} million pixels. Send one of at most {most / 1e6:,.0f} million.",
        )


def _png(data: bytes) -> int:
    """Return the pixels by the one IHDR chunk, which has to come first (PNG specification, 5.6)."""
    for number, kind in enumerate(_chunks(data)):
        if (kind == b"IHDR") != (number == 0):
            raise Refused(422, "The PNG does not say its size once, at its beginning. Save it again.")
        if number == MAX_CHUNKS:
            raise Refused(413, f"The PNG has more than {MAX_CHUNKS:,} chunks. Save it again as a plain PNG.")
    width, height = struct.unpack_from(">II", data.ljust(24, b"\0"), 16)
    return int(width * height)


def _chunks(data: bytes) -> Iterator[bytes]:
    """Yield the kind of each chunk of a PNG."""
    place = len(PNG)
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        yield kind
        place += size + 12


def _jpeg(data: bytes) -> int:
    if data.count(_SCAN) > MAX_SCANS:
        raise Refused(413, f"The JPEG has more than {MAX_SCANS} scans. Save it again as a plain JPEG.")
    sizes = [
        struct.unpack_from(">HH", data.ljust(place + 9, b"\0"), place + 5)
        for marker, place in segments(data)
        if marker in _FRAMES
    ]
    return max((height * width for height, width in sizes), default=0)


def _dicom(data: bytes) -> int:
    from radapt.errors import AskedWrongly
    from radapt.images.dicom.header import Opened, check_tools, guarded, whole_of

    try:
        check_tools()
        header = guarded(lambda: Opened(io.BytesIO(data), _SIZES).header)
        samples, frames = whole_of(header, "SamplesPerPixel", 1), whole_of(header, "NumberOfFrames", 1)
        return samples * frames * whole_of(header, "Rows") * whole_of(header, "Columns")
    except (BadImage, AskedWrongly):
        return 0
