"""Which base model stands beside an adapted run, and thresholds as predict takes them."""

import shutil

import pytest

from radapt.artefacts import VALIDATION, predictions_file
from radapt.errors import AskedWrongly
from radapt.serving.predictor import threshold_in_use
from radapt.serving.run_predictor import find_base, open_run


def test_the_base_of_an_adapted_run_is_found_beside_it(adapted, base_run, tmp_path):
    assert find_base(adapted) == base_run
    assert find_base(base_run) is None
    alone = shutil.copytree(adapted, tmp_path / "alone")
    assert find_base(alone) is None


def test_a_threshold_is_chosen_as_predict_chooses_it(base_run, hardware):
    chosen = open_run(base_run, hardware, "youden")
    assert threshold_in_use(chosen) == chosen.thresholds["PNEUMONIA"] != 0.5
    assert "validation images of the run" in chosen.chosen
    assert threshold_in_use(open_run(base_run, hardware)) == 0.5
    with pytest.raises(AskedWrongly, match="no rule for a threshold"):
        open_run(base_run, hardware, "best")


def test_the_map_is_that_of_the_label_at_its_threshold(base_run, hardware, image):
    for threshold, label in (("0", "PNEUMONIA"), ("1", "NORMAL")):
        drawn = open_run(base_run, hardware, threshold).map_of(image, 20)
        assert drawn.target == label
        assert drawn.picture.shape == (20, 20, 3)


def test_a_base_that_was_found_and_cannot_take_the_threshold_is_left_out(adapted, base_run, radapt, tmp_path):
    run, base = (shutil.copytree(each, tmp_path / each.name) for each in (adapted, base_run))
    predictions_file(base, VALIDATION).unlink()
    code, out, err = radapt("serve", run, "--threshold", "youden", "--check")
    assert (code, "would be ready" in out) == (0, True), err
    assert "is left out: The threshold youden is chosen on validation images" in err
    code, _, err = radapt("serve", run, "--threshold", "youden", "--base", base, "--check")
    assert (code, "is left out" in err) == (2, False)
