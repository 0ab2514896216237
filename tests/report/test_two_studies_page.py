"""The page of two studies shows scores with intervals, the differences, and what the plans differ in."""

from radapt.report.two_studies_page import render_two_studies, verdicts
from radapt.stats.estimate import Estimate
from radapt.study.two_studies import ComparedRow, TwoStudies


def estimate(value):
    return Estimate(value, value - 0.02, value + 0.02, 100, 50, method="made")


def row(strategy, how="paired", verdict="better", domain="target"):
    scores = (estimate(0.7), estimate(0.8))
    return ComparedRow(strategy, "64", (64, 60), domain, "accuracy", scores, estimate(0.1), how, verdict)


def test_scores_differences_and_plans_are_on_it():
    compared = TwoStudies(
        ("one", "<other>"),
        (row("head"), row("full", domain="source", how="unpaired")),
        (("plan: epochs", "3", "none"),),
        ("A note.",),
    )
    page = render_two_studies(compared)
    for text in (
        "70.0",
        "[68.0, 72.0]",
        "+10.0",
        "plan: epochs",
        "A note.",
        "64 (64 and 60)",
        "paired on the same",
    ):
        assert text in page
    assert "do not allow for the number of comparisons" in page
    assert "&lt;other&gt;" in page
    assert "<other>" not in page
    (sentence,) = verdicts(compared)
    assert sentence.startswith(
        "head (64): <other> scored better than one (+10.0 points [8.0, 12.0] of accuracy"
    )


def test_equal_plans_say_so():
    assert "Nothing: options, data and versions are the same." in render_two_studies(
        TwoStudies(("one", "other"), (row("head"),), (), ())
    )
