import pytest

from radapt.evaluation.thresholds import Rule, Threshold
from radapt.pacs.results import result_of, write_reports

AT = Threshold(0.3, Rule("youden"), "chosen on 24 images")


def scored(path, label="PNEUMONIA"):
    return {"path": str(path), "scores": {"NORMAL": 0.25, "PNEUMONIA": 0.75}, "label": label}


def test_a_report_for_each_image_and_none_twice(write, model, tmp_path, read):
    paths = write(1, 2)
    images = [scored(path) for path in paths]
    out = tmp_path / "sr"
    first = write_reports(images, {"PNEUMONIA": AT}, model, out, files=paths, findings=False)
    assert (first.new, first.kept, first.failed) == (2, 0, [])
    before = {path: path.read_bytes() for path in out.iterdir()}
    again = write_reports(images, {"PNEUMONIA": AT}, model, out, files=paths, findings=False)
    assert (again.new, again.kept) == (0, 2)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert {path.stem for path in before} == {read(each).SOPInstanceUID for each in before.values()}


def test_an_image_without_a_study_is_named_and_the_rest_goes_on(write, model, tmp_path):
    paths = [*write(1, StudyInstanceUID=None), *write(2)]
    images = [scored(path) for path in paths]
    done = write_reports(images, {}, model, tmp_path / "sr", files=paths, findings=False)
    assert done.new == 1
    assert [each["path"] for each in done.failed] == [images[0]["path"]]
    assert "lacks StudyInstanceUID" in done.failed[0]["error"]


@pytest.mark.parametrize(
    ("findings", "thresholds", "label", "has", "limits", "decided"),
    [
        (False, {}, "PNEUMONIA", [False, True], [None, None], "the likeliest class"),
        (
            False,
            {"PNEUMONIA": AT},
            "NORMAL",
            [True, False],
            [None, 0.3],
            "PNEUMONIA from 0.3 on, chosen on 24 images",
        ),
        (True, {}, "PNEUMONIA", [False, True], [0.5, 0.5], "each finding from 0.5 on"),
        (True, {"NORMAL": AT, "PNEUMONIA": AT}, "PNEUMONIA", [False, True], [0.3, 0.3], "NORMAL from 0.3 on"),
    ],
)
def test_a_result_says_how_it_was_decided(findings, thresholds, label, has, limits, decided):
    result = result_of(scored("a.dcm", label), thresholds, findings=findings)
    assert [each.is_predicted for each in result.classes] == has
    assert [each.threshold for each in result.classes] == limits
    assert result.decided.startswith(decided)
