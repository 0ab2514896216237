"""Decode DICOM radiographs to grey levels as the file presents them, and report what is clipped."""

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radapt.errors import AskedWrongly, BadImage
from radapt.images.borders import Box, inside_borders
from radapt.images.depth import bands, paint
from radapt.images.dicom.codestream import codestream_size, lossy_12_bits
from radapt.images.dicom.header import (
    COMPRESSED,
    NATIVE,
    Opened,
    check_tools,
    guarded,
    overlaid_bits,
    real_of,
    text_of,
    whole_of,
)
from radapt.images.dicom.presentation import Lut, Mapping, Presentation, Window, map_levels
from radapt.images.dicom.rle import decode_rle
from radapt.images.memory_limits import check_memory, memory_needed_by_dicom
from radapt.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

BURNED_IN = "is left out: it says that text is burned into it (BurnedInAnnotation is YES)"
SOP_CLASSES = {  # PS3.4 annex B
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography Image Storage",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray Image Storage - For Presentation",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.3": "Multi-frame Grayscale Word Secondary Capture Image Storage",
}
_RAW_DETECTOR = "1.2.840.10008.5.1.4.1.1.1.1.1"

_NOT_12_BITS = (
    "is a DICOM file whose lossy JPEG of 12 bits is not read here. Install DCMTK (the package dcmtk), and "
    "unpack it with: dcmdjpeg FILE NEW_FILE"
)
_TAGS = (
    *(0x00080016, 0x00280301),  # SOPClassUID, BurnedInAnnotation
    *(0x00280002, 0x00280004, 0x00280008),  # samples, photometric, frames
    *(0x00280010, 0x00280011),  # rows, columns
    *(0x00280100, 0x00280101, 0x00280102, 0x00280103),  # bits allocated and stored, high bit, representation
    *(0x00280120, 0x00280121),  # pixel padding
    *(0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281056),  # window, rescale, VOI LUT function
    *(0x00283000, 0x00283010, 0x20500020),  # modality and VOI LUT sequences, PresentationLUTShape
    *range(0x60000102, 0x60200102, 0x20000),  # where overlays lie
)


@dataclass(frozen=True, slots=True, eq=False)
class DicomPicture:
    """The pixels of a DICOM file as grey levels, with the range of values behind them."""

    grey: Image.Image  # of mode "F" from 0 to 255, without trimmed borders
    width: int  # pixels in the file
    height: int
    bits: int  # BitsStored
    low: float  # the values, after rescaling, that are black and white (or white and black)
    high: float
    outside: float  # share of the pixels outside the two
    box: Box | None  # what trimming left of the whole; None: all


def read_picture(data: bytes, reading: Preprocessing, *, max_pixels: int) -> DicomPicture:
    """Read the pixels of a DICOM file as the file presents them, or by percentiles if requested.

    Parameters
    ----------
    data
        The file, with its preamble.
    reading
        The preprocessing; its size and resize mode are not applied here.
    max_pixels
        The largest Rows x Columns x SamplesPerPixel x NumberOfFrames.

    Raises
    ------
    BadImage
        If it is not a radiograph of one grey frame, has text burned in, is damaged, or packages are missing.
    """
    try:
        check_tools()
    except AskedWrongly as error:
        raise BadImage(f"is a DICOM file. {str(error).removesuffix('.')}") from None
    return guarded(lambda: _picture(data, reading, max_pixels))


@dataclass(frozen=True, slots=True)
class _Layout:
    """The layout of the pixels in the file: PS3.3 C.7.6.3."""

    rows: int
    columns: int
    allocated: int  # bits
    stored: int
    signed: bool


def _picture(data: bytes, reading: Preprocessing, max_pixels: int) -> DicomPicture:
    opened = Opened(BytesIO(data), _TAGS)
    header = opened.header
    _check_kind(opened)
    layout = _layout(header, max_pixels)
    size, compressed = layout.rows * layout.columns, opened.syntax in COMPRESSED
    check_memory(memory_needed_by_dicom(size, len(data), reading, compressed=compressed))
    show = _presentation(header, layout, reading)
    stored = _stored(opened, layout)
    grey, mapping = _mapped(stored, show)
    box = inside_borders(grey) if reading.trim else None
    if box is not None:
        left, top, right, bottom = box
        del grey  # frees memory: the next picture is as large
        grey, mapping = _mapped(stored[top:bottom, left:right], show)
    return DicomPicture(
        grey=grey,
        width=layout.columns,
        height=layout.rows,
        bits=layout.stored,
        low=mapping.low,
        high=mapping.high,
        outside=mapping.outside,
        box=box,
    )


def _mapped(stored: NDArray[Any], show: Presentation) -> tuple[Image.Image, Mapping]:
    """Map stored values to grey levels."""

    def places(band: slice) -> NDArray[np.int64]:
        return stored[band].astype(np.int64) - show.lowest

    counts = np.zeros(2**show.bits, dtype=np.int64)
    for band in bands(*stored.shape):
        counts += np.bincount(places(band).reshape(-1), minlength=len(counts))
    mapping = map_levels(show, counts)
    rows, columns = stored.shape
    return paint(rows, columns, lambda band: mapping.levels[places(band)]), mapping


