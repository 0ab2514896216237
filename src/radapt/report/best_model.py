"""The one model that a study's page calls the best, and what is said of it."""

from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.folder import Gap, Study
from radapt.study.comparison import best_model


def best_gap(study: Study) -> Gap | None:
    """Give the gain of the best model (`radapt.study.comparison.best_model`); None if that is the base."""
    return best_model(study.gaps, study.asked.metric)


def best_named(study: Study) -> str:
    """Say which model is called the best on the page, and why; "" where nothing was compared."""
    gap = best_gap(study)
    if gap is None:
        return ""
    name, metric = wording.model(gap.strategy, gap.budget), find_metric(study.asked.metric).words
    if gap.verdict == "better":
        why = f"of what is named here it gains most {metric} on the target images"
    else:
        why = f"nothing was shown to help, and its {metric} on the target images came out highest"
    return f"Below, “the best” is {name}: {why}."


def is_best(strategy: str, budget: int, study: Study) -> bool:
    """Say whether a model is the one that is called the best."""
    gap = best_gap(study)
    return gap is not None and (gap.strategy, gap.budget) == (strategy, budget)


def named(strategy: str, budget: int, study: Study) -> str:
    """Name a model of a study, the best as such: `the best (head with 64 labelled images)`."""
    name = wording.model(strategy, budget)
    return f"the best ({name})" if is_best(strategy, budget, study) else name


def regained(study: Study) -> str:
    """Say how much of what the shift cost the best model won back; "" if unknown."""
    for row in study.regained:
        if is_best(row.strategy, row.budget, study):
            ends = " to ".join(f"{100 * end:.0f}" for end in (row.low, row.high))
            return (
                f"Of the {find_metric(row.metric).words} that the shift cost, "
                f"{named(row.strategy, row.budget, study)} won back {100 * row.value:.0f} % [{ends}]."
            )
    return ""
