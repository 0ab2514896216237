"""Files of kinds that Pillow does not write: TIFFs of any layout, and lossy JPEGs of 12 bits."""

import struct
import zlib

import numpy as np


def tiff(values, *, order="<", photometric=1, planar=1, packed=False, extra=()):
    """Write a TIFF of values (height, width) or (height, width, channels), in one strip a plane."""
    values = values.astype(values.dtype.newbyteorder(order))
    height, width, channels = (*values.shape, 1)[:3]
    bits = 8 * values.dtype.itemsize
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    planes = [values[..., place] for place in range(channels)] if planar == 2 else [values]
    strips = [zlib.compress(plane.tobytes()) if packed else plane.tobytes() for plane in planes]
    fields = [
        *((256, [width]), (257, [height]), (258, [bits] * channels), (259, [8 if packed else 1])),
        *((262, [photometric]), (273, [0] * len(strips)), (277, [channels]), (278, [height])),
        *((279, [len(strip) for strip in strips]), (284, [planar]), (339, [kind] * channels), *extra),
    ]
    place = 8 + 2 + 12 * len(fields) + 4
    beyond = sum(4 * len(numbers) for _, numbers in fields if len(numbers) > 1)
    starts = np.cumsum([place + beyond, *[len(strip) for strip in strips]])[:-1].tolist()
    entries, tail = b"", b""
    for tag, numbers in sorted(fields):
        numbers = starts if tag == 273 else numbers
        written = b"".join(struct.pack(f"{order}I", number) for number in numbers)
        if len(numbers) > 1:
            written, tail = struct.pack(f"{order}I", place + len(tail)), tail + written
        entries += struct.pack(f"{order}HHI", tag, 4, len(numbers)) + written
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(fields))
    return head + entries + bytes(4) + tail + b"".join(strips)


def jpeg12(blocks):
    """Give a lossy JPEG of 12 bits (ITU-T T.81 extended sequential), each 8 x 8 block of one value."""
    rows, columns = blocks.shape
    bits, before = [], 0
    for value in blocks.reshape(-1).tolist():
        level = value - 2048  # the DC coefficient is 8 times the mean, and is divided by 8
        size = abs(level - before).bit_length()
        bits.append(f"{size:05b}")
        if size:
            step = level - before
            bits.append(f"{step if step > 0 else step + 2**size - 1:0{size}b}")
        bits.append("0")  # no more coefficients
        before = level
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")

    def segment(marker, content):
        return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content

    frame = struct.pack(">BHHB", 12, 8 * rows, 8 * columns, 1) + b"\1\x11\0"
    steady = segment(0xC4, b"\0" + bytes([0, 0, 0, 0, 16, *[0] * 11]) + bytes(range(16)))
    rest = segment(0xC4, b"\x10" + bytes([1, *[0] * 15]) + b"\0")
    scan = segment(0xDA, b"\1\1\0\0\x3f\0")
    table = segment(0xDB, b"\0" + bytes([8] * 64))
    return b"".join((b"\xff\xd8", table, segment(0xC1, frame), steady, rest, scan, data, b"\xff\xd9"))
