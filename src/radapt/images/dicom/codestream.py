"""Read the size and bit depth of a JPEG or JPEG 2000 codestream without decoding it."""

import struct
from collections.abc import Iterator

from radapt.errors import BadImage

_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_SCAN, _END, _LEVELS = 0xDA, 0xD9, 0xDE
_J2K = b"\xff\x4f\xff\x51"  # start of codestream, then its size
_MAX_TILES = 65_535


def codestream_size(code: bytes) -> tuple[int, int, int]:
    """Return the width, height and channels of a JPEG, JPEG-LS or JPEG 2000 codestream.

    Decoders allocate memory by the codestream, whatever the file around it says. Sources: ITU-T T.81
    annex B, T.87 annex C and T.800 annex A.

    Raises
    ------
    BadImage
        If it is not such a codestream, has no end, or gives its size twice.
    """
    if not code.rstrip(b"\0\xff").endswith(b"\xff\xd9"):  # decoders fill missing parts with grey
        raise BadImage("is truncated")
    try:
        return _j2k(code) if code.startswith(_J2K) else _jpeg(code)
    except (struct.error, IndexError):
        raise BadImage("is damaged (its compressed picture has no size)") from None


def lossy_12_bits(code: bytes) -> bool:
    """Say whether a codestream is a lossy JPEG of 12 bits a value."""
    return any(
        marker in (0xC1, 0xC2) and code[place + 4 : place + 5] == b"\x0c" for marker, place in segments(code)
    )


def segments(code: bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker and position of each segment of a JPEG before its pixels, up to any damage."""
    place = 2 if code.startswith(b"\xff\xd8") else len(code)
    while place + 4 <= len(code) and code[place] == 0xFF:
        marker = code[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker in _ALONE:
            place += 2
        elif marker in (_SCAN, _END):
            return
        else:
            yield marker, place
            place += 2 + int.from_bytes(code[place + 2 : place + 4], "big")


def _j2k(code: bytes) -> tuple[int, int, int]:
    right, bottom, left, top, wide, high, tile_left, tile_top = struct.unpack_from(">8I", code, 8)
    (channels,) = struct.unpack_from(">H", code, 40)
    if not wide or not high or right <= left or bottom <= top:
        raise BadImage("is damaged (its compressed picture has no size)")
    if -(-(right - tile_left) // wide) * -(-(bottom - tile_top) // high) > _MAX_TILES:
        raise BadImage("is damaged (its compressed picture is in too many tiles)")
    return right - left, bottom - top, channels


def _jpeg(code: bytes) -> tuple[int, int, int]:
    if not code.startswith(b"\xff\xd8"):
        raise BadImage("is damaged (its compressed picture is of another kind)")
    sizes = []
    for marker, place in segments(code):
        if marker in _FRAMES or marker == _LEVELS:
            _, height, width, channels = struct.unpack_from(">BHHB", code, place + 4)
            sizes.append((width, height, channels))
    if len(sizes) != 1:
        raise BadImage("is damaged (its compressed picture has no size, or several)")
    return sizes[0]
