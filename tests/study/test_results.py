from dataclasses import replace

import numpy as np
import pytest
from outcomes import outcome, predicted
from prediction_samples import two

from radapt.evaluation.scores import Outcome
from radapt.metrics.table import score
from radapt.study.comparison import differences
from radapt.study.decision import recommend
from radapt.study.results import one_class_notices, study_results


def paired(strategy, target, *, budget, seed=0):
    """The target's images are the source's, shifted: one set of ids."""
    return Outcome(
        strategy,
        budget,
        {"target": [predicted(target, seed=seed)], "source": [predicted(0.95, seed=seed)]},
    )


def test_the_share_won_back_is_of_what_the_shift_cost():
    outcomes = [paired("none", 0.75, budget=0), paired("full", 0.90, budget=100, seed=1)]
    results = study_results(outcomes, metric="accuracy", margin=0.02, paired=True)
    (row,) = results["recovered"]
    assert (row["strategy"], row["budget"]) == ("full", 100)
    assert row["value"] == pytest.approx((0.90 - 0.75) / (0.95 - 0.75), abs=1e-9)
    assert row["low"] < row["value"] < row["high"]


def test_nothing_is_won_back_of_a_shift_that_was_not_shown_to_cost_anything():
    outcomes = [paired("none", 0.95, budget=0), paired("full", 0.96, budget=100, seed=1)]
    assert study_results(outcomes, metric="accuracy", margin=0.02, paired=True)["recovered"] == []


def test_three_budgets_have_a_curve_and_a_worth():
    outcomes = [paired("none", 0.5, budget=0)]
    outcomes += [
        paired("full", right, budget=budget, seed=seed)
        for seed, (budget, right) in enumerate([(16, 0.6), (64, 0.75), (256, 0.85)])
    ]
    (curve,) = study_results(outcomes, metric="accuracy", margin=0.02, paired=False)["curves"]
    assert curve["strategy"] == "full"
    assert curve["expected_gain"].startswith("At 256 images, ")


def test_retraining_that_does_no_better_than_a_new_threshold_is_not_called_worth_it():
    outcomes = [
        outcome("none", 0.5),
        outcome("recalibrate", 0.8, seed=1),
        outcome("full", 0.81, seed=2),
    ]
    text = recommend(differences(outcomes))
    assert "Retraining was not shown to be worth it: no significant difference from recalibrate" in text
    outcomes[2] = outcome("full", 0.95, seed=2)
    assert "It is worth retraining: +15.0 points" in recommend(differences(outcomes))
    outcomes[1] = outcome("recalibrate", 0.4, seed=1)
    text = recommend(differences(outcomes))
    assert "worth retraining: +45.0 points" in text
    assert "more than no adaptation, which was better than recalibrate, the best without" in text
    outcomes[1] = outcome("recalibrate", 0.8, seed=1)
    outcomes[2] = outcome("full", 0.7, seed=2)
    assert "No retrained model did better" in recommend(differences(outcomes))


def test_the_margin_on_the_source_images_is_held_against_the_interval():
    lost = [outcome("none", 0.5, source=0.95), outcome("full", 0.9, source=0.93, seed=1)]
    assert "it may lose more than the margin" in recommend(differences(lost), margin=0.02)
    assert "it keeps within the margin" in recommend(differences(lost), margin=0.2)


def test_a_model_that_calls_every_image_ill_is_not_recommended():
    ill = predicted(1.0)
    few = np.flatnonzero((ill.labels == 1) | (np.arange(len(ill)) % 10 == 0))  # mostly ill images
    said = replace(ill.take(few), scores=np.tile([0.1, 0.9], (len(few), 1)))
    fair = predicted(0.7).take(few)
    constant, base = (
        Outcome(name, budget, {"target": [given], "source": [given]})
        for name, budget, given in (("full", 16, said), ("none", 0, fair))
    )
    assert score("accuracy", said) > score("accuracy", fair)
    assert "full helps" not in recommend(differences([base, constant]))


def test_a_base_model_that_calls_all_target_images_one_class_is_noticed_with_its_seeds():
    labels = np.arange(40) % 2
    constant, good = two(np.full(40, 0.8), labels), two(0.2 + 0.6 * labels, labels)
    (notice,) = one_class_notices(Outcome("none", 0, {"target": [good, constant], "source": [good, good]}))
    assert notice.text.startswith(
        "The base model, in 1 of 2 training seeds, calls 40 of 40 target test images PNEUMONIA at "
    )
    assert one_class_notices(Outcome("none", 0, {"target": [good], "source": [good]})) == []