def _check_kind(opened: Opened) -> None:
    """Refuse anything but a grey radiograph of one frame, For Presentation, without text burned in."""
    from pydicom._uid_dict import UID_dictionary

    kind, header = opened.sop_class, opened.header
    if kind == _RAW_DETECTOR:
        raise BadImage("holds a detector's raw values (For Processing); export the picture For Presentation")
    if kind not in SOP_CLASSES:
        name = UID_dictionary[kind][0] if kind in UID_dictionary else "of an unknown kind"
        raise BadImage(f"is a DICOM file, but not a radiograph ({name})")
    if text_of(header, "BurnedInAnnotation").upper() == "YES":
        raise BadImage(BURNED_IN)
    frames = whole_of(header, "NumberOfFrames", 1)
    if frames != 1:
        raise BadImage(f"is a DICOM file with {frames} frames; one is read")
    photometric, samples = (
        text_of(header, "PhotometricInterpretation"),
        whole_of(header, "SamplesPerPixel", 1),
    )
    if photometric not in ("MONOCHROME1", "MONOCHROME2") or samples != 1:
        raise BadImage("is a DICOM file in colour, or does not say that it is grey")


def _layout(header: "Dataset", max_pixels: int) -> _Layout:
    rows, columns = whole_of(header, "Rows"), whole_of(header, "Columns")
    if rows < 1 or columns < 1:
        raise BadImage("is a DICOM file that is damaged (it has no rows or columns)")
    if rows * columns > max_pixels:  # one sample, one frame
        raise BadImage(f"has more than {max_pixels // 1_000_000} million pixels")
    allocated = whole_of(header, "BitsAllocated")
    stored = whole_of(header, "BitsStored", allocated)
    high, signed = whole_of(header, "HighBit", stored - 1), whole_of(header, "PixelRepresentation", 0)
    if allocated not in (8, 16) or not 1 <= stored <= allocated or signed not in (0, 1):
        raise BadImage(
            f"is a DICOM file with {stored} of {allocated} bits a pixel, which radapt does not read"
        )
    if high != stored - 1:
        raise BadImage(f"is a DICOM file whose {stored} bits end at bit {high}, which radapt does not read")
    return _Layout(rows, columns, allocated, stored, bool(signed))


def _presentation(header: "Dataset", layout: _Layout, reading: Preprocessing) -> Presentation:
    slope, intercept = real_of(header, "RescaleSlope"), real_of(header, "RescaleIntercept")
    if slope == 0:
        raise BadImage("is a DICOM file that is damaged (its rescale slope is 0)")
    voi: Lut | Window | None = _lut(header, "VOILUTSequence", layout.signed or (intercept or 0) < 0)
    voi = _window(header) if voi is None else voi
    turned = text_of(header, "PresentationLUTShape").upper() == "INVERSE"
    return Presentation(
        bits=layout.stored,
        declared=layout.stored < layout.allocated or layout.stored == 8,
        signed=layout.signed,
        slope=1.0 if slope is None else slope,
        intercept=intercept or 0.0,
        modality=_lut(header, "ModalityLUTSequence", layout.signed),
        voi=voi,
        percentile=reading.intensity == "percentile",
        inverse=turned or text_of(header, "PhotometricInterpretation") == "MONOCHROME1",
        padding=_padding(header, layout),
    )


def _window(header: "Dataset") -> Window | None:
    """Return the first window; None if it has no width: it is then ignored, as in DCMTK."""
    centre, width = real_of(header, "WindowCenter"), real_of(header, "WindowWidth")
    function = text_of(header, "VOILUTFunction").upper() or "LINEAR"
    if centre is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None
    return Window(centre, width, function)


def _padding(header: "Dataset", layout: _Layout) -> tuple[int, int] | None:
    if header.get("PixelPaddingValue") is None:
        return None
    value = whole_of(header, "PixelPaddingValue")
    limit = whole_of(header, "PixelPaddingRangeLimit", value)
    if layout.signed:  # some files write it as an unsigned value
        half = 2 ** (layout.allocated - 1)
        value, limit = ((each + half) % (2 * half) - half for each in (value, limit))
    return value, limit


