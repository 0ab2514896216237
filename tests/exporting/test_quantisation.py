"""A network in 8 bits is smaller, nearly the same, and says what it costs on test images."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from exporting_samples import AT, RECORD
from samples import make_dataset

from radapt.errors import AskedWrongly
from radapt.exporting.export import export_int8
from radapt.exporting.onnx_file import serialise
from radapt.exporting.onnx_model import read_onnx_model
from radapt.exporting.quantisation import calibration_images, cost_of_int8, quantised
from radapt.images.imageset import Dataset
from radapt.images.leaks import pixel_digests
from radapt.models.inference import predict


@pytest.fixture(scope="module")
def data():
    return make_dataset(train=24, val=8, test=24, size=24)


def test_only_the_network_counts_in_8_bits(rich, data, tmp_path):
    made = quantised(onnx.load(rich.written.path), data["train"].pixels)
    about = read_onnx_model(rich.written.path).metadata
    (tmp_path / "q.onnx").write_bytes(serialise(made, replace(about, int8={})))
    model = read_onnx_model(tmp_path / "q.onnx", threads=1)
    pixels = data["test"].pixels
    own = read_onnx_model(rich.written.path).predict_pixels(pixels)
    assert 0 < np.abs(model.predict_pixels(pixels) - own).max() < 0.05
    convolutions = [node for node in made.graph.node if node.op_type == "Conv"]
    produced = {name: node.op_type for node in made.graph.node for name in node.output}
    assert {produced[node.input[0]] for node in convolutions} == {"DequantizeLinear"}
    assert "QuantizeLinear" not in {
        produced.get(node.input[0]) for node in made.graph.node if node.op_type == "CumSum"
    }


def test_its_cost_is_in_the_file_with_an_interval(pair, tmp_path, hardware, monkeypatch):
    from radapt.exporting import quantisation

    monkeypatch.setattr(quantisation, "onnx_of", lambda _: onnx.load(pair.written.path))
    monkeypatch.setattr(quantisation, "export_program", lambda _: None)
    data = make_dataset(train=24, val=8, test=24, size=32)
    out = tmp_path / "model.onnx"
    written = export_int8(pair.classifier, RECORD, out, data, hardware, thresholds=AT)
    cost = read_onnx_model(out, threads=1).metadata.int8
    assert (cost["measured_on"], cost["images"]) == (24, 24)
    assert cost["change"]["low"] <= cost["change"]["value"] <= cost["change"]["high"]
    given = read_onnx_model(out, threads=1).predict(data["test"])
    assert cost_of_int8(pair.classifier, given, data["test"], hardware)["change"] == cost["change"]
    assert predict(pair.classifier, data["test"], hardware).classes == given.classes
    assert "AUROC changes by" in cost["sentence"]
    assert "of 24 decisions" in cost["sentence"]
    assert "the thresholds of the file; whether the model learned" in cost["sentence"]
    own = predict(pair.classifier, data["test"], hardware)
    at = float(own.scores[0, 1])
    others = replace(own, scores=own.scores - np.array([-1e-9, 1e-9]))
    learned = pixel_digests(data["test"])[:5]
    more = {"thresholds": {"PNEUMONIA": at}, "learned": learned}
    cost = cost_of_int8(pair.classifier, others, data["test"], hardware, **more)
    assert (cost["flipped"], cost["learned_from"]) == (int((own.scores[:, 1] == at).sum()), 5)
    assert "the model learned from 5 of these images" in cost["sentence"]
    assert written.bytes == out.stat().st_size


def test_a_data_set_without_such_images_is_refused(data):
    with pytest.raises(AskedWrongly, match="give a data set with both"):
        calibration_images(Dataset({"test": data["test"]}, data.origin))
