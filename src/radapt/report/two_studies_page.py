"""Two studies on one page: their scores side by side, the differences, and what differs between the plans."""

from pathlib import Path
from typing import Any

from radapt.files import write_text
from radapt.metrics.table import metric as find_metric
from radapt.report import tables, wording
from radapt.report.render import environment
from radapt.study.two_studies import PAIRED, ComparedRow, TwoStudies, in_a_sentence


def write_two_studies(compared: TwoStudies, path: Path) -> None:
    """Write the page of two studies, whole or not at all.

    Raises
    ------
    RadaptError
        If it cannot be written there.
    """
    write_text(path, render_two_studies(compared))


def render_two_studies(compared: TwoStudies) -> str:
    """Return two studies as one self-contained HTML page; equal studies give identical pages."""
    return environment().get_template("two_studies.html.j2").render(_page(compared))


def verdicts(compared: TwoStudies) -> list[str]:
    """Return a sentence for each strategy and budget on the target images, by the first study's metric."""
    metric = compared.rows[0].metric if compared.rows else ""
    rows = [row for row in compared.rows if (row.domain, row.metric) == ("target", metric)]
    return [in_a_sentence(row, compared.names) for row in rows]


def _page(compared: TwoStudies) -> dict[str, Any]:
    strategies = tuple(dict.fromkeys(row.strategy for row in compared.rows))
    of = dict.fromkeys((row.domain, row.metric) for row in compared.rows)
    return {
        "title": f"{compared.names[0]} and {compared.names[1]}",
        "names": compared.names,
        "verdicts": verdicts(compared),
        "notes": compared.notes,
        "differs": compared.differs,
        "tables": [_table(compared, domain, metric, strategies) for domain, metric in of],
    }


def _table(compared: TwoStudies, domain: str, metric: str, strategies: tuple[str, ...]) -> dict[str, Any]:
    rows = [row for row in compared.rows if (row.domain, row.metric) == (domain, metric)]
    side, measure = wording.DOMAINS[domain], find_metric(metric)
    return {
        "heading": f"{side[:1].upper()}{side[1:]}, {measure.heading}",
        "difference": "Difference, points" if wording.in_percent(metric) else "Difference",
        "methods": wording.method_words([score for row in rows for score in row.scores]),
        "of_differences": wording.method_words([row.difference for row in rows]),
        "paired": all(row.how == PAIRED for row in rows),
        "rows": [_written(row, tables.series_of(row.strategy, strategies)) for row in rows],
    }


def _written(row: ComparedRow, series: int) -> dict[str, Any]:
    one, other = row.images
    budget = f"{one:,}" if one == other else f"{one:,} and {other:,}"
    return {
        "strategy": row.strategy,
        "series": series,
        "budget": f"{row.budget} ({budget})" if row.budget and row.budget != budget else row.budget or "0",
        "scores": [wording.number(row.metric, each) for each in row.scores],
        "difference": wording.change(row.metric, row.difference),
        "verdict": row.verdict,
    }
