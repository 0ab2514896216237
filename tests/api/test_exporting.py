"""A model is exported from Python as by the command."""

import pytest
from samples import CLASSES

import radapt
from radapt.errors import AskedWrongly
from radapt.models.table import build, new_spec


def test_a_model_becomes_a_file(tmp_path):
    model = build(new_spec("original-cnn", CLASSES, size=50)).eval()
    written = radapt.export(model, tmp_path / "model.weights.h5", format="keras", threshold=0.3)
    assert written.path.stat().st_size == written.bytes
    assert written.metadata.thresholds["PNEUMONIA"]["value"] == 0.3
    assert written.agreement.largest < 1e-6
    with pytest.raises(AskedWrongly, match=r"ends in \.onnx"):
        radapt.export(model, tmp_path / "model.pt")
    with pytest.raises(AskedWrongly, match="no image in"):
        radapt.export(model, tmp_path / "model.onnx", tmp_path / "none.png")
