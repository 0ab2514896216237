"""Plans of a study, from a pilot and from assumptions."""

import json
import math

import pytest

from radapt.artefacts import SCHEMA
from radapt.errors import AskedWrongly
from radapt.stats.estimate import Estimate
from radapt.stats.max_t import Adjusted
from radapt.stats.power import Assumptions
from radapt.study.comparison import Difference
from radapt.study.sample_size import comparison_of, plan_from_assumptions, plan_from_pilot

ASSUMED = Assumptions("balanced-accuracy", 0.8, 0.3, images_per_patient=2.0)
BAND = [
    {"images": 16, "value": 0.72, "low": 0.7, "high": 0.74},
    {"images": 64, "value": 0.78, "low": 0.73, "high": 0.81},
]


def row(**changes) -> Difference:
    estimate = Estimate(0.05, 0.01, 0.09, 120, 100, se=0.02, **changes)
    return Difference(
        "head", "none", 64, "target", "balanced-accuracy", estimate, Adjusted(0.02, 0.001, 0.1, 0.075)
    )


def pilot(folder, differences, seeds=1):
    estimates = [{"strategy": "none", "domain": "target", "metric": "balanced-accuracy", "value": 0.7}]
    document = {
        "schema": SCHEMA,
        "plan": {"metric": "balanced-accuracy", "seeds": seeds},
        "differences": [each.as_dict() for each in differences],
        "roles": {"target test": {"images": 120, "patients": 100}},
        "estimates": estimates,
        "curves": [{"strategy": "head", "metric": "balanced-accuracy", "budgets": [16, 32], "band": BAND}],
    }
    (folder / "study.json").write_text(json.dumps(document))
    return folder


def test_the_power_of_a_pilots_detectable_difference_at_its_own_patients_is_80_percent(tmp_path):
    plan = plan_from_pilot(pilot(tmp_path, [row()]), [row().detectable, 0.05], [100, 400])
    power = {(round(each["points"], 1), each["patients"]): each["power"] for each in plan["power"]}
    assert power[7.5, 100] == pytest.approx(0.8, abs=0.01)
    assert power[5.0, 400] > power[5.0, 100]
    assert plan["required"][0]["patients"] == pytest.approx(100, abs=4)
    assert plan["required"][0]["images"] == pytest.approx(1.2 * plan["required"][0]["patients"], abs=1)
    assert "one training seed" in plan["about"]


def test_more_patients_do_not_lower_what_training_seeds_add():
    comparison = comparison_of(row(se_test_set=0.012, se_seeds=0.016))
    assert comparison.error(10**6) == pytest.approx(0.016, rel=0.01)
    assert comparison.error(100) == pytest.approx(math.hypot(0.012, 0.016), rel=0.02)


def test_a_pilots_learning_curve_says_how_many_labels_a_gain_takes(tmp_path):
    plan = plan_from_pilot(pilot(tmp_path, [row()]), [0.02, 0.05, 0.2], [100])
    assert [(each["images"], each["low"], each["high"]) for each in plan["labelled"]] == [
        (16, 16, 64),
        (64, 64, None),
        (None, None, None),
    ]


def test_a_pilot_that_compares_nothing_is_refused(tmp_path):
    with pytest.raises(AskedWrongly, match="holds no comparison with no adaptation"):
        plan_from_pilot(pilot(tmp_path, []), [0.05], [100])


def test_assumptions_give_images_from_patients():
    plan = plan_from_assumptions(ASSUMED, [0.05], [100, 200])
    assert [each["images"] for each in plan["power"]] == [200, 400]
    needed = plan["required"][0]
    assert needed["images"] == 2 * needed["patients"]
    assert plan["labelled"] == []
    at = plan_from_assumptions(ASSUMED, [0.05], [needed["patients"]])["power"][0]["power"]
    assert at == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("assumed", "points", "said"),
    [
        (Assumptions("brier", 0.8, 0.3), 0.05, "is one of accuracy"),
        (Assumptions("auroc", 1.2, 0.3), 0.05, "score lies between 0 and 1. Got 1.2"),
        (Assumptions("auroc", 0.8, 0.0), 0.05, "prevalence lies between 0 and 1. Got 0"),
        (Assumptions("auroc", 0.8, 0.3, 0.5), 0.05, "one image or more. Got 0.5"),
        (Assumptions("auroc", 0.8, 0.3, model_correlation=1.0), 0.05, "Got 0.5 and 1"),
        (Assumptions("auroc", 0.98, 0.3), 0.05, "leaves no room for 5 points more"),
        (ASSUMED, -0.05, "Points are above 0 and 100 at most. Got -5"),
        (ASSUMED, math.nan, "Points are above 0"),
    ],
)
def test_what_cannot_be_is_refused(assumed, points, said):
    with pytest.raises(AskedWrongly, match=said):
        plan_from_assumptions(assumed, [points], [100])
