"""An exported model goes to a hub with its card, and comes back as what it was."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hub_server import serve_hub
from PIL import Image
from samples import CLASSES, make_images

from radapt.artefacts import PREDICTIONS, RECORD
from radapt.errors import AskedWrongly, BadArtefact, RadaptError
from radapt.evaluation.thresholds import Rule, Threshold
from radapt.exporting.hub import check_name, pull, pulled, push
from radapt.files import write_document
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.inference import scores_of
from radapt.models.table import build, new_spec
from radapt.runs.folder import thresholds_of_run


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serve_hub("secret") as served:
        for name, value in (
            ("HF_ENDPOINT", served.address),
            ("HF_TOKEN", "secret"),
            ("HF_HOME", str(tmp_path)),
        ):
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        yield served


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    save_classifier(build(new_spec("compact", ("NORMAL", "PNEUMONIA"), size=32)).eval(), folder)
    (folder / PREDICTIONS).mkdir()
    (folder / PREDICTIONS / "validation.parquet").write_text("Jane Doe")
    record = {"strategy": "none", "images": 0, "pretrained": False, "notices": []}
    data = {"name": "chest", "fingerprint": "ab12cd34", "split_rule": "folders", "patient_rule": "name"}
    command = ["radapt", "train", "/home/doe/chest"]
    more = {"data_set": data, "provenance": {"command": " ".join(command)}}
    write_document(folder / RECORD, record | more)
    return folder


def test_a_pushed_model_is_pulled_again(hub, run, pair, hardware):
    address = push("hospital/chest", run, pair.written)
    assert address == f"{hub.address}/hospital/chest"
    there = hub.models["hospital/chest"]
    assert sorted(there) == [
        "README.md",
        "classifier.json",
        "model.onnx",
        "model.safetensors",
        "model_card.json",
        "run.json",
    ]
    assert not hub.public
    assert there["README.md"].startswith(b"---\nlicense: other\nlibrary_name: radapt\n")
    assert b"no medical device" in there["README.md"]
    assert json.loads(there["model_card.json"])["file"]["sha256"] == pair.written.sha256
    for secret in (b"Jane Doe", b"/home/doe", b"ab12cd34"):
        assert not any(secret in content for content in there.values())
    assert json.loads(there["model_card.json"])["name"] == "hospital/chest"
    pixels = make_images(2, size=32).pixels
    again, own = load_classifier(pulled(Path("hf:hospital/chest"))), load_classifier(run)
    np.testing.assert_array_equal(scores_of(again, pixels, hardware), scores_of(own, pixels, hardware))


@pytest.mark.usefixtures("hub")
def test_a_pulled_model_decides_as_the_file_that_was_pushed_with_it(run, pair, radapt, tmp_path):
    chosen = {"PNEUMONIA": Threshold(1.0, Rule("youden"), "chosen on 9 images")}
    rows = {name: each.as_dict() for name, each in chosen.items()}
    push("me/m", run, replace(pair.written, metadata=replace(pair.written.metadata, thresholds=rows)))
    for number, image in enumerate(make_images(3, size=40).pixels):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    code, printed, err = radapt("predict", "hf:me/m", *sorted(tmp_path.glob("*.png")), "--json")
    assert code == 0, err
    assert [row["label"] for row in json.loads(printed)["images"]] == ["NORMAL"] * 3
    assert thresholds_of_run(pull("me/m"), CLASSES, None, exclusive=True) == chosen
    write_document(run / RECORD, {"thresholds": {"OTHER": rows["PNEUMONIA"]}})
    with pytest.raises(BadArtefact, match="damaged thresholds"):
        thresholds_of_run(run, CLASSES, None, exclusive=True)


def test_a_model_is_public_only_where_that_is_asked_for(hub, run, pair):
    push("a/open", run, pair.written, public=True)
    assert hub.public == {"a/open"}
    before = dict(hub.models["a/open"])
    with pytest.raises(AskedWrongly, match="give --public too"):
        push("a/open", run, replace(pair.written, sha256="0"))
    assert hub.models["a/open"] == before


def test_commands_take_a_model_of_a_hub_by_its_name(hub, pair, radapt, tmp_path, monkeypatch):
    hub.models["a/b"] = {"model.onnx": pair.written.path.read_bytes()}
    Image.fromarray(make_images(1, size=40).pixels[0]).save(tmp_path / "image.png")
    code, printed, err = radapt("predict", "hf:a/b", tmp_path / "image.png")
    assert (code, "1 of 1 image was read." in printed) == (0, True), err
    code, _, err = radapt("predict", "hf:a/none", tmp_path / "image.png")
    assert (code, "has no model a/none" in err) == (2, True)
    monkeypatch.chdir(tmp_path)
    code, _, err = radapt("export", tmp_path, "--hub", "chest", "--out", "model.onnx")
    assert (code, "named OWNER/NAME" in err) == (2, True)


def test_a_model_with_a_file_of_onnx_alone_is_that_file(hub, pair):
    hub.models["a/b"] = {"model.onnx": pair.written.path.read_bytes(), "other.bin": b"not fetched"}
    path = pull("a/b")
    assert path.read_bytes() == pair.written.path.read_bytes()
    assert not (path.parent / "other.bin").exists()
    hub.models["a/none"] = {"config.json": b"{}"}
    with pytest.raises(AskedWrongly, match="no model that `radapt export --hub` pushed"):
        pull("a/none")


def test_what_a_hub_refuses_is_said_in_one_sentence(hub, run, pair, monkeypatch):
    with pytest.raises(AskedWrongly, match="has no model a/missing"):
        pull("a/missing")
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(RadaptError, match="HF_TOKEN"):
        push("a/b", run, pair.written)
    assert not hub.models


def test_names_and_paths_are_told_apart(tmp_path, monkeypatch):
    for name in ("", "chest", "../chest", "a/b/c", "a/../b", "a b/c"):
        with pytest.raises(AskedWrongly, match="OWNER/NAME"):
            check_name(name)
    assert pulled(tmp_path) == tmp_path
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hf:run").mkdir()
    assert str(pulled(tmp_path / "hf:run")) == str(tmp_path / "hf:run")
