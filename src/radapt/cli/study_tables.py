"""What a study prints when it is done: a table, the answer, a line for each budget, and warnings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli.printing import estimate_table, print_table, say, say_notices, say_subgroups
from radapt.cli.sections import OUTPUT
from radapt.text import told_apart

if TYPE_CHECKING:
    from radapt.report.folder import Study
    from radapt.stats.estimate import Estimate

Wide = Annotated[
    bool,
    typer.Option(
        "--wide",
        help="Print the scores by every metric; without it by the metric of the recommendation.",
        rich_help_panel=OUTPUT,
    ),
]
_LONGEST_NAME = 20  # characters of a data set at the head of a column


def print_study(result: Mapping[str, Any], out: Path, *, wide: bool = False) -> None:
    """Print the scores, the answer, a line for each budget and the warnings of a study; write its report."""
    from radapt.report.folder import read_study
    from radapt.report.overview import questions
    from radapt.report.render import write_report
    from radapt.study.answers import answer, budget_lines, short_name
    from radapt.study.decision import decide

    study = read_study(out)
    asked = questions(study)
    if wide:
        estimate_table(result["estimates"])
    else:
        _print_scores(study, (asked.source, short_name(asked.target, asked.source)))
    if folds := result["plan"].get("folds"):
        say(f"The target images were tested out of fold, {folds} folds.")
    say_subgroups(result["subgroups"])
    say("")
    if result["protocol"]:
        verdict = result["protocol"]["verdict"]
        say(f"{verdict['word']}. {verdict['reason']}")
        say("The rest is exploratory:")
    answers = answer(asked)
    say(answers.headline)
    for line in budget_lines(decide(study.differences, asked.metric, asked.margin), asked.budgets):
        say(f"  {line}")
    if answers.next:
        say(f"Next: {answers.next}")
    _say_notices_of(study)
    say(f"Report: {write_report(out)}")


def _say_notices_of(study: "Study") -> None:
    """Print the notices of a finished study, except those that were printed when its images were read."""
    from radapt.report.performance import threshold_warnings
    from radapt.report.warnings import data_notices, study_warnings

    printed = data_notices(study)
    notices = [*study_warnings(study), *threshold_warnings(study)]
    say_notices(notice for notice in notices if notice not in printed)


def _print_scores(study: "Study", names: Sequence[str]) -> None:
    """Print the scores by the metric of the recommendation, and the differences from no adaptation."""
    from radapt.metrics.table import metric as find_metric

    metric = find_metric(study.plan.metric)
    scores = {
        (row.strategy, row.budget, row.domain): row.estimate
        for row in study.scores
        if row.metric == metric.name
    }
    gains = {
        (row.strategy, row.budget): row
        for row in study.differences
        if (row.against, row.domain, row.metric) == ("none", "target", metric.name)
    }
    rows = []
    for strategy, budget in dict.fromkeys((strategy, budget) for strategy, budget, _ in scores):
        gain = gains.get((strategy, budget))
        on = [_hundred(scores.get((strategy, budget, domain))) for domain in ("target", "source")]
        rows.append(
            [
                strategy,
                study.budget_names.get(budget, f"{budget:,}"),
                *on,
                "" if gain is None else _hundred(gain.estimate, sign="+"),
                "" if gain is None else gain.verdict,
            ]
        )
    unit = ", %" if metric.unit else " x 100"
    test = study.roles["target test"]
    say("")
    say(
        f"{metric.title}{unit}, with 95 % intervals by patient; {test.images:,} target test images of "
        f"{test.patients:,} patients."
    )
    source, target = told_apart(names, _LONGEST_NAME, ("source", "target"))
    print_table(["strategy", "labels", target, source, "difference", "verdict"], rows)
    open_rows = (row.estimate for row in gains.values() if row.verdict == "inconclusive")
    if any(estimate.low * estimate.high > 0 for estimate in open_rows):
        say("Verdicts allow for all comparisons: beside “inconclusive” an interval may exclude 0.")


def _hundred(estimate: "Estimate | None", sign: str = "") -> str:
    if estimate is None:
        return ""
    if estimate.value != estimate.value:
        return "not defined"
    low, value, high = (100 * each for each in (estimate.low, estimate.value, estimate.high))
    return f"{value:{sign}.1f} [{low:.1f}, {high:.1f}]"
