"""Files damaged in every way that chance finds, read in a process of its own that may not grow or hang.

    python mutations.py PROGRESS COUNT KIND...

writes to PROGRESS which file it is at, and prints how many of each kind were read and how many named.
"""

import random
import resource
import signal
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from dicoms import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    JPEG2000,
    JPEG2000_LOSSLESS,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_FIRST,
    JPEG_LS,
    JPEG_LS_NEAR,
    RLE,
    jpeg,
    lossless_jpeg,
    make_dicom,
    pydicoms,
)
from pictures import RAMP, deep, png, saved
from PIL import Image

from radapt.errors import BadImage
from radapt.images.pixels import decode
from radapt.images.preprocessing import Preprocessing

SECONDS = 10  # for one file
MEMORY = 2**30  # bytes beyond what the process has when it begins
READINGS = (Preprocessing(16), Preprocessing(None), Preprocessing(32, "pad", "percentile", trim=True))
GREY = Image.fromarray(RAMP)
DEEP = deep(12)


def _others(name, syntax):
    file, code = pydicoms(name)
    return make_dicom(file.pixel_array, syntax=syntax, bits=file.BitsStored, code=code)


def _resaid(syntax):
    """Give an image in JPEG 2000 that says it is of another transfer syntax, as it also may be."""
    said, new = (f"{each}".encode() for each in (JPEG2000_LOSSLESS, syntax))
    return make_dicom(DEEP, bits=12, syntax=JPEG2000_LOSSLESS).replace(said, new)


MADE = {  # several images of each kind
    "JPEG": lambda: [
        saved(GREY, "JPEG"),
        saved(GREY.convert("RGB"), "JPEG", progressive=True),
        saved(GREY.convert("CMYK"), "JPEG"),
    ],
    "PNG": lambda: [
        saved(GREY, "PNG"),
        saved(GREY.quantize(16), "PNG"),
        saved(Image.fromarray(DEEP), "PNG"),
        png(np.stack([DEEP] * 3, axis=-1), 2),
        png(np.stack([DEEP] * 2, axis=-1), 4, interlaced=True),
    ],
    "TIFF": lambda: [
        saved(GREY, "TIFF"),
        saved(GREY, "TIFF", compression="tiff_lzw"),
        saved(GREY, "TIFF", compression="jpeg"),
        saved(Image.fromarray(DEEP), "TIFF", compression="tiff_adobe_deflate"),
        saved(Image.fromarray(DEEP.astype(np.float32)), "TIFF"),
    ],
    "BMP": lambda: [saved(GREY, "BMP"), saved(GREY.convert("RGB"), "BMP"), saved(GREY.convert("1"), "BMP")],
    "WebP": lambda: [
        saved(GREY.convert("RGB"), "WEBP"),
        saved(GREY.convert("RGBA"), "WEBP", lossless=True),
        saved(GREY.convert("RGB"), "WEBP", save_all=True, append_images=[GREY.convert("RGB").rotate(180)]),
    ],
    "GIF": lambda: [saved(GREY, "GIF"), saved(GREY, "GIF", save_all=True, append_images=[GREY.rotate(180)])],
    "PPM": lambda: [
        saved(GREY, "PPM"),
        saved(GREY.convert("RGB"), "PPM"),
        saved(Image.fromarray(DEEP.astype(np.int32)), "PPM"),
        b"P2 4 4 255 " + b" ".join(b"%d" % level for level in range(16)),
    ],
    "DICOM implicit": lambda: [make_dicom(DEEP, bits=12, syntax=IMPLICIT, WindowCenter=9, WindowWidth=99)],
    "DICOM explicit": lambda: [make_dicom(DEEP, bits=12, syntax=EXPLICIT, WindowCenter=9, WindowWidth=99)],
    "DICOM big-endian": lambda: [make_dicom(DEEP, bits=12, syntax=BIG, RescaleSlope=2, RescaleIntercept=9)],
    "DICOM RLE": lambda: [make_dicom(DEEP, bits=12, syntax=RLE), make_dicom(RAMP, syntax=RLE)],
    "DICOM JPEG": lambda: [make_dicom(RAMP, syntax=JPEG, code=jpeg(RAMP))],
    "DICOM JPEG extended": lambda: [_others("JPGExtended.dcm", JPEG_EXTENDED)],
    "DICOM JPEG lossless": lambda: [
        make_dicom(DEEP, bits=12, syntax=JPEG_LOSSLESS, code=lossless_jpeg(DEEP, 12))
    ],
    "DICOM JPEG lossless, first order": lambda: [
        make_dicom(DEEP, bits=12, syntax=JPEG_LOSSLESS_FIRST, code=lossless_jpeg(DEEP, 12))
    ],
    "DICOM JPEG-LS": lambda: [_others("MR_small_jpeg_ls_lossless.dcm", JPEG_LS)],
    "DICOM JPEG-LS near-lossless": lambda: [
        _others("JPEGLSNearLossless_08.dcm", JPEG_LS_NEAR),
        _others("JPEGLSNearLossless_16.dcm", JPEG_LS_NEAR),
    ],
    "DICOM JPEG 2000 lossless": lambda: [make_dicom(DEEP, bits=12, syntax=JPEG2000_LOSSLESS)],
    "DICOM JPEG 2000": lambda: [_resaid(JPEG2000)],
}


