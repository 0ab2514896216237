"""Where the uncertainty of a study's numbers comes from: so much from the images, so much from the seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radapt.metrics.table import metric as find_metric
from radapt.report import tables, wording
from radapt.report.folder import Score, Study
from radapt.stats.estimate import Estimate
from radapt.stats.intervals import spread_factors


@dataclass(frozen=True, slots=True)
class VarianceTables:
    """Tables of standard errors, of scores and of what was gained, and what to know of them."""

    metrics: tuple[str, ...]  # the headings of columns
    scores: list[tables.ScoreTable]
    gap_metrics: tuple[str, ...]
    gains: list[tables.ScoreTable]
    caption: str


def variance_tables(study: Study, headings: Mapping[str, str]) -> VarianceTables | None:
    """Lay out where the uncertainty of scores and gains comes from; None where that was not told.

    It is told of several training seeds.

    Parameters
    ----------
    headings
        What to call each test set, by domain, in the order in which to show them.
    """
    if all(math.isnan(row.estimate.se_test_set) for row in study.scores):
        return None
    gains = [
        Score(gap.strategy, gap.budget, gap.domain, gap.metric, gap.estimate)
        for gap in study.gaps
        if gap.against == "none"
    ]
    shown, compared = tables.metrics_shown(study.scores), tables.gap_metrics(study.gaps)
    return VarianceTables(
        tuple(find_metric(name).heading for name in shown),
        _laid(study, study.scores, headings, shown),
        tuple(find_metric(name).gap_heading for name in compared),
        _laid(study, gains, {name: f"{words}, against none" for name, words in headings.items()}, compared),
        _caption(study.asked.seeds),
    )


def _laid(
    study: Study, rows: Sequence[Score], headings: Mapping[str, str], metrics: Sequence[str]
) -> list[tables.ScoreTable]:
    return tables.score_tables(rows, headings, study.asked.strategies, metrics, _parts)


def _parts(metric: str, given: Estimate) -> tables.Parts:
    if math.isnan(given.se_test_set):
        return tables.Parts("", "")
    return tables.Parts(wording.size(metric, given.se_test_set), wording.size(metric, given.se_seeds))


def _caption(seeds: int) -> str:
    low, high = spread_factors(seeds)
    return (
        "Standard errors; an interval reaches about two of them to each side. Images: by how much the number "
        "would vary on other patients’ images, with these models. Seeds: by how much with other training "  # noqa: RUF001
        "seeds on these images; a seed draws first weights, batches and the labelled images of its number. "
        "Where images have the larger part, more test images would help; where seeds have, more training "
        f"seeds. From {seeds} seeds, the part of the seeds is itself known only to between {low:.1f} and "
        f"{high:.1f} times what it says."
    )
