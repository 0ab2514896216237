"""The threshold of an answer is a number, one a finding, or none; and the page says which."""

import pytest

from radapt.models.checkpoint import save_classifier
from radapt.models.table import build, new_spec
from radapt.serving.page import render_page
from radapt.serving.predictor import threshold_in_use
from radapt.serving.run_predictor import open_run

CASES = {
    "findings": (("edema", "mass"), True, {"edema": 0.5, "mass": 0.5}, "a threshold of its own"),
    "three": (("a", "b", "<c>"), False, None, "The likeliest class is predicted."),
    "two": (("healthy", "ill"), False, 0.5, "The threshold is 0.5."),
}


@pytest.mark.parametrize("name", CASES)
def test_a_model_of_any_kind_of_classes_is_served(name, tmp_path, hardware):
    classes, findings, threshold, words = CASES[name]
    save_classifier(build(new_spec("compact", classes, size=32, findings=findings)), tmp_path)
    model = open_run(tmp_path, hardware)
    assert threshold_in_use(model) == threshold
    page = render_page(model, None)
    assert words in page
    assert "<c>" not in page
    assert "keeps no reference" in page
