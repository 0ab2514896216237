import pytest
from samples import make_dataset

import radapt
from radapt.errors import AskedWrongly, UnknownName


def test_a_study_is_run_read_again_and_shows_itself(tmp_path, capsys):
    data = make_dataset(train=48)
    asked = {"strategies": ["head"], "budgets": [16, "all"], "epochs": 1, "steps": 1, "device": "cpu"}
    study = radapt.run_study(data, shift="noise@2", out=tmp_path / "out", progress=True, **asked)
    assert "NOTE: Every model was trained once. The intervals" in capsys.readouterr().err
    assert (tmp_path / "out" / "report.html").is_file()
    assert study.plan.strategies == ("none", "head")
    assert study.plan.budgets == ("16", "all")
    assert {row["strategy"] for row in study.rows()} == {"none", "head"}
    assert study.to_frame().shape[1] == 9
    assert len(study.plot("auroc").axes[0].containers) == 1
    compared = study.comparisons().to_frame()
    assert set(compared["against"]) >= {"none"}
    assert set(compared["verdict"]) <= {"better", "worse", "inconclusive"}
    assert study.headline.startswith("The base model ")
    assert study.headline in study._repr_html_()
    told = str(study).splitlines()
    assert told[0] == study.headline
    assert told[1].startswith("  16 labels: ")
    assert told[2].startswith("  all (")
    assert told[3].startswith("Next: ")
    assert told[-1] == f"Report: {tmp_path / 'out' / 'report.html'}"
    assert len(study.answers) == 4
    assert "<td>head</td>" in study._repr_html_()
    assert repr(radapt.read_study(str(tmp_path / "out"))) == repr(study)
    with pytest.raises(UnknownName, match="metric"):
        study.plot("aurok")


def test_a_target_takes_the_place_of_a_shift(tmp_path):
    source, target = make_dataset(train=48), radapt.shift_images(make_dataset(train=48), "noise@2")
    asked = {"strategies": "recalibrate", "epochs": 1, "steps": 1, "device": "cpu"}
    study = radapt.run_study(source, target, out=tmp_path, **asked)
    assert study.target.origin.name == "squares under noise@2"
    assert study.plan.shift is None


def test_wrong_options_of_a_study_end_in_a_sentence(tmp_path):
    data = make_dataset(train=48)
    with pytest.raises(UnknownName, match="'budget'. Did you mean 'budgets'"):
        radapt.run_study(data, shift="noise@2", out=tmp_path, budget=16)
    with pytest.raises(AskedWrongly, match="needs target images"):
        radapt.run_study(data, out=tmp_path)
    with pytest.raises(AskedWrongly, match="Got a list"):
        radapt.run_study([data], shift="noise@2", out=tmp_path)
