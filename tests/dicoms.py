"""DICOM files that tests write."""

import io

import numpy as np
import pydicom
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE, JPEG2000, JPEG2000_LOSSLESS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.90"
JPEG, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS, JPEG_LOSSLESS_FIRST = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
PACKED = (RLE, JPEG2000_LOSSLESS)  # by pydicom
CR, DX, SECONDARY = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("1", "1.1", "7"))
RAW, CT = "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.2"


def make_dataset(values, bits=None, **tags):
    """Give a CR image of these values (rows, columns) with these tags; None takes one away."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CR, generate_uid(entropy_srcs=["image"])
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "MRN-4711"
    dataset.Modality, dataset.Manufacturer, dataset.ViewPosition = "CR", "Maker", "PA"
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = 8 * values.dtype.itemsize
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    for name, value in tags.items():
        if value is None:
            dataset.pop(name, None)
        else:
            setattr(dataset, name, value)
    return dataset


def make_dicom(values, *, syntax=EXPLICIT, bits=None, code=None, **tags):
    """Give the bytes of a DICOM file; `code` is its compressed picture, if it is not made here."""
    dataset = make_dataset(values, bits, **tags)
    order = ">" if syntax == BIG else "<"
    dataset.PixelData = values.astype(values.dtype.newbyteorder(order)).tobytes()
    dataset["PixelData"].VR = "OB" if values.dtype.itemsize == 1 and syntax != IMPLICIT else "OW"
    dataset.file_meta.TransferSyntaxUID = syntax if code or syntax not in PACKED else EXPLICIT
    if code is not None:
        dataset.PixelData = encapsulate([code])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    elif syntax in PACKED:
        dataset.compress(syntax, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    return saved(dataset)


def uid(*parts):
    """Give an identifier made of these parts."""
    return generate_uid(entropy_srcs=[str(part) for part in parts])


def radiograph(number, *, values=None, **tags):
    """Give a DX image of a chest, of a patient and a study of its own, as a PACS holds it."""
    if values is None:
        values = np.random.default_rng(number).integers(0, 4096, (40, 32)).astype(np.uint16)
    about = {
        "SOPClassUID": DX,
        "Modality": "DX",
        "BodyPartExamined": "CHEST",
        "PatientName": f"Doe^Jane{number}",
        "PatientID": f"MRN-{number}",
        "StudyDate": "20240131",
        "StudyInstanceUID": uid("study", number),
        "SeriesInstanceUID": uid("series", number),
        "SOPInstanceUID": uid("image", number),
    }
    return make_dicom(values, bits=12, **(about | tags))


def saved(dataset):
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def jpeg(values):
    """Give a JPEG of 8-bit values."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, "JPEG", quality=95)
    return out.getvalue()


def lossless_jpeg(values, precision):
    """Give a lossless JPEG (ITU-T T.81 annex H) in which each value is predicted by the one before it."""
    rows, columns = values.shape
    left = np.empty((rows, columns), dtype=np.int64)
    left[:, 1:] = values[:, :-1]
    left[1:, 0] = values[:-1, 0]
    left[0, 0] = 2 ** (precision - 1)
    differences = (values.astype(np.int64) - left).ravel().tolist()
    bits = []
    for difference in differences:
        size = abs(difference).bit_length()  # of which there are 17, each with a code of 5 bits
        bits.append(f"{size:05b}")
        if 0 < size < 16:
            bits.append(f"{difference if difference > 0 else difference + 2**size - 1:0{size}b}")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = bytes([precision]) + rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + b"\1\1\x11\0"
    codes = b"\0" + bytes([0, 0, 0, 0, 17, *[0] * 11]) + bytes(range(17))
    scan = b"\1\1\0\1\0\0"

    def segment(marker, content):
        return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content

    return b"".join(
        (b"\xff\xd8", segment(0xC3, frame), segment(0xC4, codes), segment(0xDA, scan), data, b"\xff\xd9")
    )


def pydicoms(name):
    """Give the values and the codestream of a file that comes with pydicom."""
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    return dataset, next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))


def lut(first, entries, bits, kind="US"):
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries) % 2**16, first, bits])
    item.add_new("LUTData", kind, entries if kind == "US" else np.asarray(entries, "<u2").tobytes())
    return [item]
