"""The verdict on the claim of a protocol."""

import math
from dataclasses import replace

import pytest
from protocols import PROTOCOL

from radapt.errors import AskedWrongly
from radapt.stats.estimate import Estimate
from radapt.study.claim import ClaimVerdict, evaluate_claim


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, 100, 80)


@pytest.mark.parametrize(
    ("target", "source", "word"),
    [
        ((0.08, 0.06, 0.10), (0.00, -0.01, 0.01), "Accept"),
        ((0.08, 0.06, 0.10), (-0.03, -0.04, -0.021), "Reject"),
        ((0.03, 0.01, 0.04), (0.00, -0.01, 0.01), "Reject"),
        ((0.04, 0.03, 0.05), (0.00, -0.01, 0.01), "Reject"),  # the margin itself is not above the margin
        ((0.03, 0.01, 0.04), (-0.02, -0.05, 0.01), "Reject"),
        ((0.08, 0.05, 0.10), (0.00, -0.01, 0.01), "Inconclusive"),
        ((0.08, 0.04, 0.10), (0.00, -0.01, 0.01), "Inconclusive"),
        ((0.08, 0.06, 0.10), (-0.01, -0.02, 0.01), "Inconclusive"),
        ((0.08, 0.06, 0.10), (-0.03, -0.04, -0.02), "Inconclusive"),
        ((math.nan, math.nan, math.nan), (0.0, 0.0, 0.0), "Inconclusive"),
        ((0.08, 0.06, 0.10), (math.nan, math.nan, math.nan), "Inconclusive"),
        ((math.nan, math.nan, math.nan), (-0.03, -0.04, -0.03), "Reject"),
    ],
)
def test_the_verdict_follows_from_both_intervals(target, source, word):
    assert evaluate_claim(PROTOCOL, estimate(*target), estimate(*source)).word == word


def test_a_verdict_gives_its_reason_with_the_numbers():
    verdict = evaluate_claim(PROTOCOL, estimate(0.08, 0.06, 0.10), estimate(-0.01, -0.03, 0.01))
    assert verdict.reason == (
        "head with 64 labelled images: on the target images +8.0 points [6.0, 10.0] of AUROC, all "
        "of it above the "
        "margin of 5.0 points; on the source images -1.0 points [-3.0, 1.0] of AUROC, so it is open "
        "whether more is lost than the 2.0 points that may be lost."
    )
    assert verdict.as_dict() == {"word": "Inconclusive", "reason": verdict.reason}
    assert ClaimVerdict.from_dict(verdict.as_dict()) == verdict
    nothing = evaluate_claim(PROTOCOL, estimate(math.nan, math.nan, math.nan), estimate(0.0, 0.0, 0.0))
    assert "on the target images AUROC is not defined" in nothing.reason


def test_the_same_predictions_gain_nothing_and_lose_nothing():
    same = estimate(0.0, 0.0, 0.0)
    verdict = evaluate_claim(replace(PROTOCOL, superiority_margin=0.0), same, same)
    assert verdict.word == "Reject"
    assert "so less is lost" in verdict.reason


def test_intervals_of_another_level_are_not_judged_by():
    with pytest.raises(AskedWrongly, match="intervals of 95%. Got one of 90%"):
        evaluate_claim(PROTOCOL, estimate(0.08, 0.06, 0.10), Estimate(0, -0.01, 0.01, 100, 80, level=0.9))
