import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from samples import make_dataset, make_images, write_images

from radapt.drift.features import extract_features
from radapt.drift.monitor import find_drift
from radapt.drift.reference import ABOUT, read_reference
from radapt.images.load import LoadOptions, load_dataset
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.table import build, new_spec
from radapt.predictions import Predictions

IMAGES = make_dataset(train=240, test=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), IMAGES)


@pytest.fixture
def trained(folder, tmp_path_factory, radapt):
    """A run whose patients are told from the names of its files."""
    out = tmp_path_factory.getbasetemp() / "drift-run"
    if not out.exists():
        words = ("--size", 32, "--epochs", 2, "--precision", "fp32", "--patient-regex", "file", "--out", out)
        assert radapt("train", folder, *words)[0] == 0
    return out


def other(folder):
    """Sixty images whose grey levels are turned round, without labels."""
    for row, pixels in enumerate(make_images(60, seed=9).pixels):
        folder.mkdir(exist_ok=True)
        Image.fromarray(255 - pixels).save(folder / f"image{row}.png")
    return folder


def test_images_of_the_source_raise_no_alarm(trained, folder, radapt):
    code, out, _ = radapt("drift", trained, folder, "--patient-regex", "file", "--json", "--strict")
    document = json.loads(out)
    assert (code, document["alarm"]) == (0, False)
    assert document["images"] == {
        "reference": 24,
        "new": 60,
    }  # its test images, not those that it has learned
    assert document["performance_change"][0]["metric"] == "accuracy"
    assert {"name", "statistic", "p"} <= document["tests"][0].keys()


def test_images_that_differ_raise_an_alarm_which_a_gate_can_use(trained, tmp_path, radapt):
    new = other(tmp_path / "new")
    code, out, err = radapt("drift", trained, new)
    assert code == 0
    assert "Images differ, by these tests" in out
    assert "Only labels can show" in out
    assert "its images are read without labels" in err
    assert radapt("drift", trained, new, "--strict")[0] == 1


def test_another_mixture_of_classes_alone_has_an_exit_code_of_its_own(trained, tmp_path, radapt):
    rows = np.flatnonzero(IMAGES["test"].labels)
    rows = np.concatenate([rows, np.flatnonzero(IMAGES["test"].labels == 0)[:2]])
    few = replace(IMAGES, splits={"test": IMAGES["test"].take(rows)})
    new = write_images(tmp_path / "few", few)
    code, out, _ = radapt("drift", trained, new, "--patient-regex", "file", "--json", "--strict")
    document = json.loads(out)
    assert (code, document["verdict"], document["alarm"]) == (3, "mixture", False)
    code, out, _ = radapt("drift", trained, new, "--patient-regex", "file")
    assert code == 0
    said = "No difference in the images beyond that was found"
    assert out.index("The mixture of classes differs, by labels") < out.index(said)
    assert "This share and the images below are not corrected for a different mixture" in out


def test_a_simulated_shift_can_be_watched_for(trained, folder, radapt):
    words = ("--patient-regex", "file", "--shift", "inversion", "--part", "train", "--max-images", 80)
    code, out, _ = radapt("drift", trained, folder, *words)
    assert code == 0
    assert "80 new images were compared with 24: the reference of" in out
    assert "80 new patients and 24 of the reference" in out
    assert "Images differ" in out
    assert "worse" in out or "inconclusive" in out


def test_a_run_without_a_reference_takes_other_images_for_one(trained, folder, tmp_path, radapt):
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("classifier.json", "model.safetensors", "run.json"):
        (bare / name).write_bytes((trained / name).read_bytes())
    assert not (bare / ABOUT).exists()
    new = other(tmp_path / "new")
    code, _, err = radapt("drift", bare, new)
    assert code == 2
    assert "Give --reference DATA" in err
    words = ("--reference", folder, "--patient-regex", "file", "--json")
    code, out, _ = radapt("drift", bare, new, *words)
    document = json.loads(out)
    assert (code, document["alarm"], document["images"]["reference"]) == (0, True, 60)


@pytest.mark.slow
def test_real_images_of_another_hospital_or_damaged_raise_an_alarm_and_another_mixture_does_not(
    shared, tmp_path, radapt, hardware
):
    source, run = shared / "data" / "chest_xray", tmp_path / "run"
    words = ("--size", 64, "--fold", "1/5", "--epochs", 2, "--steps", 25, "--precision", "fp32", "--out", run)
    assert radapt("train", source, *words)[0] == 0
    assert radapt("drift", run, shared / "data" / "nih_adult", "--strict")[0] == 1
    assert (
        radapt("drift", run, source, "--strict")[0] == 3
    )  # its test images are of healthy patients more often
    for damage in ("rotation@3", "underexposure@3"):
        assert radapt("drift", run, source, "--shift", damage, "--strict")[0] == 1

    classifier = load_classifier(run)
    reference, images = (
        read_reference(run, classifier),
        load_dataset(source, LoadOptions(size=classifier.spec.size))["train"],
    )
    left_out = Predictions.load(run / "predictions" / "source-test.parquet").ids
    others = extract_features(classifier, images.take(np.isin(images.ids, left_out)), hardware)
    rng, alarms = np.random.default_rng(0), 0
    for seed in range(10):
        hundred = others.take(np.isin(others.patients, rng.permutation(others.people)[:100]))
        names = [str(row) for row in range(len(hundred))]
        alarms += find_drift(reference, hundred, names, seed=seed)["alarm"]
    assert alarms <= 2


@pytest.mark.parametrize("command", ["evaluate", "drift"])
def test_what_became_of_the_rows_of_a_table_is_in_the_json(command, tmp_path, radapt):
    images = make_images(160, size=32)
    rows = ["image,patient,sick"]
    for row, pixels in enumerate(images.pixels):
        Image.fromarray(np.asarray(pixels)).save(tmp_path / f"{row}.png")
        label = -1 if row < 4 else "" if row < 6 else images.labels[row]
        rows.append(f"{row}.png,{images.patients[row]},{label}")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(rows) + "\n")
    save_classifier(build(new_spec("compact", ("No sick", "sick"), size=32)), tmp_path)
    columns = ["--label", "sick", "--images", "image", "--patient", "patient"]
    words = [command, tmp_path, table, *columns, "--json", "--uncertain", "ones"]
    own = ["--reference", table] if command == "drift" else ["--part", "all"]
    code, out, err = radapt(*words, *own)
    assert code == 0, err
    document = json.loads(out)
    assert (document["rows"], document["uncertain"]) == (160, {"present": 4})
    assert sum(document["left_out"].values()) == 2
