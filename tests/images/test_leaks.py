"""Test images that a model has learned from are told of, on every page and before anything is trained."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from samples import make_dataset, make_images, write_images

from radapt.images.digests import digests_of
from radapt.images.imageset import Dataset
from radapt.images.leaks import pixel_digests, with_leaks, with_leaks_between
from radapt.images.load import LoadOptions, load_dataset

QUICK = ("--size", "16", "--epochs", "1", "--steps", "1")


def of_rule(data: Dataset, rule: str, name: str = "first") -> Dataset:
    return replace(data, origin=replace(data.origin, name=name, patient_rule=rule))


def with_test(data: Dataset, images) -> Dataset:
    return Dataset({**data.splits, "test": images}, data.origin)


def test_a_clean_data_set_raises_nothing(dataset):
    for rule in ("file", "kermany", "regex ^(p)"):
        assert with_leaks(of_rule(dataset, rule)).origin.notices == ()


def test_test_patients_who_are_learned_from_are_counted(dataset):
    test = replace(dataset["test"], patients=np.resize(dataset["train"].patients, len(dataset["test"])))
    (notice,) = with_leaks(of_rule(with_test(dataset, test), "regex ^(p)")).origin.notices
    assert notice.text.startswith(
        "20 of the 20 test patients of first have images among those that a model learns"
    )
    assert with_leaks(of_rule(with_test(dataset, test), "file")).origin.notices == ()


@pytest.mark.parametrize("split", ["train", "val"])
def test_test_images_that_are_learned_from_are_counted_whoever_they_are_said_to_be(dataset, split):
    test = dataset["test"]
    pixels = test.pixels.copy()
    pixels[:3] = dataset[split].pixels[:3]
    (notice,) = with_leaks(of_rule(with_test(dataset, test.with_pixels(pixels)), "file")).origin.notices
    assert notice.text.startswith("3 of the 40 test images of first are, pixel for pixel, among the images")


def test_images_of_one_grey_are_nobodys(dataset):
    train, test = (dataset[split].with_pixels(dataset[split].pixels.copy()) for split in ("train", "test"))
    train.pixels[:2] = 0
    test.pixels[:5] = 0
    assert with_leaks(Dataset({"train": train, "test": test}, dataset.origin)).origin.notices == ()


def test_a_target_tested_on_what_the_source_learned_from_is_told(dataset):
    other = of_rule(make_other(), "file", "second")
    assert with_leaks_between(dataset, other).origin.notices == ()
    (notice,) = with_leaks_between(dataset, with_test(other, dataset["train"])).origin.notices
    assert notice.text.startswith(
        "96 of the 96 test images of second are, pixel for pixel, among the images of squares"
    )
    back = Dataset({"train": dataset["test"], "test": other["test"]}, other.origin)
    (notice,) = with_leaks_between(dataset, back).origin.notices
    assert notice.text.startswith(
        "40 of the 40 test images of squares are, pixel for pixel, among the images of second"
    )


@pytest.mark.parametrize(("rule", "counted"), [("nih", 1), ("regex ^(p)", 0), ("file", 0)])
def test_numbers_of_patients_mean_the_same_person_only_within_one_published_data_set(dataset, rule, counted):
    other = make_other()
    test = replace(other["test"], patients=np.resize(dataset["train"].patients, len(other["test"])))
    both = with_leaks_between(of_rule(dataset, rule), of_rule(with_test(other, test), rule, "second"))
    assert len(both.origin.notices) == counted


def make_other() -> Dataset:
    made = make_dataset()
    splits = {
        split: make_images(len(images), seed=50 + number, name=f"other-{split}")
        for number, (split, images) in enumerate(made.splits.items())
    }
    return Dataset(splits, made.origin)


def test_a_store_keeps_the_digests_of_its_pixels_and_they_find_what_pixels_do(dataset, tmp_path):
    image_folder = write_images(tmp_path / "images", dataset)
    for path in sorted((image_folder / "train").rglob("*.png"))[:4]:
        shutil.copy(path, image_folder / "test" / path.parent.name / f"again-{path.name}")
    data = load_dataset(image_folder, LoadOptions(size=16), cache=tmp_path / "cache")
    for images in data.splits.values():
        assert np.array_equal(images.digests, digests_of(images.pixels))
        assert np.array_equal(images.take([2, 0]).digests, digests_of(images.pixels[[2, 0]]))
        assert images.with_pixels(255 - images.pixels).digests is None
    assert np.array_equal(data.with_all()["all"].digests, digests_of(data.with_all()["all"].pixels))
    bare = {name: replace(images, digests=None) for name, images in data.splits.items()}
    unsaid = replace(data.origin, notices=())
    notices = [with_leaks(Dataset(each, unsaid)).origin.notices for each in (data.splits, bare)]
    assert notices[0] == notices[1] == data.origin.notices
    assert notices[0][0].text.startswith("4 of the 44 test images of images are, pixel for pixel")


def test_digests_are_equal_just_where_pixels_are():
    images = make_images(300)
    digests = pixel_digests(images)
    assert len(set(digests.tolist())) == 300
    assert np.array_equal(pixel_digests(images.take([7, 7, 2])), digests[[7, 7, 2]])


def test_a_study_says_it_first_on_its_page_in_its_numbers_and_before_it_trains(dataset, radapt, tmp_path):
    source, target = (
        write_images(tmp_path / "source", dataset),
        write_images(tmp_path / "target", make_other()),
    )
    shutil.rmtree(target / "test")
    shutil.copytree(source / "train", target / "test")
    out = tmp_path / "out"
    words = ("--strategies", "none,recalibrate", "--budget", "8", "--out", out, *QUICK)
    code, _, err = radapt("study", source, "--target", target, *words)
    assert code == 0, err
    said = "96 of the 96 test images of target are, pixel for pixel, among the images of source"
    assert err.count("INVALID: Test images among the training images.") == 1
    assert err.index(said) < err.index("base")
    assert said in json.loads((out / "study.json").read_text())["target"]["notices"][0]["text"]
    page = (out / "report.html").read_text()
    assert '<div class="warning grave">\n<p><strong>Test images among the training images.</strong>' in page


def test_a_run_says_it_on_its_page_and_in_its_record(dataset, radapt, tmp_path):
    images = write_images(tmp_path / "images", dataset)
    for path in sorted((images / "train").rglob("*.png"))[:4]:
        shutil.copy(path, images / "test" / path.parent.name / f"again-{path.name}")
    code, _, err = radapt("train", images, "--out", tmp_path / "run", *QUICK)
    assert (
        code,
        "INVALID: Test images among the training images. 4 of the 44 test images of images are" in err,
    ) == (0, True)
    assert len(json.loads((tmp_path / "run" / "run.json").read_text())["notices"]) == 1
    radapt("report", tmp_path / "run")
    assert "Test images among the training images." in (tmp_path / "run" / "report.html").read_text()


def test_real_images_raise_no_false_alarm(shared):
    for name in ("chest_xray", "nih_adult"):
        assert load_dataset(shared / "data" / name, LoadOptions(size=64)).origin.notices == ()
