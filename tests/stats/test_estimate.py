import json
import math
import re
from statistics import NormalDist

import numpy as np
import pytest
from prediction_samples import better_by, clustered, predictions

from radapt.stats.estimate import Estimate, minimum_detectable_difference, verdict
from radapt.stats.inference import difference, estimate


def test_an_estimate_prints_as_a_number_with_its_interval():
    assert str(Estimate(0.9123, 0.8841, 0.9359, 100, 80)) == "0.912 [0.884, 0.936]"
    assert str(Estimate(-0.0001, -0.02, 0.02, 100, 80)) == "0.000 [-0.020, 0.020]"
    assert str(Estimate(math.nan, math.nan, math.nan, 0, 0)) == "not defined"


def test_an_estimate_survives_strict_json():
    for given in (
        estimate("auroc", clustered(np.random.default_rng(0), 20, 2, 0.5, 1.0)),
        estimate("auroc", [predictions([0.1, 0.2], [0, 0])]),
    ):
        again = Estimate.from_dict(json.loads(json.dumps(given.as_dict(), allow_nan=False)))
        assert repr(again) == repr(given)


def test_an_estimate_written_before_a_field_was_known_can_be_read():
    old = Estimate(0.9, 0.8, 0.95, 100, 80).as_dict()
    del old["p"], old["lower_is_better"]
    assert repr(Estimate.from_dict(old | {"metric": "auroc"})) == repr(Estimate(0.9, 0.8, 0.95, 100, 80))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row.pop("high"), "an estimate lacks 'high'"),
        (lambda row: row.update(value="0.9"), "an estimate's 'value' is not '0.9'"),
        (lambda row: row.update(method=3), "an estimate's 'method' is not 3"),
    ],
)
def test_a_row_that_is_no_estimate_says_what_is_wrong_with_it(change, words):
    row = Estimate(0.9, 0.8, 0.95, 100, 80).as_dict()
    change(row)
    with pytest.raises(ValueError, match=re.escape(words)):
        Estimate.from_dict(row)


def test_the_verdict_follows_the_interval_and_not_the_value():
    assert verdict(Estimate(0.061, 0.020, 0.104, 624, 428)) == "better"
    assert verdict(Estimate(-0.061, -0.104, -0.020, 624, 428)) == "worse"
    assert verdict(Estimate(0.061, -0.001, 0.104, 624, 428)) == "inconclusive"
    assert verdict(Estimate(math.nan, math.nan, math.nan, 0, 0)) == "inconclusive"


def test_the_smallest_detectable_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(5)
    differences = []
    for _ in range(150):
        old = clustered(rng, 120, 1, 0.0, 1.2)[0]
        differences.append(
            difference("auroc", [better_by(old, 0.09, int(rng.integers(2**32)))], [old], draws=200)
        )
    power = np.mean([verdict(each) == "better" for each in differences])
    gain, least = (
        np.mean([each.value for each in differences]),
        np.mean([minimum_detectable_difference(each) for each in differences]),
    )
    expected = NormalDist().cdf(gain / (least / 2.802) - 1.96)
    assert power == pytest.approx(expected, abs=0.1)
    assert minimum_detectable_difference(Estimate(0.1, 0.0, 0.2, 10, 10, se=0.05)) == pytest.approx(
        0.1401, abs=1e-4
    )
