"""A real target whose patients are all tested, out of fold."""

import json
from dataclasses import replace

import numpy as np
import pytest
from samples import make_dataset, make_images

from radapt.artefacts import CELLS
from radapt.errors import AskedWrongly
from radapt.images.imageset import Dataset
from radapt.images.load import UNSAFE
from radapt.images.notice import Notice
from radapt.predictions import Predictions
from radapt.report.render import write_report
from radapt.runs.learned import count_known, read_learned
from radapt.study.cells import read_predictions
from radapt.study.domains import labelled_images, real_domains
from radapt.study.experiment import run_study
from radapt.study.folds import divide_into_folds
from radapt.study.plan import Cell, Plan, by_fold, cells

FOLDS = 3
PLAN = Plan(
    shift=None,
    strategies=("none", "norm-refresh", "recalibrate", "tta"),
    budgets=("8", "all"),
    seeds=2,
    epochs=1,
    steps=2,
    folds=FOLDS,
)


def target_of(source: Dataset) -> Dataset:
    splits = {
        name: make_images(count, seed=seed, name=f"other-{name}")
        for seed, (name, count) in enumerate({"train": 24, "val": 8, "test": 16}.items(), 50)
    }
    return Dataset(splits, replace(source.origin, name="other", fingerprint="other"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, dataset, hardware):
    out = tmp_path_factory.mktemp("folds") / "out"
    return out, run_study(PLAN, dataset, target_of(dataset), out, hardware=hardware)


def test_each_patient_is_in_one_fold_and_no_image_is_lost():
    target = target_of(make_dataset())
    divided = divide_into_folds(make_dataset(), target, FOLDS, seed=0)
    patients = [set(part.patients.tolist()) for part in divided.splits.values()]
    assert list(divided.splits) == ["fold 1", "fold 2", "fold 3"]
    assert not any(a & b for place, a in enumerate(patients) for b in patients[:place])
    assert sum(len(part) for part in divided.splits.values()) == 48
    assert all(all(part.counts().values()) for part in divided.splits.values())
    assert divided.origin.split_rule.startswith("by patient: 3 folds")


def test_a_target_split_image_by_image_is_safe_in_folds_by_patient():
    target, source = target_of(make_dataset()), make_dataset()
    another = Notice("uncertain-labels", "caution", "Another notice.")
    unsafe = replace(target, origin=replace(target.origin, notices=(UNSAFE, another)))
    assert divide_into_folds(source, unsafe, FOLDS, seed=0).origin.notices == (another,)


def test_images_of_two_folds_with_the_same_pixels_are_noticed():
    target, source = target_of(make_dataset()), make_dataset()
    test = target["test"]
    twins = test.with_pixels(np.repeat(test.pixels[:1], len(test), axis=0))
    divided = divide_into_folds(source, replace(target, splits={**target.splits, "test": twins}), 3, seed=0)
    assert "16 images of other have the same pixels as one of another fold" in " ".join(
        notice.text for notice in divided.origin.notices
    )


def test_an_image_of_the_source_in_any_split_of_the_target_is_noticed():
    target, source = target_of(make_dataset()), make_dataset()
    copied = replace(target["train"], pixels=source["test"].pixels[:24])
    divided = divide_into_folds(source, replace(target, splits={**target.splits, "train": copied}), 3, seed=0)
    assert "24 of the 40 test images of squares are, pixel for pixel, among" in " ".join(
        notice.text for notice in divided.origin.notices
    )


def test_labelled_images_of_a_fold_are_never_of_its_patients():
    source = make_dataset()
    divided = divide_into_folds(source, target_of(source), FOLDS, seed=0)
    images = real_domains(source, divided, seed=0, in_folds=True)
    assert len(images.target_test) == 48
    assert len(images.target_pool) == 0, "no image that is tested can be drawn without naming a fold"
    tested = []
    for fold in (1, 2, 3):
        part = images.of_fold(fold)
        tested += part.target_test.ids.tolist()
        assert not set(part.target_pool.patients) & set(part.target_test.patients)
        assert len(part.target_pool) + len(part.target_test) == 48
        assert len(labelled_images(part, "8", seed=1)) == 8
    assert sorted(tested) == sorted(images.target_test.ids.tolist())


def test_a_study_has_a_model_for_each_fold_of_what_learns_from_the_target():
    names = [cell.name for cell in cells(replace(PLAN, seeds=1))]
    assert names[:5] == [
        "none-s0",
        "norm-refresh-f1-s0",
        "norm-refresh-f2-s0",
        "norm-refresh-f3-s0",
        "tta-s0",
    ]
    assert names[5:8] == ["recalibrate-8-f1-s0", "recalibrate-8-f2-s0", "recalibrate-8-f3-s0"]
    assert by_fold(PLAN, Cell("tta", "", 0)) == [Cell("tta", "", 0)]


def test_every_target_image_is_scored_once_by_a_model_that_did_not_learn_from_it(finished, dataset):
    out, result = finished
    target = target_of(dataset)
    ids = sorted(name for images in target.splits.values() for name in images.ids.tolist())
    by_id = {
        images.ids[row]: images.take([row]) for images in target.splits.values() for row in range(len(images))
    }
    for cell in cells(PLAN):
        joined = read_predictions(out, PLAN, cell, "target")
        assert sorted(joined.ids.tolist()) == ids
        if cell.fold is None:
            continue
        folder = out / CELLS / cell.name
        tested = Predictions.load(folder / "predictions" / "target-test.parquet").ids
        learned = read_learned(folder)["learned"]
        assert 0 < len(tested) < len(ids)
        assert not sum(count_known(by_id[name], learned) for name in tested.tolist())
    rows = [row for row in result["estimates"] if row["domain"] == "target" and row["metric"] == "accuracy"]
    assert {row["n"] for row in rows} == {48}
    assert result["roles"]["target test"]["images"] == 48


def test_differences_are_paired_on_all_target_images_and_on_the_source_test_images(finished):
    _, result = finished
    of_metric = [
        row for row in result["differences"] if row["metric"] == "accuracy" and row["against"] == "none"
    ]
    sizes = {(row["domain"], row["n"]) for row in of_metric}
    assert sizes == {("target", 48), ("source", 40)}


def test_no_threshold_is_chosen_on_labelled_images_that_another_fold_tests(
    finished, dataset, hardware, tmp_path
):
    plan = replace(PLAN, strategies=("none", "recalibrate"), budgets=("all",), seeds=1)
    source, target = dataset, target_of(dataset)
    made = run_study(plan, source, target, tmp_path, hardware=hardware, base_models_from=finished[0])
    base, best = (row["findings"][0]["threshold"] for row in made["performance"])
    assert base["rule"] == "youden"
    assert (made["performance"][1]["strategy"], best["rule"], best["value"]) == ("recalibrate", "0.5", 0.5)


def test_the_page_says_that_the_target_was_tested_out_of_fold(finished):
    out, _ = finished
    page = write_report(out).read_text()
    assert "tested out of fold, 3 folds" in page
    assert "Models of different folds share training patients" in page
    assert "8 (fold 2)" in page


def test_a_finished_study_in_folds_is_read_again_and_only_a_missing_fold_is_made(finished, dataset, hardware):
    out, result = finished
    again = run_study(PLAN, dataset, target_of(dataset), out, hardware=hardware)
    assert again == json.loads((out / "study.json").read_text())
    assert again["estimates"] == result["estimates"]
    with pytest.raises(AskedWrongly, match="another|other"):
        run_study(replace(PLAN, folds=2), dataset, target_of(dataset), out, hardware=hardware)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"shift": "original", "folds": 5}, "is for a target data set"),
        ({"shift": None, "folds": 1}, "2 folds or more. Got 1"),
    ],
)
def test_folds_that_cannot_be_are_refused(asked, said):
    with pytest.raises(AskedWrongly, match=said):
        Plan(**asked)


def test_more_folds_than_patients_of_a_class_are_refused(dataset, hardware, tmp_path):
    with pytest.raises(AskedWrongly, match="fewest|fewer|rarest"):
        run_study(replace(PLAN, folds=20), dataset, target_of(dataset), tmp_path / "out", hardware=hardware)


def test_a_plan_in_folds_comes_back_from_json():
    assert Plan.from_dict(PLAN.as_dict()).folds == FOLDS
    assert "folds" not in Plan().as_dict()
