"""How a picture is to be turned, where what else its EXIF says is damaged."""

import struct

_ORIENTATION = 0x0112  # EXIF 2.32, table 4
_HEAD = b"Exif\0\0"


def orientation_of(exif: bytes) -> int:
    """Read the orientation in EXIF data, whatever is wrong with the rest; 1, upright, if there is none."""
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


def jpeg_without_exif(data: bytes) -> tuple[bytes, bytes]:
    """Give a JPEG whose EXIF data Pillow passes over, and these data; b"" if there are none."""
    place = 2
    while data[place : place + 1] == b"\xff" and len(data) > place + 4:
        marker, (length,) = data[place + 1], struct.unpack_from(">H", data, place + 2)
        if marker == 0xDA:
            break
        body = data[place + 4 : place + 2 + length]
        if marker == 0xE1 and body.startswith(_HEAD):
            return data[: place + 4] + b"none" + data[place + 8 :], body
        place += 2 + length
    return data, b""
