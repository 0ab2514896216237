"""Weights files that were made to do harm: numbers alone are taken from them, and none claims without end."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from radapt.errors import BadArtefact, RadaptError
from radapt.models.keras import load_keras

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
        (no_such_size, "No film size gives maps of 99 x 99"),
    ],
)
def test_a_keras_file_of_another_network_is_refused(change, says, tmp_path):
    with keras_file(tmp_path / "weights.h5") as file:
        change(file)
    with pytest.raises(RadaptError, match=says):
        load_keras(tmp_path / "weights.h5")
