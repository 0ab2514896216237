"""A reference travels with its model, and is refused to any other."""

import hashlib
import json

import numpy as np
import pytest
from samples import CLASSES, make_dataset, make_images

from radapt.drift.features import extract_features
from radapt.drift.pixels import grey_statistics
from radapt.drift.reference import ABOUT, MAX_IMAGES, NUMBERS, read_reference, write_reference
from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.checkpoint import load_classifier
from radapt.models.inference import predict
from radapt.models.table import build, new_spec
from radapt.runs.adapt import AdaptOptions, adapt_model
from radapt.runs.holdout import split_validation
from radapt.runs.train import TrainOptions, train_model
from radapt.training.recipe import Recipe


@pytest.fixture(scope="module")
def classifier():
    return build(new_spec("compact", CLASSES, size=16), seed=0)


@pytest.fixture
def kept(classifier, hardware, tmp_path):
    write_reference(classifier, make_images(30), tmp_path, hardware, about={"of": "squares"})
    return tmp_path


def test_a_reference_is_what_the_model_sees(classifier, hardware, kept):
    looks, images = read_reference(kept, classifier), make_images(30)
    assert looks.features.shape[0] == len(looks) == 30
    assert np.allclose(looks.scores, predict(classifier, images, hardware).scores, atol=1e-6)
    assert (looks.labels == images.labels).all()
    assert (looks.greys == grey_statistics(images.pixels)).all()
    assert looks.people == 15
    assert json.loads((kept / ABOUT).read_text())["of"] == "squares"


def test_a_reference_names_no_image_and_no_patient(kept):
    data = (kept / NUMBERS).read_bytes() + (kept / ABOUT).read_bytes()
    assert b"image-" not in data


def test_a_reference_is_of_whole_patients_and_no_more_than_a_thousand_images(classifier, hardware, tmp_path):
    images = make_images(MAX_IMAGES + 101)
    write_reference(classifier, images, tmp_path, hardware, about={})
    looks = read_reference(tmp_path, classifier)
    assert MAX_IMAGES - 2 < len(looks) <= MAX_IMAGES
    assert (np.bincount(looks.patients) == 2).sum() >= looks.people - 1


def test_a_run_without_a_reference_says_what_to_give(classifier, tmp_path):
    with pytest.raises(AskedWrongly, match="no reference to compare images with.*Give --reference DATA"):
        read_reference(tmp_path, classifier)


def test_the_reference_of_another_model_is_refused(kept):
    other = build(new_spec("compact", CLASSES, size=16), seed=1)
    with pytest.raises(BadArtefact, match="the reference of another model"):
        read_reference(kept, other)


def test_a_reference_without_grey_statistics_is_refused(classifier, kept):
    from safetensors.numpy import load, save

    arrays = load((kept / NUMBERS).read_bytes())
    data = save({name: values for name, values in arrays.items() if name != "greys"})
    (kept / NUMBERS).write_bytes(data)
    about = json.loads((kept / ABOUT).read_text())
    (kept / ABOUT).write_text(json.dumps({**about, "sha256": hashlib.sha256(data).hexdigest()}))
    with pytest.raises(BadArtefact, match="could not be read: 'greys'"):
        read_reference(kept, classifier)


def test_a_damaged_reference_is_refused(classifier, kept):
    data = bytearray((kept / NUMBERS).read_bytes())
    data[-1] ^= 1
    (kept / NUMBERS).write_bytes(data)
    with pytest.raises(BadArtefact, match="its sha256 differs"):
        read_reference(kept, classifier)
    (kept / ABOUT).write_text("[]")
    with pytest.raises(BadArtefact, match="is not a JSON object.*Give --reference DATA"):
        read_reference(kept, classifier)


def test_training_leaves_a_reference_of_images_that_did_not_train(hardware, tmp_path):
    data = make_dataset(train=200)
    recipe = Recipe(epochs=1, batch_size=16)
    record = train_model(data, tmp_path / "base", TrainOptions(recipe=recipe), hardware=hardware)
    base = load_classifier(tmp_path / "base")
    looks, (_, valid) = read_reference(tmp_path / "base", base), split_validation(data["train"], seed=0)
    assert len(looks) == record["validated_on"]["images"] == 20
    assert np.allclose(looks.features, extract_features(base, valid, hardware).features, atol=1e-5)

    adapt_model(base, data, tmp_path / "head", AdaptOptions("head", epochs=1), hardware=hardware)
    assert len(read_reference(tmp_path / "head", load_classifier(tmp_path / "head"))) == 40
    adapt_model(base, data, tmp_path / "few", AdaptOptions("head", budget=20, epochs=1), hardware=hardware)
    assert not (tmp_path / "few" / ABOUT).exists()
