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


def test_what_its_maker_wrote_is_read():
    model = helper.make_model(helper.make_graph([], "g", [], []))
    onnx.helper.set_model_props(model, {"key": "value", "ä": "ö"})
    assert properties_of(model.SerializeToString()) == {"key": "value", "ä": "ö"}
