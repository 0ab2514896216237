"""Which base model stands beside an adapted run, and thresholds as predict takes them."""

import shutil

import pytest

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
