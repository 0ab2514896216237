import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from samples import CLASSES, make_images, trained_on

from radapt.artefacts import CLASSIFIER, WEIGHTS
from radapt.errors import AskedWrongly, BadArtefact, UnknownName, WrongFolder
from radapt.files import sha256
from radapt.models import checkpoint
from radapt.models.classifier import probabilities
from radapt.models.inference import logits_of, predict
from radapt.models.keras import load_keras
from radapt.models.pretrained import Weights
from radapt.models.summary import layers
from radapt.models.table import build, default_size, find_weights, new_spec

SMALL = {"compact": 32, "original-cnn": 46, "timm:test_vit": 160, "timm:test_resnet": 32}


@pytest.mark.parametrize("name", SMALL)
def test_every_model_gives_a_logit_a_class_and_features_that_its_head_takes(name):
    classifier = build(new_spec(name, ("A", "B", "C"), size=SMALL[name]), seed=0).eval()
    images = torch.from_numpy(make_images(3, size=SMALL[name]).pixels)
    with torch.no_grad():
        logits, features = classifier(images), classifier.embed(images)
        assert logits.shape == (3, 3)
        assert torch.equal(classifier.head(features), logits)
    assert all(list(classifier.trunk.get_submodule(block).parameters()) for block in classifier.blocks)
    named = {
        name
        for block in classifier.blocks
        for name, _ in classifier.trunk.get_submodule(block).named_parameters()
    }
    assert named


def test_the_seed_cnn_has_the_parameters_of_the_original():
    classifier = build(new_spec("original-cnn", CLASSES))
    counted = sum(t.numel() for name, t in classifier.state_dict().items() if not name.endswith("tracked"))
    assert counted == 2_577_858
    rows = layers(classifier)
    assert sum(layer.parameters + layer.statistics for layer in rows) == 2_577_858
    assert [layer.shape for layer in rows if layer.kind == "Conv2d"] == [
        (64, 148, 148),
        (128, 72, 72),
        (256, 34, 34),
        (256, 15, 15),
    ]
    assert build(new_spec("original-cnn", CLASSES, channels=1)).spec.channels == 1


def test_the_default_model_is_small():
    classifier = build(new_spec("compact", CLASSES))
    assert sum(p.numel() for p in classifier.parameters()) < 1_300_000
    assert (classifier.spec.size, classifier.spec.channels) == (128, 1)


@pytest.mark.parametrize(
    "file", ["weights_training_1.hdf5", "weights_training_1.weights.h5", "weights_training_1.keras"]
)
def test_keras_weights_give_what_keras_gave(shared: Path, file: str):
    golden = shared / "golden" / "keras_seed_cnn"
    expected = np.load(golden / "expected.npz")
    classifier = load_keras(golden / file)
    images = torch.from_numpy(expected["inputs"][..., 0])
    with torch.no_grad():
        outputs, features = classifier(images).sigmoid().numpy(), classifier.embed(images).numpy()
    np.testing.assert_allclose(outputs, expected["outputs"], atol=1e-5)
    np.testing.assert_allclose(features.mean(axis=1), expected["flatten_mean"], atol=1e-5)
    np.testing.assert_allclose(features.std(axis=1), expected["flatten_std"], atol=1e-5)


