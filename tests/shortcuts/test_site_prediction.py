"""A pooled set whose images give their site away is warned of."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import collection
from pages import Page
from samples import make_images

from radapt.auditing.sites import find_sites
from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.table import TableOptions
from radapt.report.render import render
from radapt.runs.train import TrainOptions, train_model
from radapt.shortcuts.baselines import thumbnail
from radapt.shortcuts.site_prediction import SitePrediction, predict_sites, rows_of_large_sites, site_record
from radapt.stats.estimate import Estimate
from radapt.training.recipe import recipe_for


def of_sites(count: int, apart: int, *, seed: int = 0, sites: tuple[str, ...] = ("east", "west")) -> ImageSet:
    """Images of sites in turn, patient by patient, of which each is so much brighter than the one before."""
    images = make_images(count, seed=seed, size=32, name=f"s{seed}")
    number = np.arange(count) // 4 % len(sites)
    pixels = images.pixels + (apart * number[:, None, None]).astype(np.uint8)
    return replace(images, pixels=pixels, columns={"site": np.array(sites)[number]})


def audited(images: ImageSet):
    audited_images = collection(
        images.pixels, np.eye(2, dtype=np.float32)[images.labels], patients=images.patients
    )
    return replace(
        audited_images, sets={"train": replace(audited_images.sets["train"], columns=images.columns)}
    )


def test_sites_of_another_brightness_are_told_apart_and_warned_of():
    (finding,) = find_sites(audited(of_sites(160, 30)))
    assert (finding.kind, finding.severity) == ("site", "warning")
    assert "these images reveal their site" in finding.detail
    assert "(east and west) with an AUROC of 1.000" in finding.detail


def test_sites_that_look_alike_are_a_note():
    (finding,) = find_sites(audited(of_sites(160, 0)))
    assert finding.severity == "note"
    assert "not shown that these images reveal" in finding.detail


def test_one_site_or_one_too_small_is_not_spoken_of():
    images = of_sites(160, 30)
    assert find_sites(audited(replace(images, columns={}))) == []
    alone = replace(images, columns={"site": np.full(160, "east")})
    assert find_sites(audited(alone)) == []
    few = images.columns["site"].copy()
    few[:] = "east"
    few[:18] = "west"
    assert find_sites(audited(replace(images, columns={"site": few}))) == []


def test_images_of_unknown_and_of_small_sites_are_passed_over():
    sites = np.array(["a"] * 40 + ["b"] * 40 + [""] * 40 + ["c"] * 10)
    patients = np.array([f"p{row // 2}" for row in range(130)])
    assert rows_of_large_sites(sites, patients).tolist() == list(range(80))
    crowd = np.where(sites == "b", "one", patients)  # all images of a site of one patient
    assert rows_of_large_sites(sites, crowd).tolist() == []


def test_no_patient_helps_to_tell_his_or_her_own_images():
    rng = np.random.default_rng(0)
    patients = np.arange(200) // 4
    sites = np.array(["a", "b"])[rng.integers(0, 2, 50)][patients]
    own = np.eye(50)[patients]  # numbers that tell the patient and nothing else
    assert predict_sites(own, sites, patients.astype(np.str_)).value < 0.6


def test_of_three_sites_one_that_is_told_and_two_that_are_not_give_the_mean_of_the_three():
    images = of_sites(240, 0, sites=("a", "b", "c"))
    sites = images.columns["site"]
    is_a = (sites == "a").astype(float)[:, None]
    prediction = predict_sites(is_a, sites, images.patients)
    assert prediction.value == pytest.approx((1 + 0.75 + 0.75) / 3, abs=0.05)  # b and c tie with one another


@pytest.mark.parametrize(("value", "warned"), [(0.8, False), (0.81, True), (float("nan"), False)])
def test_the_warning_begins_above_its_limit(value, warned):
    assert bool(SitePrediction("grey", Estimate(value, value, value, 10, 10)).warning) is warned


def test_a_run_on_pooled_images_says_what_gives_the_site_away(hardware, tmp_path):
    images = {"train": of_sites(200, 30), "test": of_sites(40, 30, seed=1)}
    data = Dataset(images, DataProvenance("pool", "made", "made", {"size": 32, "resize": "squash"}, "pool"))
    recipe = replace(recipe_for("compact"), epochs=1, steps=1)
    record = train_model(data, tmp_path / "run", TrainOptions(recipe=recipe), hardware=hardware)
    assert [row["features"] for row in record["sites"]["predictions"]] == [
        "8 x 8 grey levels",
        "the features of this model",
    ]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["sites"] == record["sites"]
    text = Page(render(tmp_path / "run")).text
    assert "Images give their site away." in text
    assert record["sites"]["warnings"][0]["text"] in text


def test_images_of_one_place_have_no_record_of_sites():
    assert site_record(make_images(40), lambda pixels: pixels[:, 0] * 1.0) is None


@pytest.mark.slow
def test_two_real_hospitals_are_told_apart_by_a_thumbnail(shared, tmp_path):
    rows = []
    for site, share in (("chest_xray", 20), ("nih_adult", 2)):
        for path in sorted((shared / "data" / site / "train").glob("*/*"))[::share]:
            rows.append([path.as_posix(), path.parent.name, site])
    with (tmp_path / "pool.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label", "site"], *rows])
    images = load_dataset(
        tmp_path / "pool.csv",
        LoadOptions(size=64, table=TableOptions(images="path", label="label", site="site", root=Path("/"))),
    )
    train = images["train"]
    rows = rows_of_large_sites(train.columns["site"], train.patients)
    prediction = predict_sites(
        thumbnail(train.pixels[rows]), train.columns["site"][rows], train.patients[rows]
    )
    assert prediction.low > 0.9
