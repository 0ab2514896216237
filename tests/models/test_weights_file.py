"""Weights files that were made to do harm: numbers alone are taken from them, and none claims without end."""

import re
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from radapt.errors import AskedWrongly, BadArtefact, RadaptError
from radapt.images.medmnist import read_medmnist
from radapt.images.preprocessing import Preprocessing
from radapt.models.keras import load_keras
from radapt.models.weights_file import read_tensors

h5py = pytest.importorskip("h5py")

SHAPES = {
    **{f"conv2d{n}": [(3, 3, 1 if not n else 4, 4), (4,)] for n in ("", "_1", "_2", "_3")},
    **{f"batch_normalization{n}": [(4,)] * 4 for n in ("", "_1", "_2", "_3")},
    "dense": [(4, 4), (4,)],
    "dense_1": [(4, 4), (4,)],
    "dense_2": [(4, 2), (2,)],
}
KERNEL = "layers/conv2d_1/vars/0"


def keras_file(path: Path) -> h5py.File:
    """Weights laid out as Keras lays them out, to be spoilt."""
    file = h5py.File(path, "w")
    for layer, shapes in SHAPES.items():
        for place, shape in enumerate(shapes):
            file[f"layers/{layer}/vars/{place}"] = np.ones(shape, np.float32)
    return file


def external_storage(file, secret):
    secret.write_bytes(np.ones(144, np.float32).tobytes())
    file.create_dataset(KERNEL, (3, 3, 4, 4), "f4", external=[(str(secret), 0, 576)])


def virtual(file, secret):
    with h5py.File(secret, "w") as other:
        other["x"] = np.ones((3, 3, 4, 4), np.float32)
    layout = h5py.VirtualLayout((3, 3, 4, 4), "f4")
    layout[:] = h5py.VirtualSource(str(secret), "x", (3, 3, 4, 4))
    file.create_virtual_dataset(KERNEL, layout)


def external_link(file, secret):
    with h5py.File(secret, "w") as other:
        other["x"] = np.ones((3, 3, 4, 4), np.float32)
    file[KERNEL] = h5py.ExternalLink(str(secret), "x")


def dangling(file, _):
    file[KERNEL] = h5py.SoftLink("/nowhere")


def text(file, _):
    file[KERNEL] = "a text"


def scalar(file, _):
    file[KERNEL] = 1.0


def texts(file, _):
    file.create_dataset(KERNEL, (3, 3, 4, 4), h5py.string_dtype())


def references(file, _):
    file.create_dataset(KERNEL, (3, 3, 4, 4), h5py.ref_dtype)


def records(file, _):
    file.create_dataset(KERNEL, (3, 3, 4, 4), [("a", "f4"), ("b", "i4")])


def nothing(file, _):
    file[KERNEL] = h5py.Empty("f4")


def empty(file, _):
    file[KERNEL] = np.ones((0, 3, 4, 4), np.float32)


def huge(file, _):
    file.create_dataset(KERNEL, (3, 3, 1 << 19, 1 << 18), "f4", chunks=(1, 1, 64, 64))


HARMS = {
    external_storage: "'layers/conv2d_1/vars/0' lies in another file",
    virtual: "'layers/conv2d_1/vars/0' lies in another file",
    external_link: "'layers/conv2d_1/vars/0' is a link",
    dangling: "'layers/conv2d_1/vars/0' is a link",
    text: "'layers/conv2d_1/vars/0' is no array of numbers",
    scalar: "'layers/conv2d_1/vars/0' is no array of numbers of 4 dimensions",
    texts: "is no array of numbers",
    references: "is no array of numbers",
    records: "is no array of numbers",
    nothing: "is no array of numbers",
    empty: "is no array of numbers",
    huge: "its weights claim 4,947,80",
}


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_keras_file_is_refused_by_what_is_wrong_in_it_before_it_is_read(harm, ending, tmp_path):
    path = tmp_path / "weights.h5"
    with keras_file(path) as file:
        del file[KERNEL]
        harm(file, tmp_path / "secret")
    if ending == ".keras":
        with zipfile.ZipFile(tmp_path / "weights.keras", "w") as archive:
            archive.write(path, "model.weights.h5")
    with pytest.raises(BadArtefact, match=re.escape(HARMS[harm])) as refused:
        load_keras(path.with_suffix(ending))
    assert "\n" not in str(refused.value)


