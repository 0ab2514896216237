"""Imported models give the scores of their own libraries, and what is no such model is refused."""

import json
import pickle
import zipfile

import numpy as np
import onnxruntime
import pytest
import torch
from encoders import write_onnx
from programs import SIZE, WIDTH, Small, Tiny, Whole, save_all, save_exported, save_script
from samples import CLASSES, make_dataset, make_images
from torch import nn

from radapt.adaptation.table import check_suits, suitable
from radapt.errors import AskedWrongly, BadArtefact, RadaptError
from radapt.files import read_document, write_document
from radapt.models.checkpoint import load_classifier
from radapt.models.inference import predict
from radapt.report.folder import read_folder
from radapt.report.run_text import lead
from radapt.runs.adapt import AdaptOptions, adapt_model
from radapt.runs.imported import ImportOptions, Scaling, import_model, open_model

SCALING = Scaling(mean=(0.5,), std=(0.25,))
OPTIONS = ImportOptions(CLASSES, size=SIZE, channels=1, scaling=SCALING)
IMAGES = make_images(12, size=SIZE)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return save_all(tmp_path_factory.mktemp("files"))


def options_of(kind, **changed):
    model = {"model": "compact"} if kind == "state dict" else {}
    return ImportOptions(CLASSES, size=SIZE, channels=1, scaling=SCALING, **model, **changed)


def own_scores(kind, path):
    """The softmax of what the file's own library gives for the images, scaled by hand."""
    x = ((torch.from_numpy(IMAGES.pixels).unsqueeze(1).float() / 255) - 0.5) / 0.25
    with torch.no_grad():
        if kind == "torchscript":
            with pytest.warns(FutureWarning):
                logits = torch.jit.load(path)(x)[0]
        elif kind == "torch.export":
            logits = torch.export.load(path).module()(x)[0]
        elif kind == "onnx":
            session = onnxruntime.InferenceSession(path)
            logits = torch.from_numpy(session.run(["scores"], {"images": x.numpy()})[0])
        else:
            network = Whole(seed=1)
            network.load_state_dict(torch.load(path, weights_only=True))
            logits = network.eval()(x)[0]
    return logits.double().softmax(dim=1).numpy()


@pytest.mark.parametrize("kind", ["torchscript", "torch.export", "onnx", "state dict"])
def test_scores_are_those_of_the_file_s_own_library(kind, files, tmp_path, hardware):
    out = tmp_path / "run"
    record = import_model(files[kind], out, options_of(kind), hardware=hardware)
    assert record["file"]["kind"] == kind
    assert str(tmp_path) not in json.dumps(record)
    scores = predict(load_classifier(out), IMAGES, hardware).scores
    np.testing.assert_allclose(scores, own_scores(kind, files[kind]), atol=1e-5)
    assert import_model(files[kind], out, options_of(kind), hardware=hardware) == record
    with pytest.raises(AskedWrongly, match="other work"):
        import_model(files[kind], out, options_of(kind, threshold=0.3), hardware=hardware)


@pytest.mark.parametrize("file", ["weights_training_1.weights.h5", "weights_training_1.keras"])
def test_keras_weights_become_a_run_that_gives_what_keras_gave(file, shared, tmp_path, hardware):
    golden = shared / "golden" / "keras_seed_cnn"
    expected = np.load(golden / "expected.npz")
    record = import_model(golden / file, tmp_path / "run", ImportOptions(CLASSES), hardware=hardware)
    assert record["file"]["kind"] == "keras"
    classifier = load_classifier(tmp_path / "run")
    with torch.no_grad():
        outputs = classifier(torch.from_numpy(expected["inputs"][..., 0])).sigmoid().numpy()
    np.testing.assert_allclose(outputs, expected["outputs"], atol=1e-5)
    adapted = AdaptOptions("head", budget=8, epochs=1, steps=1)
    side = classifier.spec.size
    data = make_dataset(train=24, test=20, size=side)
    assert adapt_model(classifier, data, tmp_path / "adapted", adapted, hardware=hardware)["images"] == 8


def test_keras_weights_of_another_size_than_asked_are_refused(shared, tmp_path, hardware):
    file = shared / "golden" / "keras_seed_cnn" / "weights_training_1.keras"
    with pytest.raises(AskedWrongly, match="was made for --size 150. Got 224"):
        import_model(file, tmp_path / "run", ImportOptions(CLASSES, size=224), hardware=hardware)


