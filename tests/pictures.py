"""Pictures that tests write."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from radapt.images.load import LoadOptions
from radapt.images.table import TableOptions

RAMP = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))  # (48, 64), dark to bright
ADAM7 = (  # of a PNG's seven passes the first column and row, and the steps: PNG specification, section 8.2
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def load_options(**options):
    """Give LoadOptions, with the options of a table among the others."""
    table = {name: options.pop(name) for name in list(options) if name in TableOptions.__dataclass_fields__}
    return LoadOptions(**options, table=TableOptions(**table))


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def deep(bits):
    """Give a ramp (64, 64) of values from 0 to the largest of so many bits."""
    return np.linspace(0, 2**bits - 1, 64 * 64).astype(np.uint16).reshape(64, 64)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(values, colour, *, bits=16, interlaced=False, palette=b""):
    """Write a PNG of values (height, width, channels); Pillow writes neither deep colours nor interlaced."""
    height, width, _ = values.shape
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = b"".join(
        b"\0" + (row.astype(">u2").tobytes() if bits == 16 else packed(row, bits))
        for left, top, right, down in passes
        if left < width
        for row in values[top::down, left::right]
    )
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    colours = chunk(b"PLTE", palette) if palette else b""
    return b"\x89PNG\r\n\x1a\n" + header + colours + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def packed(row, bits):
    """Pack values of 1, 2, 4 or 8 bits into bytes, the first in the highest bits."""
    spread = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - bits :]
    return np.packbits(spread.reshape(-1)).tobytes()


def huge_png(width, height):
    data = bytearray(saved(Image.new("L", (8, 8)), "PNG"))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)