def without_bias(file):
    del file["layers/dense_1/vars/1"]


def no_square(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = np.ones((6, 4), np.float32)


def one_more(file):
    file["layers/conv2d/vars/2"] = np.ones(4, np.float32)


def no_such_size(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = np.ones((4 * 99**2, 4), np.float32)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (without_bias, "dense_1 has 1 arrays of 2"),
        (no_square, "6 inputs are no square of 4 maps"),
        (one_more, "'layers/conv2d/vars/2' is no array of such a layer"),
        (no_such_size, "No image size gives maps of 99 x 99"),
    ],
)
def test_a_keras_file_of_another_network_is_refused(change, says, tmp_path):
    with keras_file(tmp_path / "weights.h5") as file:
        change(file)
    with pytest.raises(RadaptError, match=says):
        load_keras(tmp_path / "weights.h5")


def saved(path: Path) -> Path:
    torch.save({"a": torch.ones(100)}, path)
    return path


def repacked(path: Path, content: bytes, inside: str) -> Path:
    """A file of PyTorch's in which one part is replaced by a compressed other."""
    with zipfile.ZipFile(saved(path)) as whole:
        parts = {each.filename: whole.read(each) for each in whole.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, content if name.endswith(inside) else part)
    return path


def test_weights_of_a_zip_that_claims_a_hundred_times_its_size_are_refused_unread(tmp_path):
    path = repacked(tmp_path / "bomb.pt", bytes(300_000_000), "/data/0")
    tracemalloc.start()
    with pytest.raises(BadArtefact, match=r"claim to unpack to 300,\d{3},\d{3}"):
        read_tensors(path)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_weights_as_pytorch_writes_them_pass(tmp_path):
    assert read_tensors(saved(tmp_path / "whole.pt"))["a"].sum() == 100
    torch.save({"a": torch.zeros(5_000_000)}, tmp_path / "zeros.pt")
    assert len(read_tensors(tmp_path / "zeros.pt")["a"]) == 5_000_000


def header(text: str, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text.encode()


def tensor(kind: str, shape: str, place: str) -> bytes:
    return header(f'{{"a":{{"dtype":{kind},"shape":{shape},"data_offsets":{place}}}}}') + bytes(4)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        header("{}", 1 << 63),
        header("{}", 1 << 40),
        header("{}", 3),
        header("[" * 100_000),
        header("[]"),
        header('{"a":1}'),
        tensor('"F32"', "[1000000000000]", "[0,4]"),
        tensor('"F32"', "[1]", "[0,4000000000000]"),
        tensor('"F32"', "[4294967296,4294967296,4294967296]", "[0,4]"),
        tensor('"F32"', "[-1]", "[0,4]"),
        tensor('"F32"', "[1]", "[4,0]"),
        tensor("3", "[1]", "[0,4]"),
    ],
)
def test_a_safetensors_file_that_claims_more_than_it_holds_is_refused(content, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadArtefact, match=r"x\.safetensors is") as refused:
        read_tensors(path)
    assert "\n" not in str(refused.value)


def npz(path: Path, **parts: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(f"{name}.npy", part)
    return path


def npy(shape: str, content: bytes = b"", kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (npy("(1000000000, 60, 60)", bytes(100)), "'train_images.npy' claims 3,600,000,000,000 bytes of"),
        (npy("(4, 60)", bytes(240), "|O"), "claims"),
        (npy("(" * 4000), "is no array"),
        (b"text", "is no array"),
        (npy("(80000, 60, 60)", bytes(288_000_000)), "claim to unpack to 288,"),
    ],
    ids=["huge", "objects", "nested", "text", "bomb"],
)
def test_arrays_that_claim_more_than_their_file_holds_are_refused(part, says, tmp_path):
    path = npz(tmp_path / "x.npz", train_images=part, train_labels=npy("(4, 1)", bytes(4)))
    with pytest.raises(AskedWrongly, match=says) as refused:
        read_medmnist(path, Preprocessing(28))
    assert "\n" not in str(refused.value)
