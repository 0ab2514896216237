import numpy as np
import pytest
from samples import write_images

import radapt
from radapt.errors import AskedWrongly, UnknownName
from radapt.images.imageset import Dataset


@pytest.fixture(scope="module")
def adapted(run, target, tmp_path_factory):
    out = tmp_path_factory.mktemp("adapted") / "full"
    return radapt.adapt(run, target, "full", out, epochs=1, steps=2, device="cpu")


def test_a_model_is_given_as_a_run_a_folder_or_itself(run, data):
    several = [radapt.predict(each, data["test"]) for each in (run, run.folder, str(run.folder), run.model)]
    assert all(np.array_equal(several[0].scores, each.scores) for each in several)
    assert np.allclose(several[0].scores, run.predictions["source-test"].scores, atol=1e-5)


def test_files_are_scored_and_those_that_cannot_be_read_are_named(run, data, tmp_path):
    folder = write_images(tmp_path / "images", Dataset({"test": data["test"]}, data.origin))
    (folder / "broken.png").write_bytes(b"no image")
    rows = radapt.predict_files(run, str(folder)).rows()
    scores = {row["image"].rpartition("/")[2]: row["score PNEUMONIA"] for row in rows}
    assert scores.pop("broken.png") is None
    assert "broken.png" in [row["image"].rpartition("/")[2] for row in rows if row["warning"]]
    known = radapt.predict(run, data["test"])
    wanted = dict(zip(known.ids.tolist(), known.scores[:, 1].tolist(), strict=True))
    assert scores == pytest.approx(wanted, abs=1e-5)
    one = next(folder.rglob("test-*.png"))
    labels = [radapt.predict_files(run, [one], threshold=each).rows()[0]["label"] for each in (0.0, 1.0)]
    assert labels == ["PNEUMONIA", "NORMAL"]


def test_an_evaluation_has_rows_baselines_and_notices(run, data, target):
    result = radapt.evaluate(run, target, threshold=0.5)
    assert {"accuracy", "auroc"} <= set(result.to_frame()["metric"])
    assert result.details["performance"]
    assert "border" in {row["name"] for row in result.baselines}
    assert "squares under noise@2, test" in repr(result)
    assert "auroc" in result._repr_html_()
    assert len(result.plot().axes) == 1
    learned = radapt.evaluate(run, data, part="train")
    assert learned.notices[0]["kind"] == "learned"
    assert learned.notices[0]["text"][:20] in learned._repr_html_()


def test_runs_and_predictions_are_compared_by_name(run, adapted, target):
    there = radapt.predict(run, target["test"])
    result = radapt.compare({"base": there, "full": adapted})
    assert [row["model"] for row in result.scores if row["metric"] == "auroc"] == ["base", "full"]
    assert set(result.to_frame()["against"]) == {"base"}
    assert len(result.verdicts) == 1
    assert result.verdicts[0] in result._repr_html_()
    assert len(result.plot("auroc").axes) == 1
    assert repr(result) == "Comparison(base and full, balanced-accuracy)"
    seeds = radapt.compare({"base": [there, there], "full": [there, there]}, "auroc")
    assert {row["value"] for row in seeds.rows()} == {0.0}


def test_a_stress_test_has_a_row_a_shift_severity_and_metric(run, target, capsys):
    result = radapt.stress(run, target["test"], ["noise", "blur"], severities=[1, 5], progress=True)
    assert "4 shifts" in capsys.readouterr().err
    pairs = [(name, severity) for name in ("noise", "blur") for severity in (1, 5)]
    assert [(row["shift"], row["severity"]) for row in result.rows()[::2]] == pairs
    assert {row["shift"] for row in result.ranking} == {"noise", "blur"}
    assert "Without a shift: accuracy" in result._repr_html_()
    assert len(result.plot("auroc", shifts=1).axes[0].containers) == 1
    assert repr(result) == "StressTest(noise,blur: 2 shifts)"
    first = result.rows()[0]
    assert first["change low"] <= first["change"] <= first["change high"]


def test_wrong_images_and_models_end_in_a_sentence(run, data):
    with pytest.raises(AskedWrongly, match=r"data\['test'\]. Got a Dataset"):
        radapt.predict(run, data)
    with pytest.raises(AskedWrongly, match=r"data\['test'\]. Got a Dataset"):
        radapt.stress(run, data)
    with pytest.raises(AskedWrongly, match="Got an ImageSet"):
        radapt.evaluate(run, data["test"])
    with pytest.raises(AskedWrongly, match="Name the models"):
        radapt.compare([run, run])
    with pytest.raises(UnknownName, match="suite or shift"):
        radapt.stress(run, data["test"], "nois")


def test_files_are_explained_and_written(run, data, tmp_path):
    folder = write_images(tmp_path / "images", Dataset({"test": data["test"]}, data.origin))
    found = radapt.explain(run, min(folder.rglob("*.png")), out=tmp_path / "maps")
    assert len(found.rows()) == 1
    assert "<img" in found._repr_html_()
    assert (tmp_path / "maps" / "explanations.html").is_file()
    assert found.images[0].overlay.shape[2] == 3