def test_a_run_opens_without_the_file_and_refuses_another_in_its_place(files, tmp_path, hardware):
    copy, out = tmp_path / "mine.pt", tmp_path / "run"
    copy.write_bytes(files["torchscript"].read_bytes())
    import_model(copy, out, OPTIONS, hardware=hardware)
    copy.unlink()
    before = predict(load_classifier(out), IMAGES, hardware).scores
    assert np.ptp(before) > 0
    save_script(Small(seed=3), out / "imported.pt")
    with pytest.raises(BadArtefact, match="its sha256 differs"):
        load_classifier(out)
    (out / "imported.pt").unlink()
    with pytest.raises(BadArtefact, match="Import it again"):
        load_classifier(out)


def test_of_an_adapted_import_nothing_is_said_of_what_it_was_started_from(files, tmp_path, hardware):
    run, out = tmp_path / "run", tmp_path / "out"
    import_model(files["torchscript"], run, OPTIONS, hardware=hardware)
    assert "once started from the file network.pt, which was imported" in lead(read_folder(run))
    data = make_dataset(train=16, val=8, test=16, size=SIZE)
    adapt_model(load_classifier(run), data, out, AdaptOptions("none"), hardware=hardware)
    assert "once started from" not in lead(read_folder(out))
    write_document(out / "run.json", {**read_document(out / "run.json"), "source": "fingerprint"})
    assert "once started from random weights" in lead(read_folder(out))


def test_one_probability_or_logit_is_that_of_the_second_class(tmp_path, hardware):
    path = save_script(Tiny(), tmp_path / "tiny.pt")
    grey = IMAGES.pixels.mean(axis=(1, 2)) / 255
    plain = ImportOptions(CLASSES, size=SIZE, channels=1)
    guessed = open_model(path, plain)
    assert guessed.spec.gives == "probabilities"
    np.testing.assert_allclose(predict(guessed, IMAGES, hardware).scores[:, 1], grey, atol=1e-6)
    logits = open_model(path, ImportOptions(CLASSES, size=SIZE, channels=1, gives="logits"))
    np.testing.assert_allclose(
        predict(logits, IMAGES, hardware).scores[:, 1], 1 / (1 + np.exp(-grey)), atol=1e-6
    )
    wide = ImportOptions(CLASSES, size=SIZE, channels=1, gives="probabilities", scaling=Scaling(0, 255))
    with pytest.raises(AskedWrongly, match="no probabilities"):
        open_model(path, wide)


@pytest.mark.parametrize(("kind", "name"), [("torch.export", "penultimate"), ("onnx", "features")])
def test_a_file_with_features_is_a_feature_extractor(kind, name, files, hardware):
    plain, featured = (
        open_model(files[kind], OPTIONS),
        open_model(files[kind], options_of(kind, features=name)),
    )
    np.testing.assert_array_equal(
        predict(featured, IMAGES, hardware).scores, predict(plain, IMAGES, hardware).scores
    )
    assert featured.head.in_features == plain.head.in_features + WIDTH
    names = ["none", "tta", "recalibrate", "linear-probe", "prototype", "full", "norm-refresh"]
    assert suitable(plain.spec.model, names) == ("none", "tta", "recalibrate")
    assert suitable(featured.spec.model, names) == tuple(names[:5])
    also = "coral, knn, prototype, linear-probe, head work too"
    with pytest.raises(AskedWrongly, match=f"does not train, and linear-probe would train more.*{also}"):
        check_suits(plain.spec.model, ["linear-probe"])


def test_a_head_of_one_number_becomes_one_of_two(tmp_path, hardware):
    network = Whole().eval()
    network.head = nn.Linear(256, 1)
    torch.save({f"module.{name}": each for name, each in network.state_dict().items()}, tmp_path / "one.pt")
    opened = open_model(tmp_path / "one.pt", options_of("state dict"))
    x = opened.prepare(torch.from_numpy(IMAGES.pixels))
    with torch.no_grad():
        own = network(x)[0].sigmoid()[:, 0].numpy()
    np.testing.assert_allclose(predict(opened, IMAGES, hardware).scores[:, 1], own, atol=1e-6)


