"""The scores of a study's strategies for each value of a column of the target images, as tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.evaluation.scores import Score
from radapt.metrics.table import metric as find_metric
from radapt.report import tables
from radapt.report.wording import images_of
from radapt.runs.holdout import ImageCount
from radapt.stats.estimate import Estimate


@dataclass(frozen=True, slots=True)
class SubgroupTables:
    """The tables of a column."""

    column: str
    metrics: tuple[str, ...]  # headings
    tables: Sequence[tables.ScoreTable]  # one a group
    too_small: tuple[str, ...]  # a sentence for each group that was not scored


def subgroup_tables(rows: Sequence[Mapping[str, Any]], strategies: Sequence[str]) -> list[SubgroupTables]:
    """Return the tables of each column of `radapt.study.subgroups.subgroup_rows`."""
    columns = dict.fromkeys(row["column"] for row in rows)
    return [
        _of_column(column, [row for row in rows if row["column"] == column], strategies) for column in columns
    ]


def _of_column(column: str, rows: Sequence[Mapping[str, Any]], strategies: Sequence[str]) -> SubgroupTables:
    scores = [score for row in rows for score in _scores(row)]
    headings = {each["group"]: f"{each['group']}: {images_of(_count(each))}" for each in rows[0]["groups"]}
    metrics = list(dict.fromkeys(score.metric for score in scores))
    return SubgroupTables(
        column,
        tuple(find_metric(name).heading for name in metrics),
        tables.score_tables(scores, headings, strategies, metrics),
        tuple(
            f"{each['group']} ({images_of(_count(each))}): {each['reason']}." for each in rows[0]["too_small"]
        ),
    )


def _scores(row: Mapping[str, Any]) -> Iterator[Score]:
    for group in row["groups"]:
        for each in group["estimates"]:
            estimate = Estimate.from_dict(each)
            yield Score(row["strategy"], int(row["budget"]), group["group"], each["metric"], estimate)


def _count(group: Mapping[str, Any]) -> ImageCount:
    return ImageCount(group["images"], group["patients"], {})
