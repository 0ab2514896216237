"""The bytes of a file of ONNX tell what lies in it before anything opens it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from encoders import write_onnx
from onnx import TensorProto, helper

from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.onnx_content import check_alone, check_finite, properties_of


def test_weights_in_another_file_are_found_however_deep(tmp_path):
    check_alone(write_onnx(tmp_path / "alone.onnx").read_bytes(), Path("it"))
    for inside in (False, True):
        content = write_onnx(tmp_path / "out.onnx", external=True, inside=inside).read_bytes()
        with pytest.raises(AskedWrongly, match="in another file"):
            check_alone(content, Path("it"))


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        *[(TensorProto.FLOAT, True), (TensorProto.FLOAT, False), (TensorProto.FLOAT16, True)],
        *[(TensorProto.DOUBLE, True), (TensorProto.DOUBLE, False)],
    ],
)
def test_numbers_that_are_not_finite_are_found(kind, raw):
    for value, fine in ((1.0, True), (np.inf, False), (np.nan, False)):
        values = np.array([0.5, value, -2.0], helper.tensor_dtype_to_np_dtype(kind))
        weight = helper.make_tensor("w", kind, [3], values.tobytes() if raw else values, raw=raw)
        graph = helper.make_graph([], "g", [], [], [weight])
        content = helper.make_model(graph).SerializeToString()
        if fine:
            check_finite(content, Path("it"))
        else:
            with pytest.raises(BadArtefact, match="not finite"):
                check_finite(content, Path("it"))


def field(key, content):
    """A field of bytes, its key written as it is."""
    return varint(key) + varint(len(content)) + content


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def model_of(tensor):
    return field(7 << 3 | 2, field(5 << 3 | 2, tensor))


def test_a_key_that_other_readers_cut_to_that_of_another_field_is_refused():
    place = field(1 << 3 | 2, b"location") + field(2 << 3 | 2, b"../secret.bin")
    check_alone(model_of(field(8 << 3 | 2, b"w")), Path("it"))
    with pytest.raises(AskedWrongly, match="in another file"):
        check_alone(model_of(field(13 << 3 | 2, place)), Path("it"))
    for key in (13 << 3 | 2 | 1 << 32, 13 << 3 | 2 | 1 << 60, 2):
        with pytest.raises(BadArtefact, match="damaged"):
            check_alone(model_of(field(key, place)), Path("it"))
    long = bytes([varint(13 << 3 | 2)[0] | 128, 128, 128, 128, 128, 0])
    with pytest.raises(BadArtefact, match="damaged"):
        check_alone(model_of(long + varint(len(place)) + place), Path("it"))
    above = varint(1 << 3) + bytes([*[255] * 9, 127])
    with pytest.raises(BadArtefact, match="damaged"):
        check_alone(model_of(above), Path("it"))


def test_the_kind_of_a_tensor_cannot_be_given_in_two_ways():
    numbers = field(9 << 3 | 2, np.array([np.nan], "<f4").tobytes())
    for kinds in (varint(2 << 3) + varint(1 << 32 | 1), b"".join(varint(2 << 3) + varint(n) for n in (6, 1))):
        with pytest.raises(BadArtefact, match="damaged"):
            check_finite(model_of(kinds + numbers), Path("it"))


def test_what_its_maker_wrote_is_read():
    model = helper.make_model(helper.make_graph([], "g", [], []))
    onnx.helper.set_model_props(model, {"key": "value", "ä": "ö"})
    assert properties_of(model.SerializeToString()) == {"key": "value", "ä": "ö"}