def mutate(whole, rng):
    """Damage a file by flipped bits, other bytes, huge numbers, a piece moved or cut out, or its end lost."""
    data = bytearray(whole)
    first, end = _region(whole, rng)
    for way in rng.sample(("bits", "bytes", "huge", "moved", "cut"), rng.choice((1, 1, 2))):
        places = [min(rng.randrange(first, end), len(data) - 1) for _ in range(rng.choice((1, 2, 8, 32)))]
        place = places[0]
        if way == "bits":
            for each in places:
                data[each] ^= 1 << rng.randrange(8)
        elif way == "bytes":
            for each in places:
                data[each] = rng.choice((0, 255, rng.randrange(256)))
        elif way == "huge":
            huge = rng.choice((b"\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x40\0", b"\0\x40"))
            data[place : place + len(huge)] = huge
        elif way == "moved":
            piece = data[place : place + rng.randrange(1, 64)]
            data[places[-1] : places[-1] + rng.choice((0, len(piece)))] = piece
        else:
            del data[max(place, 1) : place + rng.choice((1, 16, len(data)))]
    return _summed(bytes(data)) if rng.random() < 0.8 else bytes(data)


def _region(whole, rng):
    """Choose what to damage: the first bytes, where sizes are, or what follows them, or all."""
    first, pixels = 0, min(80, len(whole) // 2)
    if whole[128:132] == b"DICM":
        first, pixels = 132, max(whole.rfind(b"\xe0\x7f\x10\0"), whole.rfind(b"\x7f\xe0\0\x10"))
    return rng.choice(((first, pixels), (pixels, len(whole)), (first, len(whole))))


def _summed(data):
    """Give a PNG its checksums anew, that the damage may reach the decoder."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    out, place = bytearray(data[:8]), 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunk = data[place + 4 : place + 8 + length]
        out += data[place : place + 4] + chunk + struct.pack(">I", zlib.crc32(chunk))
        place += 12 + length
    return bytes(out + data[place:])


def main(progress, count, kinds):
    with Path("/proc/self/statm").open() as file:
        room = int(file.read().split()[0]) * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, whatever a decoder is at
    for kind in kinds:
        images, rng, read = MADE[kind](), random.Random(kind), 0
        for number in range(count):
            data = mutate(images[number % len(images)], rng)
            progress.write_bytes(b"%s %d\n%s" % (kind.encode(), number, data))
            signal.alarm(SECONDS)
            try:
                decode(data, READINGS[number // len(images) % len(READINGS)])
                read += 1
            except BadImage:  # and nothing else
                pass
            signal.alarm(0)
        print(f"{kind}: {read} read, {count - read} named")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(MADE))
