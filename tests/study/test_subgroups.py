"""A study scores its strategies for each value of a column, without training anything again."""

from dataclasses import replace

import numpy as np
import pytest
from samples import make_dataset

from radapt.errors import AskedWrongly
from radapt.images.imageset import Dataset
from radapt.report.render import render
from radapt.stats.inference import estimate
from radapt.study.cells import read_predictions
from radapt.study.experiment import run_study
from radapt.study.plan import Cell, Plan

PLAN = Plan(
    shift="noise@1",
    strategies=("none", "recalibrate"),
    budgets=("8",),
    epochs=1,
    steps=2,
    seeds=2,
    by=("view",),
)


@pytest.fixture(scope="module")
def source():
    """Images of which every second patient's is AP, and one is of no known view."""
    splits = {}
    for name, images in make_dataset(test=48).splits.items():
        views = np.array(["PA", "PA", "PA", "PA", "AP", "AP", "AP", "AP"] * (len(images) // 8))
        sexes = np.array(["F"] * len(images))
        views[-1] = ""
        splits[name] = replace(images, columns={"view": views, "sex": sexes})
    return Dataset(splits, make_dataset().origin)


@pytest.fixture(scope="module")
def studied(source, hardware, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "out"
    return out, run_study(PLAN, source, None, out, hardware=hardware)


def test_every_strategy_is_scored_on_the_images_of_each_value(source, studied):
    out, result = studied
    rows = result["subgroups"]
    assert [(row["strategy"], row["budget"], row["column"]) for row in rows] == [
        ("none", 0, "view"),
        ("recalibrate", 8, "view"),
    ]
    test = source["test"]
    kept = test.ids[test.columns["view"] == "AP"]
    for row in rows:
        group = {each["group"]: each for each in row["groups"]}["AP"]
        cell = Cell(row["strategy"], "8" if row["budget"] else "", 0)
        runs = [read_predictions(out, PLAN, replace(cell, seed=seed), "target") for seed in (0, 1)]
        own = [run.take(np.isin(run.ids, kept)) for run in runs]
        assert (group["images"], group["patients"]) == (len(kept), len(np.unique(own[0].patients)))
        for each in group["estimates"]:
            expected = estimate(each["metric"], own)
            assert (each["value"], each["low"], each["high"]) == (expected.value, expected.low, expected.high)
        assert [each["group"] for each in row["too_small"]] == ["not known"]


def test_the_page_shows_them_and_what_was_not_scored(studied):
    page = render(studied[0])
    assert "Scores of subgroups" in page
    assert "By view" in page
    assert "not known (1 image of 1 patient): fewer than 20 images." in page


def test_another_column_trains_nothing_again(source, studied, hardware):
    out, before = studied
    result = run_study(replace(PLAN, by=("sex",)), source, None, out, hardware=hardware)
    assert {row["column"] for row in result["subgroups"]} == {"sex"}
    assert result["plan"]["by"] == ["sex"]
    assert [cell["provenance"] for cell in result["cells"]] == [
        cell["provenance"] for cell in before["cells"]
    ]


def test_a_column_that_is_not_there_is_refused_before_training(source, hardware, tmp_path):
    with pytest.raises(AskedWrongly, match="no column 'age'. Their columns are: view, sex"):
        run_study(replace(PLAN, by=("age",)), source, None, tmp_path / "out", hardware=hardware)
    assert not (tmp_path / "out").exists()
