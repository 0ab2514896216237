"""Characteristics of images and patients are counted as they are, and their differences are standardised."""

from dataclasses import replace

import numpy as np
import pytest
from samples import make_images

from radapt.images.characteristics import MAX_LEVELS, OTHERS, characteristics


def with_columns(images, **columns):
    return replace(images, columns={name: np.array(values) for name, values in columns.items()})


def rows_of(found, name):
    return {row["level"]: row for row in found["rows"] if row["name"] == name}


@pytest.fixture
def source():
    # Two images of each patient: the first says no age of the second patient.
    return with_columns(make_images(4), age=["40", "40", "", "60"], sex=["F", "F", "M", "M"], view=["PA"] * 4)


@pytest.fixture
def target():
    images = make_images(6, name="other")
    return with_columns(images, age=["70", "70", "80", "80", "", ""], sex=["M"] * 6, view=["AP"] * 5 + [""])


def test_age_and_sex_are_of_patients_and_the_rest_of_images(source, target):
    table = characteristics({"one": source, "two": target}, ["one"], ["two"])
    assert table["groups"] == [
        {"name": "one", "images": 4, "patients": 2},
        {"name": "two", "images": 6, "patients": 3},
    ]
    (age,) = rows_of(table, "age").values()
    assert age["of"] == "patients"
    assert [(cell["value"], cell["known"], cell["missing"]) for cell in age["cells"]] == [
        (50.0, 2, 0),
        (75.0, 2, 1),
    ]
    assert age["cells"][0]["sd"] == pytest.approx(np.std([40, 60], ddof=1))
    women = rows_of(table, "sex")["F"]
    assert [(cell["count"], cell["value"]) for cell in women["cells"]] == [(1, 0.5), (0, 0.0)]
    views = rows_of(table, "view")
    assert [cell["missing"] for cell in views["PA"]["cells"]] == [0, 1]
    assert views["AP"]["of"] == "images"
    assert {row["name"] for row in table["rows"]} == {"prevalence", "age", "sex", "view"}


def test_differences_are_standardised_as_by_austin(source, target):
    found = characteristics({"one": source, "two": target}, ["one"], ["two"])
    (age,) = rows_of(found, "age").values()
    assert age["difference"] == pytest.approx((75 - 50) / np.sqrt((200 + 50) / 2))
    assert rows_of(found, "sex")["F"]["difference"] == pytest.approx((0 - 0.5) / np.sqrt((0.25 + 0) / 2))
    prevalence = rows_of(found, "prevalence")["PNEUMONIA"]
    one, two = 2 / 4, 2 / 6
    spread = np.sqrt((one * (1 - one) + two * (1 - two)) / 2)
    assert prevalence["difference"] == pytest.approx((two - one) / spread)
    assert rows_of(found, "view")["PA"]["difference"] is None, "neither side varies"


def test_several_groups_of_a_side_are_pooled_and_empty_ones_left_out(source, target):
    groups = {"train": source, "test": source.take([]), "other train": target.take([0, 1]), "other": target}
    found = characteristics(groups, ["train", "test"], ["other train", "other"])
    assert [group["name"] for group in found["groups"]] == ["train", "other train", "other"]
    assert found["compared"] == [["train"], ["other train", "other"]]
    women = rows_of(found, "sex")["F"]
    assert women["difference"] == pytest.approx(-0.5 / np.sqrt(0.125))
    alone = characteristics({"train": source}, ["train"], ["test"])
    assert alone["compared"] == [[], []]
    assert all(row["difference"] is None for row in alone["rows"])


def test_rare_values_are_counted_together_and_unknown_labels_as_missing():
    images = make_images(24)
    images = with_columns(images, site=[f"s{max(0, row - 10)}" for row in range(24)])
    sites = rows_of(characteristics({"all": images}), "site")
    assert len(sites) == MAX_LEVELS + 1
    assert sum(row["cells"][0]["count"] for row in sites.values()) == 24
    assert sites[OTHERS]["cells"][0]["count"] == 24 - 11 - (MAX_LEVELS - 1)
    labels = np.array([[1, 0], [np.nan, 0], [0, 1], [1, 1]], dtype=np.float32)
    several = replace(make_images(4), labels=labels)
    prevalences = rows_of(characteristics({"all": several}), "prevalence")
    cell = prevalences["NORMAL"]["cells"][0]
    assert (cell["count"], cell["known"], cell["missing"]) == (2, 3, 1)
    other = replace(make_images(4), classes=("HEALTHY", "EDEMA"))
    pair = rows_of(characteristics({"a": make_images(4), "b": other}), "prevalence")["PNEUMONIA"]
    assert [cell["missing"] for cell in pair["cells"]] == [0, 4]