def test_a_file_that_is_not_keras_weights_is_refused(tmp_path):
    for name in ("weights.h5", "weights.keras"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(BadArtefact, match="could not be read as Keras weights"):
            load_keras(tmp_path / name)
    with pytest.raises(WrongFolder, match="There is no file"):
        load_keras(tmp_path / "none.h5")


def test_a_saved_classifier_comes_back_with_the_same_answers(tmp_path, hardware):
    images = make_images(10, size=32)
    classifier = build(new_spec("compact", CLASSES, size=32), seed=3).eval()
    checkpoint.save_classifier(classifier, tmp_path)
    again = checkpoint.load_classifier(tmp_path)
    assert np.array_equal(
        predict(classifier, images, hardware).scores, predict(again, images, hardware).scores
    )
    assert again.spec == classifier.spec


def test_of_a_study_a_model_is_named(tmp_path):
    cell = tmp_path / "cells" / "head-all-s0"
    cell.mkdir(parents=True)
    (cell / "classifier.json").touch()
    with pytest.raises(WrongFolder, match=f"is a study, whose models lie in .*such as {cell}"):
        checkpoint.load_classifier(tmp_path)


def test_damaged_or_foreign_artefacts_are_named(tmp_path):
    with pytest.raises(WrongFolder, match="does not exist"):
        checkpoint.load_classifier(tmp_path / "none")
    with pytest.raises(WrongFolder, match="holds no trained model"):
        checkpoint.load_classifier(tmp_path)
    checkpoint.save_classifier(build(new_spec("compact", CLASSES, size=32)), tmp_path)
    weights = tmp_path / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-5])
    with pytest.raises(BadArtefact, match="sha256 differs"):
        checkpoint.load_classifier(tmp_path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    classifier = build(new_spec("compact", CLASSES, size=32))
    checkpoint.save_classifier(classifier, tmp_path)
    tensors = {name: tensor.contiguous() for name, tensor in classifier.state_dict().items()}
    tensors["head.bias"] = torch.full_like(tensors["head.bias"], torch.nan)
    save_file(tensors, tmp_path / WEIGHTS)
    description = json.loads((tmp_path / CLASSIFIER).read_text())
    description["weights_sha256"] = sha256(tmp_path / WEIGHTS)
    (tmp_path / CLASSIFIER).write_text(json.dumps(description))
    with pytest.raises(BadArtefact, match="not finite"):
        checkpoint.load_classifier(tmp_path)


def test_weights_that_do_not_fit_their_description_are_refused(tmp_path):
    checkpoint.save_classifier(build(new_spec("compact", CLASSES, size=32)), tmp_path)
    description = json.loads((tmp_path / CLASSIFIER).read_text())
    description["classes"] = ["A", "B", "C"]
    (tmp_path / CLASSIFIER).write_text(json.dumps(description))
    with pytest.raises(BadArtefact, match="does not fit its description"):
        checkpoint.load_classifier(tmp_path)
    description["colour"] = "red"
    (tmp_path / CLASSIFIER).write_text(json.dumps(description))
    with pytest.raises(BadArtefact, match="not the description of a classifier"):
        checkpoint.load_classifier(tmp_path)


def test_pretrained_weights_are_read_from_a_file_with_their_colours_summed(tmp_path):
    import timm

    colour = timm.create_model("test_resnet", num_classes=1000)
    save_file(colour.state_dict(), tmp_path / "weights.safetensors")
    spec = new_spec("timm:test_resnet", CLASSES, size=32)
    grey = build(spec, pretrained=tmp_path / "weights.safetensors")
    stored = load_file(tmp_path / "weights.safetensors")
    first = next(name for name, tensor in stored.items() if tensor.ndim == 4)
    expected = stored[first].sum(dim=1, keepdim=True)
    torch.testing.assert_close(grey.trunk.network.state_dict()[first], expected)


def test_weights_of_a_file_are_known_by_what_is_in_it_wherever_it_lies(tmp_path):
    places = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for place in places:
        save_file({"the same": torch.ones(1)}, place)
    found = [find_weights("timm:test_resnet", place) for place in places]
    assert {each.name for each in found} == {hashlib.sha256(places[1].read_bytes()).hexdigest()}
    assert [each.start for each in found] == places
    assert find_weights("xrv:densenet121", places[0]).name == found[0].name


def test_timms_own_weights_are_known_by_name():
    for model in ("timm:test_resnet", "timm:test_resnet.r160_in1k"):
        assert find_weights(model, pretrained=True) == Weights("test_resnet.r160_in1k", start=True)
    assert find_weights("timm:test_resnet", pretrained=False) is None


def test_weights_that_there_are_none_of_are_refused(tmp_path):
    for model in ("compact", "original-cnn"):
        for asked in (True, Path("none.safetensors")):
            with pytest.raises(
                AskedWrongly, match=f"{model}' has no pretrained weights. Use one .*timm:NAME"
            ):
                find_weights(model, asked)
    with pytest.raises(AskedWrongly, match="timm has no pretrained weights of 'botnet50ts_256'"):
        find_weights("timm:botnet50ts_256", pretrained=True)
    with pytest.raises(AskedWrongly, match="There is no weights file none.pt"):
        find_weights("timm:test_resnet", Path("none.pt"))
    for model in ("timm:test_resnet", "xrv:densenet121"):
        with pytest.raises(AskedWrongly, match=r"is a folder, not a weights file.* Give a \.safetensors"):
            find_weights(model, tmp_path)
    (tmp_path / "text.safetensors").write_text("nothing of the kind")
    with pytest.raises(BadArtefact, match=r"text\.safetensors is no whole safetensors file"):
        find_weights("timm:test_resnet", tmp_path / "text.safetensors")
    with pytest.raises(UnknownName, match="Did you mean 'resnet18'"):
        find_weights("timm:resnet_18", pretrained=True)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_training_prediction_and_the_bank_work_on_a_gpu(tmp_path):
    from radapt.adaptation.strategy import AdaptContext
    from radapt.adaptation.table import STRATEGIES
    from radapt.device import select_device
    from radapt.training.recipe import Recipe

    gpu, processor = select_device("cuda", "fp32"), select_device("cpu", "fp32")
    images = make_images(120, size=32)
    classifier = build(new_spec("compact", CLASSES, size=32), seed=0)
    base = trained_on(classifier, images, Recipe(epochs=2), AdaptContext(gpu), valid=images)
    adapted = (
        STRATEGIES["head"].adapt(base, images, images, AdaptContext(gpu, state=tmp_path / "s.pt")).classifier
    )
    there, here = (predict(adapted, images, hardware).scores for hardware in (gpu, processor))
    np.testing.assert_allclose(there, here, atol=1e-4)


def test_unknown_models_and_impossible_ones_are_named():
    with pytest.raises(UnknownName, match="Did you mean 'compact'"):
        new_spec("compct", CLASSES)
    with pytest.raises(UnknownName, match="Did you mean 'resnet18'"):
        build(new_spec("timm:resnet_18", CLASSES))
    with pytest.raises(AskedWrongly, match="at least 46 x 46"):
        build(new_spec("original-cnn", CLASSES, size=40))
    with pytest.raises(AskedWrongly, match="no pretrained weights"):
        build(new_spec("compact", CLASSES), pretrained=True)
    with pytest.raises(AskedWrongly, match="There is no weights file"):
        build(new_spec("timm:resnet18", CLASSES, size=32), pretrained=Path("none.safetensors"))
    assert default_size("original-cnn") == 150


def test_images_of_another_size_or_other_classes_are_refused(hardware):
    classifier = build(new_spec("compact", CLASSES, size=32))
    with pytest.raises(AskedWrongly, match="32 x 32 pixels. Got 16 x 16"):
        predict(classifier, make_images(4), hardware)
    with pytest.raises(AskedWrongly, match="The model knows the classes A, B"):
        predict(build(new_spec("compact", ("A", "B"), size=16)), make_images(4), hardware)


def test_probabilities_sum_to_one_and_keep_the_likelier_class():
    logits = torch.tensor([[-40.0, -42.0], [3.0, 5.0], [0.0, 0.0]])
    for outputs in ("softmax", "sigmoid"):
        scores = probabilities(logits, outputs)
        torch.testing.assert_close(scores.sum(dim=1), torch.ones(3, dtype=torch.float64))
        assert scores.argmax(dim=1).tolist()[:2] == [0, 1]


def test_building_a_model_leaves_global_randomness_alone():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    build(new_spec("compact", CLASSES, size=32), seed=5)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("name", SMALL)
def test_a_processor_runs_as_many_images_at_a_time_as_its_cache_holds_and_none_is_lost(name, hardware):
    classifier = build(new_spec(name, CLASSES, size=SMALL[name]), seed=0).eval()
    images = torch.from_numpy(make_images(19, size=SMALL[name]).pixels)
    given = logits_of(classifier, images, hardware)
    with torch.no_grad():
        assert torch.allclose(given, classifier(images), atol=1e-5)
    wide = torch.nn.Conv2d(1, 64, 1)
    sizes: list[int] = []
    wide.register_forward_pre_hook(lambda _module, inputs: sizes.append(len(inputs[0])))
    logits_of(wide, torch.zeros(19, 1, 256, 256), hardware)
    assert sizes == [1, 1] + [1] * 18


def test_weights_of_a_timm_network_are_read_from_safetensors_alone(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({}, path)
    with pytest.raises(AskedWrongly, match=r"weights\.pt\. Give a \.safetensors file of 'test_resnet'"):
        build(new_spec("timm:test_resnet", CLASSES, size=32), pretrained=path)
