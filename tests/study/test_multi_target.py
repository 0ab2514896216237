import json

import pytest

from radapt.errors import AskedWrongly
from radapt.report.multi_target import write_overview
from radapt.study.multi_target import Target, run_several
from radapt.study.plan import Plan

QUICK = Plan(budgets=("8",), epochs=1, steps=2, strategies=("none", "norm-refresh", "head"))


def test_several_hospitals_start_from_one_base_model_and_share_a_page(dataset, hardware, tmp_path):
    out, seconds = tmp_path / "out", [Target("original"), Target("noise@3 + rotation(10)")]
    found = list(run_several(QUICK, dataset, seconds, out, hardware=hardware))
    assert [second.name for second, _ in found] == ["original", "noise_3_rotation_10"]
    weights = [
        json.loads((out / second.name / "cells/none-s0/classifier.json").read_text())["weights_sha256"]
        for second in seconds
    ]
    assert weights[0] == weights[1]
    first, other = ((out / second.name / "cells/none-s0/history.csv").read_text() for second in seconds)
    assert first == other, "the epochs of the base model are told in both"
    text = write_overview(out).read_text()
    assert 'href="original/report.html"' in text
    assert "under the shift “noise@3 + rotation(10)”" in text


def test_two_hospitals_of_one_name_are_refused(dataset, hardware, tmp_path):
    twice = [Target("original"), Target("original")]
    with pytest.raises(AskedWrongly, match="a name of its own. Got original, original"):
        list(run_several(QUICK, dataset, twice, tmp_path / "out", hardware=hardware))


def test_a_folder_that_holds_other_work_is_left_alone(dataset, hardware, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plan.json").write_text("{}")
    with pytest.raises(AskedWrongly, match="not empty"):
        list(run_several(QUICK, dataset, [Target("original")], tmp_path / "out", hardware=hardware))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["plan.json"]
