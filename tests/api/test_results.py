import math

from radapt.api.results import Evaluation, StressTest, file_rows

UNDEFINED = {"value": None, "low": None, "high": None, "n": 4, "patients": 4}
KNOWN = {"value": 0.75, "low": 0.5, "high": 0.9, "n": 4, "patients": 4}


def test_what_is_not_defined_is_none_in_rows_and_left_out_of_figures():
    details = {
        "images": 4,
        "patients": 4,
        "part": "test",
        "estimates": [{"metric": "accuracy", **KNOWN}, {"metric": "auroc", **UNDEFINED}],
        "notices": [],
        "warnings": [{"kind": "one-class", "severity": "caution", "text": "All <b>."}],
    }
    result = Evaluation(details, "squares")
    assert [row["value"] for row in result.rows()] == [0.75, None]
    assert math.isnan(result.to_frame()["value"].iloc[1])
    assert len(result.plot().axes[0].get_yticklabels()) == 1
    assert "not defined" in result._repr_html_()
    assert "All &lt;b&gt;." in result._repr_html_()
    assert result.notices[0]["kind"] == "one-class"


def test_a_stress_test_draws_only_scores_that_are_defined():
    drop = {"drop": {**UNDEFINED}, "verdict": "inconclusive", "metric": "auroc", "shift": "noise"}
    result = StressTest(
        {
            "suite": "noise",
            "clean": [{"metric": "auroc", **KNOWN}],
            "ranking": [{"shift": "noise", "mean_drop": None, "lowest_harmful_severity": None}],
            "cells": [{**drop, "severity": 1, **KNOWN}, {**drop, "severity": 2, **UNDEFINED}],
        }
    )
    assert [row["change"] for row in result.rows()] == [None, None]
    assert [label.get_text() for label in result.plot("auroc").axes[0].get_xticklabels()] == ["1"]


def test_a_file_that_could_not_be_read_has_neither_label_nor_scores():
    image = {"path": "a.png", "label": "ill", "scores": {"well": 0.2, "ill": 0.8}}
    rows = file_rows({"images": [image], "failed": [{"path": "b.png", "error": "is empty"}]}, ("well", "ill"))
    assert list(rows[0]) == list(rows[1]) == ["image", "label", "score well", "score ill", "warning"]
    assert list(rows[1].values()) == ["b.png", None, None, None, "is empty"]