def _lut(header: "Dataset", name: str, below_zero: bool) -> Lut | None:
    """Read the first lookup table of a sequence, if there is one: PS3.3 C.11.1.1.1."""
    items: Any = header.get(name)
    if not items or not items[0].get("LUTDescriptor") or items[0].get("LUTData") in (None, "", b""):
        return None
    count, first, bits = (int(each) for each in items[0].LUTDescriptor)
    count = count % 2**16 or 2**16
    if below_zero and first >= 2**15:  # its sign was lost
        first -= 2**16
    data = items[0].LUTData
    if isinstance(data, bytes):
        order = "<" if header.original_encoding[1] is not False else ">"
        kind = "u1" if len(data) in (count, count + count % 2) else f"{order}u2"
        data = np.frombuffer(data[: count * np.dtype(kind).itemsize], dtype=kind)
    entries = np.asarray(data, dtype=np.float64).reshape(-1) % 2**16
    if len(entries) != count:
        raise BadImage("is a DICOM file that is damaged (its table of grey levels is not whole)")
    return Lut(first, entries, bits if 8 <= bits <= 16 else 0)


def _stored(opened: Opened, layout: _Layout) -> NDArray[Any]:
    """Decode the stored values, (rows, columns)."""
    data, kind = opened.pixel_data()
    if opened.syntax in NATIVE:
        little = NATIVE[opened.syntax][1]
        words = layout.allocated == 16 or kind == "OW"  # whose bytes are swapped: PS3.5 section 7.3
        pixels = _native(data if little or not words else _swapped(data), layout)
    else:
        from pydicom.encaps import get_frame

        frame = get_frame(data, 0, number_of_frames=1)
        if COMPRESSED[opened.syntax] == "RLE":
            pixels = decode_rle(frame, rows=layout.rows, columns=layout.columns, width=layout.allocated // 8)
        elif codestream_size(frame) != (layout.columns, layout.rows, 1):
            raise BadImage("is a DICOM file that is damaged (its compressed picture is of another size)")
        else:
            twelve_bits = lossy_12_bits(frame)
            del frame  # the decoder makes its own copy
            return _decoded(opened.syntax, data, layout, twelve_bits=twelve_bits)
    pixels = pixels.view(f"i{pixels.itemsize}") if layout.signed else pixels
    unused = layout.allocated - layout.stored  # bits above the value, which may hold overlays
    if unused:
        _check_beyond(pixels, layout, overlaid_bits(opened.header))
        pixels = pixels << unused
        pixels >>= unused
    return pixels


def _check_beyond(pixels: NDArray[Any], layout: _Layout, overlaid: int) -> None:
    """Refuse values that do not fit in BitsStored: cut to it, they would wrap round.

    The bits above a value are zero, or hold overlays, or in signed values repeat the sign.
    """
    unused = layout.allocated - layout.stored
    kept = np.dtype(f"u{pixels.itemsize}").type(2**layout.allocated - 1 - overlaid)
    bits, signs = 0, layout.signed
    for band in bands(*pixels.shape):
        words = pixels[band].view(kept.dtype) & kept
        bits |= int(np.bitwise_or.reduce(words, axis=None))
        if signs:
            within = ((pixels[band] << unused) >> unused).view(kept.dtype) & kept
            signs = np.array_equal(words, within)
    if bits >> layout.stored and not signs:
        raise BadImage(
            f"is a DICOM file that stores values beyond the {layout.stored} bits it declares (BitsStored)"
        )


def _swapped(data: bytes) -> NDArray[np.uint8]:
    """Swap the bytes of words of two bytes."""
    words = np.frombuffer(data, dtype=np.uint16, count=len(data) // 2)
    return words.byteswap().view(np.uint8)


def _native(data: bytes | NDArray[np.uint8], layout: _Layout) -> NDArray[Any]:
    whole = layout.rows * layout.columns * layout.allocated // 8
    if len(data) < whole:
        raise BadImage("is truncated")
    if len(data) > whole + 1 and len(data) >= 2 * whole:
        raise BadImage("is a DICOM file that holds more than the one frame it declares")
    pixels = np.frombuffer(data, dtype=f"<u{layout.allocated // 8}", count=layout.rows * layout.columns)
    return pixels.reshape(layout.rows, layout.columns)


def _decoded(syntax: str, data: bytes, layout: _Layout, *, twelve_bits: bool) -> NDArray[Any]:
    """Decode a JPEG or JPEG 2000 whose declared size has been checked."""
    from pydicom.pixels.decoders.base import get_decoder

    options: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "samples_per_pixel": 1,
        "number_of_frames": 1,
        "photometric_interpretation": "MONOCHROME2",
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored,
        "pixel_representation": int(layout.signed),
        "pixel_keyword": "PixelData",
    }
    try:
        decoder = get_decoder(syntax)
        pixels, _ = decoder.as_array(data, index=0, raw=True, decoding_plugin="pylibjpeg", **options)
    except RuntimeError:
        if twelve_bits:
            raise BadImage(_NOT_12_BITS) from None
        raise
    lowest = -(2 ** (layout.stored - 1)) if layout.signed else 0
    if pixels.shape != (layout.rows, layout.columns):
        raise BadImage("is a DICOM file that is damaged (it has another number of pixels than it declares)")
    if pixels.min() < lowest or pixels.max() >= lowest + 2**layout.stored:
        raise BadImage(
            f"is a DICOM file that is damaged (values beyond the {layout.stored} bits it declares)"
        )
    return pixels
