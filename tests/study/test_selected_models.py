from outcomes import outcome

from radapt.artefacts import OUT_OF_FOLD, SOURCE_VALIDATION, VALIDATION, predictions_file
from radapt.study.selected_models import (
    OUT_OF_FOLD_SET,
    SOURCE_VALIDATION_SET,
    TARGET_VALIDATION_SET,
    SelectedModel,
    evaluate_selected,
    select_models,
)


def selected(folder, strategy="head", tuning_set=TARGET_VALIDATION_SET, *, found=True):
    """A model whose tuning set is counted each time that it is predicted."""
    calls = []
    predicted = outcome("head", 0.8, seed=7).predictions["target"][0] if found else None
    model = SelectedModel(outcome(strategy, 0.9), folder, lambda: calls.append(1) or predicted, tuning_set)
    return model, calls


def test_the_base_model_is_selected_and_the_best_at_each_budget():
    outcomes = [outcome("none", 0.7), outcome("head", 0.8), outcome("full", 0.9)]
    best = [{"strategy": "full", "budget": 100}]
    assert [each.strategy for each in select_models(outcomes, best)] == ["none", "full"]


def test_a_threshold_is_tuned_on_predictions_that_are_computed_once(tmp_path):
    model, calls = selected(tmp_path)
    first = evaluate_selected(model, choose=True)
    assert (first["strategy"], first["budget"]) == ("head", 100)
    assert first["findings"][0]["threshold"]["rule"] == "youden"
    assert evaluate_selected(model, choose=True) == first
    assert len(calls) == 1
    predictions_file(tmp_path, VALIDATION).write_bytes(b"cut off")
    assert evaluate_selected(model, choose=True) == first
    assert len(calls) == 2, "damaged predictions are computed again"


def test_without_a_tuning_set_the_threshold_is_a_half(tmp_path):
    for choose, found in ((False, True), (True, False)):
        model, calls = selected(tmp_path, found=found)
        (row,) = evaluate_selected(model, choose=choose)["findings"]
        assert row["threshold"]["rule"] == "0.5"
        assert len(calls) == choose


def test_predictions_are_kept_by_what_they_are_of(tmp_path):
    cases = {
        ("none", SOURCE_VALIDATION_SET): VALIDATION,
        ("norm-refresh", SOURCE_VALIDATION_SET): SOURCE_VALIDATION,
        ("head", OUT_OF_FOLD_SET): OUT_OF_FOLD,
    }
    for (strategy, tuning_set), name in cases.items():
        model, _ = selected(tmp_path / strategy, strategy, tuning_set)
        evaluate_selected(model, choose=True)
        assert predictions_file(tmp_path / strategy, name).is_file()
