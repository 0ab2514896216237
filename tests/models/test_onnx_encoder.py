"""Frozen encoders in ONNX, made here in miniature, give what onnxruntime gives, and are never changed."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from encoders import write_onnx
from onnx import TensorProto, helper
from PIL import Image
from samples import CLASSES, make_images

from radapt.adaptation.feature_cache import FrozenPrefix
from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.table import STRATEGIES, check_suits
from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.checkpoint import load_classifier, model_digest, save_classifier
from radapt.models.inference import embed, predict
from radapt.models.table import build, new_spec
from radapt.runs.base import train_base
from radapt.study.plan import Plan
from radapt.training.recipe import Recipe

WORKING = ["none", "tta", "coral", "recalibrate", "knn", "prototype", "linear-probe", "head"]


def starting(path, **options):
    return build(new_spec(f"onnx:{path}", CLASSES, **options), seed=1).eval()


@pytest.mark.parametrize("batch", ["n", 1, 2])
def test_features_are_those_of_onnxruntime_on_its_own(batch, tmp_path, shared, hardware):
    path = write_onnx(tmp_path / "encoder.onnx", shape=(batch, 3, "h", "w"))
    files = sorted((shared / "data/chest_xray/test").glob("*/*"))[::200][:3]
    images = np.stack([np.array(Image.open(file).convert("L").resize((64, 64))) for file in files])
    base = starting(path, size=64)
    colour = np.repeat(images[:, None].astype(np.float32) / 255, 3, axis=1)
    mean, std = (
        np.array(each, np.float32)[:, None, None] for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    session = onnxruntime.InferenceSession(write_onnx(tmp_path / "open.onnx").read_bytes())
    own = session.run(None, {"images": (colour - mean) / std})[0]
    np.testing.assert_allclose(embed(base, images, hardware).numpy(), own, atol=1e-5, rtol=1e-5)
    assert FrozenPrefix(base, 1).fits(make_images(2, size=64), hardware)


def test_images_are_those_of_its_input_or_of_the_file_beside_it(tmp_path):
    path = write_onnx(tmp_path / "encoder.onnx", shape=("n", 1, 48, 48))
    spec = new_spec(f"onnx:{path}", CLASSES)
    assert (spec.size, spec.channels, spec.mean, spec.std) == (48, 1, 0.5, 0.25)
    spec = new_spec(f"onnx:{write_onnx(tmp_path / 'open.onnx')}", CLASSES)
    assert (spec.size, spec.channels, spec.std) == (224, 3, (0.229, 0.224, 0.225))
    beside = tmp_path / "open.onnx.json"
    beside.write_text(json.dumps({"size": 96, "mean": 0, "std": [1, 1, 2]}))
    spec = new_spec(f"onnx:{tmp_path / 'open.onnx'}", CLASSES)
    assert (spec.size, spec.channels, spec.mean, spec.std) == (96, 3, 0.0, (1.0, 1.0, 2.0))
    for wrong in (
        {"size": 1.5},
        {"std": 0},
        {"mean": [0.5, 0.5]},
        {"channels": 2},
        {"mean": "grey"},
        {"crop": 1},
    ):
        beside.write_text(json.dumps(wrong))
        with pytest.raises(AskedWrongly, match=r"open\.onnx"):
            new_spec(f"onnx:{tmp_path / 'open.onnx'}", CLASSES)


def test_training_changes_the_head_alone_and_the_run_opens_without_the_file(tmp_path, hardware):
    path = write_onnx(tmp_path / "encoder.onnx")
    content = path.read_bytes()
    base, images = starting(path, size=32), make_images(16, size=32)
    before = base.head.weight.clone()
    conditions = AdaptContext(hardware)
    trained = train_base(base, images, images, Recipe(), conditions, tune="head").classifier
    assert not torch.equal(trained.head.weight, before)
    path.unlink()
    save_classifier(trained, tmp_path / "run")
    assert (tmp_path / "run/encoder.onnx").read_bytes() == content
    again = load_classifier(tmp_path / "run")
    one, other = (predict(each, images, hardware).scores for each in (trained, again))
    assert (one == other).all()
    write_onnx(tmp_path / "run/encoder.onnx", shape=("n", 3, 32, 32))
    with pytest.raises(BadArtefact, match="is not the encoder of this model: its sha256 differs"):
        load_classifier(tmp_path / "run")


def test_another_encoder_has_another_digest(tmp_path):
    one = starting(write_onnx(tmp_path / "one.onnx"), size=32)
    other = starting(write_onnx(tmp_path / "other.onnx", shape=("n", 3, 32, 32)), size=32)
    assert model_digest(one) != model_digest(other)


@pytest.mark.parametrize("name", WORKING)
def test_strategies_that_use_features_work_on_it(name, tmp_path, hardware):
    base, images = starting(write_onnx(tmp_path / "encoder.onnx"), size=32), make_images(16, size=32)
    check_suits(base.spec.model, [name])
    adapted = STRATEGIES[name].adapt(base, images, None, AdaptContext(hardware, epochs=2, source=images))
    scores = predict(adapted.classifier, images, hardware).scores
    assert np.isfinite(scores).all()
    assert torch.equal(
        embed(adapted.classifier, images.pixels, hardware), embed(base, images.pixels, hardware)
    )


def test_strategies_that_would_change_it_are_refused_with_those_that_work(tmp_path):
    model = f"onnx:{write_onnx(tmp_path / 'encoder.onnx')}"
    for name in STRATEGIES.keys() - set(WORKING):
        with pytest.raises(
            AskedWrongly, match=f"{name} would change it. These work on it: {', '.join(WORKING)}"
        ):
            check_suits(model, [name])
    check_suits("compact", STRATEGIES)
    with pytest.raises(AskedWrongly, match="full would change it"):
        Plan(model=model, strategies=("none", "head", "full"), shift="original")
    assert Plan(model=model, shift="original").strategies == ("none", "recalibrate", "linear-probe")


@pytest.mark.parametrize("inside", [False, True])
def test_a_file_that_points_to_another_is_refused_before_it_is_opened(inside, tmp_path, monkeypatch):
    path = write_onnx(tmp_path / "encoder.onnx", external=True, inside=inside)
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(AskedWrongly, match="keeps its weights in another file"):
        new_spec(f"onnx:{path}", CLASSES)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "encoder.onnx"
    with pytest.raises(AskedWrongly, match="There is no file"):
        new_spec(f"onnx:{path}", CLASSES)
    whole = write_onnx(path).read_bytes()
    for content in (b"", b"text", whole[:100], b"\x00\x00\x00\x00ORTM" + bytes(40)):
        path.write_bytes(content)
        with pytest.raises(BadArtefact, match="is no ONNX file, or a damaged one"):
            new_spec(f"onnx:{path}", CLASSES)
    write_onnx(path, outputs=("maps", "pooled"))
    with pytest.raises(
        AskedWrongly, match=r"one output \(n, d\).* It gives maps \(1, 8, 8, 8\), pooled \(1, 8, 1, 1\)"
    ):
        starting(path, size=32)
    assert starting(write_onnx(path, outputs=("maps", "features")), size=32).head.in_features == 8
    with pytest.raises(
        AskedWrongly, match=r"does not take images of 64 x 64 .* Its input is \['n', 3, 32, 32\]"
    ):
        starting(write_onnx(path, shape=("n", 3, 32, 32)), size=64)
    write_onnx(path)
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ("n",)))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(AskedWrongly, match=r"must take one input .* It takes images .*, mask"):
        new_spec(f"onnx:{path}", CLASSES)
