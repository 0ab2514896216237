"""The uncertainty of a study's numbers, split into that of the test set and that of the training seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radapt.evaluation.scores import Score
from radapt.metrics.table import metric as find_metric
from radapt.report import tables, wording
from radapt.report.folder import Study
from radapt.stats.estimate import Estimate
from radapt.stats.intervals import spread_factors


@dataclass(frozen=True, slots=True)
class VarianceTables:
    """Tables of standard errors of scores and of gains, with their caption."""

    metrics: tuple[str, ...]  # the headings of columns
    scores: list[tables.ScoreTable]
    compared_metrics: tuple[str, ...]
    gains: list[tables.ScoreTable]
    caption: str


def variance_tables(study: Study, headings: Mapping[str, str]) -> VarianceTables | None:
    """Return the standard errors of scores and gains by source; None with one training seed.

    Parameters
    ----------
    headings
        What to call each test set, by domain, in the order in which to show them.
    """
    if all(math.isnan(row.estimate.se_test_set) for row in study.scores):
        return None
    gains = [
        Score(row.strategy, row.budget, row.domain, row.metric, row.estimate)
        for row in study.differences
        if row.against == "none"
    ]
    shown, compared = tables.metrics_shown(study.scores), tables.metrics_of_differences(study.differences)
    return VarianceTables(
        tuple(find_metric(name).heading for name in shown),
        _laid(study, study.scores, headings, shown),
        tuple(find_metric(name).gap_heading for name in compared),
        _laid(
            study,
            gains,
            {name: f"{words}, compared with no adaptation" for name, words in headings.items()},
            compared,
        ),
        _caption(study.plan.seeds),
    )


def _laid(
    study: Study, rows: Sequence[Score], headings: Mapping[str, str], metrics: Sequence[str]
) -> list[tables.ScoreTable]:
    return tables.score_tables(rows, headings, study.plan.strategies, metrics, _standard_errors)


def _standard_errors(metric: str, estimate: Estimate) -> tables.StandardErrors:
    if math.isnan(estimate.se_test_set):
        return tables.StandardErrors("", "")
    return tables.StandardErrors(
        wording.size(metric, estimate.se_test_set), wording.size(metric, estimate.se_seeds)
    )


def _caption(seeds: int) -> str:
    low, high = spread_factors(seeds)
    return (
        "Standard errors; an interval reaches about two standard errors to each side. Test set: how much "
        "the number would vary with other test patients and the same models. Seeds: how much it would vary "
        "with other training seeds on the same test images; a seed draws the initial weights, the batches "
        "and the labelled images. Where the test set has the larger part, more test images would make the "
        f"number more certain; where the seeds have, more training seeds would. From {seeds} seeds, the "
        f"part of the seeds is itself uncertain: between {low:.1f} and {high:.1f} times the number shown."
    )
