import json

import pytest
from outcomes import outcome
from samples import CLASSES, make_dataset, make_images, trained_on, write_images

from radapt.adaptation.strategy import AdaptContext
from radapt.errors import AskedWrongly
from radapt.images.imageset import Dataset
from radapt.models.checkpoint import save_classifier
from radapt.models.table import build, new_spec
from radapt.study.advice import AdviceOptions, advise, next_step
from radapt.study.comparison import differences
from radapt.training.recipe import Recipe


@pytest.fixture(scope="module")
def base(hardware):
    classifier = build(new_spec("compact", CLASSES, size=16), seed=0)
    recipe = Recipe(epochs=6, batch_size=16)
    return trained_on(classifier, make_images(96), recipe, AdaptContext(hardware))


def inverted(count=64):
    images = make_images(count, seed=5, name="new")
    return images.with_pixels(255 - images.pixels)


def test_advice_tries_every_strategy_on_images_of_other_patients(base, hardware):
    advice = advise(
        base, inverted(), AdviceOptions(("norm-refresh", "recalibrate", "head"), 24), hardware=hardware
    )
    assert (advice["labels"], advice["unlabelled"]) == (24, 64)
    rows = {row["strategy"]: row for row in advice["estimates"] if row["metric"] == "accuracy"}
    assert list(rows) == ["none", "norm-refresh", "recalibrate", "head"]
    assert {name: row["budget"] for name, row in rows.items()} == {
        "none": 0,
        "norm-refresh": 0,
        "recalibrate": 24,
        "head": 24,
    }
    assert all(row["n"] == 24 for row in rows.values())
    assert "With 24 labelled images" in advice["recommendation"]
    assert json.dumps(advice, allow_nan=False)


def test_source_images_and_new_are_told_apart_where_they_differ(base, hardware):
    question = AdviceOptions(("recalibrate",), 16)
    far = advise(base, inverted(), question, hardware=hardware, old=make_images(64))
    near = advise(base, make_images(64, seed=3, name="n"), question, hardware=hardware, old=make_images(64))
    assert far["domain_classifier_auroc"] > 0.95
    assert near["domain_classifier_auroc"] < 0.75
    assert "on these cross-validated labelled images" in near["recommendation"]
    assert "test set" not in near["recommendation"]


@pytest.mark.parametrize(("accuracy", "words"), [(0.9, "Next: confirm head"), (0.5, "Next: keep the model")])
def test_the_next_step_follows_from_what_was_shown(accuracy, words):
    rows = differences([outcome("none", 0.5), outcome("head", accuracy, seed=1)])
    result = {"differences": [row.as_dict() for row in rows]}
    assert next_step(result, "runs/train", "other").startswith(words)


def test_more_labels_than_there_are_take_all_and_say_so(tmp_path, base, radapt):
    save_classifier(base, tmp_path / "run")
    images = make_images(40, size=base.spec.size)
    write_images(tmp_path / "images", Dataset({"train": images}, make_dataset().origin))
    words = [
        "advise",
        tmp_path / "run",
        tmp_path / "images",
        "--labels",
        100000,
        "--strategies",
        "recalibrate",
    ]
    code, out, err = radapt(*words, "--json")
    document = json.loads(out)
    assert (code, document["asked"], document["labels"], document["unlabelled"]) == (0, 100000, 40, 40)
    code, _, err = radapt(*words)
    assert "100,000 labels were asked for. There are 40 labelled images, and all were used." in err


def test_a_class_of_one_patient_is_too_little_to_advise_on(base, hardware):
    with pytest.raises(AskedWrongly, match="at least two patients of every class. Got 4 images"):
        advise(base, inverted().take([0, 1, 2, 3]), AdviceOptions(), hardware=hardware)