class Reads(nn.Module):
    """Writes a file when it is run."""

    def forward(self, x):
        torch.save(x, "taken.pt")
        return x.mean(dim=(1, 2, 3)).unsqueeze(1)


class Random(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x.flatten(1)[:, :2] + 1, 0.5, True)


def hostile(folder, files):
    """Files that are refused, with words of the sentence and what is said of them."""
    state = torch.load(files["state dict"], weights_only=True)
    broken = {**state, "head.weight": torch.full_like(state["head.weight"], torch.nan)}
    spoilt = Small()
    nn.init.constant_(spoilt.head.weight, torch.nan)
    (folder / "pickle.pt").write_bytes(pickle.dumps({"a": 1}, protocol=4))
    torch.save(broken, folder / "nan.pt")
    for kind, name in (("torchscript", "cut.pt"), ("torch.export", "cut.pt2"), ("onnx", "cut.onnx")):
        (folder / name).write_bytes(files[kind].read_bytes()[:-300])
    (folder / "empty.pt").touch()
    write_onnx(folder / "outside.onnx", external=True)
    save_exported(spoilt.eval(), folder / "nan.pt2")
    save_script(spoilt, folder / "nan-script.pt")
    with pytest.warns(FutureWarning):
        torch.jit.script(Reads()).save(folder / "reads.pt")
    save_script(Random(), folder / "random.pt")
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    network = options_of("state dict")
    return {
        "pickle.pt": ("is a pickle", OPTIONS),
        "nan.pt": ("not finite", network),
        "cut.pt": ("damaged", OPTIONS),
        "cut.pt2": ("damaged", OPTIONS),
        "cut.onnx": ("damaged", OPTIONS),
        "empty.pt": ("is empty", OPTIONS),
        "outside.onnx": ("another file", ImportOptions(CLASSES, size=32, channels=3)),
        "nan.pt2": ("not finite", OPTIONS),
        "nan-script.pt": ("not finite", OPTIONS),
        "reads.pt": ("names 'save'", OPTIONS),
        "random.pt": ("training mode", OPTIONS),
        "other.zip": ("an archive, but not of a model", OPTIONS),
        "missing.pt": ("does not exist", OPTIONS),
    }


def test_hostile_files_are_refused_in_a_sentence(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, (words, options) in hostile(tmp_path, files).items():
        with pytest.raises(RadaptError) as refused:
            open_model(tmp_path / name, options)
        assert words in str(refused.value), (name, str(refused.value))
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "taken.pt").exists()


WRONG = {
    "channels of a program": (
        "torchscript",
        {"channels": 3},
        "does not take images of 16 x 16 with 3 channels",
    ),
    "channels of an export": ("torch.export", {"channels": 3}, "takes images of 1 channel. Got 3"),
    "size": ("onnx", {"size": 32}, "takes images of 16 pixels. Got 32: give --size 16"),
    "no size": ("torchscript", {"size": None}, "give --size in pixels and --channels 1 or 3"),
    "classes": ("onnx", {"classes": ("a", "b", "c")}, "must give 3 scores an image"),
    "one class": ("onnx", {"classes": ("a",)}, "--classes takes the names"),
    "a network": ("onnx", {"model": "compact"}, "leave --model compact out"),
    "no network": ("state dict", {"model": None}, "give the network as --model"),
    "another network": ("state dict", {"model": "original-cnn", "size": 64}, "it lacks"),
    "channels of weights": ("state dict", {"channels": 3}, "See --channels"),
    "outputs of weights": ("state dict", {"gives": "logits"}, "leave --features"),
    "an output": ("onnx", {"features": "nothing"}, "has no output 'nothing'"),
    "gives": ("onnx", {"gives": "votes"}, "--gives is logits or probabilities"),
    "means": ("onnx", {"scaling": Scaling(mean=(0.5, 0.5))}, "one number, or one a channel"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_the_file_is_refused_in_a_sentence(case, files):
    kind, changed, words = WRONG[case]
    given = {"model": "compact"} if kind == "state dict" else {}
    given |= {"classes": CLASSES, "size": SIZE, "channels": 1, "scaling": SCALING, **changed}
    with pytest.raises(RadaptError, match=words.replace("(", r"\(")):
        open_model(files[kind], ImportOptions(**given))
