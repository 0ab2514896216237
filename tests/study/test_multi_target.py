import json

import pytest
from samples import make_dataset

from radapt.errors import AskedWrongly, BadArtefact
from radapt.report.multi_target import render_overview, write_overview
from radapt.study.multi_target import Target, grid, run_several
from radapt.study.plan import Plan

QUICK = Plan(shift=None, budgets=("8",), epochs=1, steps=2, strategies=("none", "norm-refresh", "head"))


def members(dataset, targets, plans=(QUICK,)):
    return grid(plans, {plan.model: (dataset, targets) for plan in plans})


def test_several_hospitals_start_from_one_base_model_and_share_a_page(dataset, hardware, tmp_path):
    out, targets = tmp_path / "out", [Target("original"), Target("noise@3 + rotation(10)")]
    studies = list(run_several(members(dataset, targets), out, hardware=hardware))
    assert [str(folder) for folder, _ in studies] == ["original", "noise_3_rotation_10"]
    weights = [
        json.loads((out / folder / "cells/none-s0/classifier.json").read_text())["weights_sha256"]
        for folder, _ in studies
    ]
    assert weights[0] == weights[1]
    first, other = ((out / folder / "cells/none-s0/history.csv").read_text() for folder, _ in studies)
    assert first == other, "the epochs of the base model are in both"
    text = write_overview(out).read_text()
    assert 'href="original/report.html"' in text
    assert "under the shift “noise@3 + rotation(10)”" in text
    raw = json.loads((out / "several.json").read_text())
    assert raw["summary"]["answer"] in text.replace("&#39;", "'")
    (out / "several.json").write_text(json.dumps({**raw, "summary": None}))
    with pytest.raises(BadArtefact, match="not all finished"):
        render_overview(out)


def test_two_hospitals_of_one_name_are_refused(dataset, hardware, tmp_path):
    twice = [Target("original"), Target("original")]
    with pytest.raises(AskedWrongly, match="a name of its own. Got original, original"):
        list(run_several(members(dataset, twice), tmp_path / "out", hardware=hardware))


def test_a_folder_that_holds_other_work_is_left_alone(dataset, hardware, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plan.json").write_text("{}")
    with pytest.raises(AskedWrongly, match="not empty"):
        list(run_several(members(dataset, [Target("original")]), tmp_path / "out", hardware=hardware))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["plan.json"]


def test_models_that_read_other_images_are_not_compared(dataset):
    plans = [QUICK, Plan(model="original-cnn", shift=None, budgets=("8",))]
    data = {"compact": (dataset, []), "original-cnn": (make_dataset(test=38), [])}
    with pytest.raises(AskedWrongly, match="not all of them read the same images of squares"):
        grid(plans, data)


def test_a_model_that_cannot_be_built_is_refused_before_another_is_trained(dataset):
    plans = [QUICK, Plan(model="original-cnn", shift=None, budgets=("8",))]
    with pytest.raises(AskedWrongly, match="at least 46 x 46 pixels"):
        members(dataset, [Target("original")], plans)


def test_targets_of_two_kinds_have_one_budget(dataset):
    plan = Plan(shift=None)
    found = members(dataset, [Target("original"), Target(target=make_dataset())], [plan])
    assert {member.plan.budgets for member in found} == {("all",)}
    assert {member.plan.budgets for member in members(dataset, [Target("original")], [plan])} == {("val",)}
