"""A study's page shows further models from its others.json, and says when that file is damaged."""

import pytest

from radapt.errors import BadArtefact
from radapt.files import write_document
from radapt.report.other_models import other_models


def row(model, value):
    return {
        **{"model": model, "metric": "auroc", "value": value, "low": value - 0.1, "high": value + 0.05},
        **{"n": 40, "patients": 20, "method": "bootstrap", "se": 0.03, "p": None},
    }


def test_a_study_without_further_models_shows_none(tmp_path):
    assert other_models(tmp_path) == {}


def test_a_damaged_file_is_named(tmp_path):
    write_document(tmp_path / "others.json", {"estimates": [{"metric": "auroc"}], "models": []})
    with pytest.raises(BadArtefact, match=r"others\.json is damaged"):
        other_models(tmp_path)


def test_scores_stand_by_model_in_the_order_of_the_file(tmp_path):
    document = {
        "estimates": [row("none", 0.8), row("vendor", 0.9)],
        "models": [{"name": "none"}, {"name": "vendor"}],
        "verdicts": ["vendor scored better than none."],
        "notes": [],
    }
    write_document(tmp_path / "others.json", document)
    shown = other_models(tmp_path)
    assert [name for name, _ in shown["rows"]] == ["none", "vendor"]
    assert shown["verdicts"] == ["vendor scored better than none."]
    assert len(shown["metrics"]) == len(shown["rows"][0][1]) == 1
