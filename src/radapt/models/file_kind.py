"""What a model's file is, by its content: a program, a state dict, weights of Keras, or none of these."""

import io
import zipfile
from pathlib import Path

from radapt.archives import DAMAGE
from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.weights_file import BEGINNING

STATE, KERAS = "state dict", "keras"
TAKEN = (
    "TorchScript (torch.jit.save), a program of torch.export (.pt2), ONNX (.onnx), a state dict "
    "(.safetensors or torch.save), or the original's CNN from Keras (.h5, .keras)"
)
HDF5 = b"\x89HDF\r\n\x1a\n"
PICKLE = (b"\x80", b"c", b"(", b"]", b"}")  # how pickles begin


def kind_of(path: Path) -> str:
    """Return "torchscript", "torch.export", "onnx", "state dict" or "keras".

    Raises
    ------
    AskedWrongly
        If there is no such file, or it is a pickle or of another kind.
    BadArtefact
        If it is empty or a damaged archive.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise AskedWrongly(f"{path} {what}. Give a file of a model: {TAKEN}.")
    with path.open("rb") as file:
        begins = file.read(64)
    if not begins:
        raise BadArtefact(f"{path.name} is empty. Give a file of a model: {TAKEN}.")
    if begins.startswith(b"PK\x03\x04"):
        return _in_archive(path)
    if path.suffix == ".safetensors" or begins.startswith(BEGINNING):
        return STATE
    if begins.startswith(HDF5) or path.suffix in (".h5", ".hdf5", ".keras"):
        return KERAS
    if path.suffix == ".onnx":
        return "onnx"
    if begins.startswith(PICKLE):
        raise AskedWrongly(
            f"{path.name} is a pickle, a program for Python that radapt does not run, and no file that "
            f"PyTorch writes. Give {TAKEN}."
        )
    raise AskedWrongly(f"{path.name} is no file of a model that radapt knows. Give {TAKEN}.")


def _in_archive(path: Path) -> str:
    """Return what a zip archive holds."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
            names = [name.rpartition("/")[2] for name in archive.namelist()]
    except (*DAMAGE, ValueError) as error:
        raise BadArtefact(
            f"{path.name} is a damaged or truncated archive ({error}). Copy it again, or save the model anew."
        ) from None
    for name, kind in {
        "constants.pkl": "torchscript",
        "archive_format": "torch.export",
        "model.weights.h5": KERAS,
        "data.pkl": STATE,
    }.items():
        if name in names:
            return kind
    if "serialized_exported_program.json" in names:
        raise AskedWrongly(
            f"{path.name} was exported by PyTorch 2.8 or earlier: export it again with 2.9 or later."
        )
    raise AskedWrongly(f"{path.name} is an archive, but not of a model. Give {TAKEN}.")
