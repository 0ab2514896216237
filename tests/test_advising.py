import json

import pytest

from conftest import CLASSES, make_images
from radapt.adapt.strategy import Conditions
from radapt.adapt.tuning import train_all
from radapt.advising import Question, advise
from radapt.errors import AskedWrongly
from radapt.models.table import build, new_spec
from radapt.recipe import Recipe


@pytest.fixture(scope="module")
def base(hardware):
    classifier = build(new_spec("compact", CLASSES, size=16), seed=0)
    recipe = Recipe(epochs=6, batch_size=16)
    return train_all(classifier, make_images(96), None, recipe, Conditions(hardware)).classifier


def inverted(films=64):
    images = make_images(films, seed=5, name="new")
    return images.with_pixels(255 - images.pixels)


def test_advice_tries_every_strategy_on_films_of_other_patients(base, hardware):
    found = advise(base, inverted(), Question(("norm-refresh", "recalibrate", "head"), 24), hardware=hardware)
    assert (found["labels"], found["unlabelled"]) == (24, 64)
    rows = {row["strategy"]: row for row in found["estimates"] if row["metric"] == "accuracy"}
    assert list(rows) == ["none", "norm-refresh", "recalibrate", "head"]
    assert {name: row["budget"] for name, row in rows.items()} == {
        "none": 0,
        "norm-refresh": 0,
        "recalibrate": 24,
        "head": 24,
    }
    assert all(row["n"] == 24 for row in rows.values())
    assert "With 24 labelled films" in found["recommendation"]
    assert json.dumps(found, allow_nan=False)


def test_old_films_and_new_are_told_apart_where_they_differ(base, hardware):
    question = Question(("recalibrate",), 16)
    far = advise(base, inverted(), question, hardware=hardware, old=make_images(64))
    near = advise(base, make_images(64, seed=3, name="n"), question, hardware=hardware, old=make_images(64))
    assert far["told_apart"] > 0.95
    assert near["told_apart"] < 0.75


def test_a_class_of_one_patient_is_too_little_to_advise_on(base, hardware):
    with pytest.raises(AskedWrongly, match="two patients at least of every class. Got 4 films"):
        advise(base, inverted().take([0, 1, 2, 3]), Question(), hardware=hardware)
