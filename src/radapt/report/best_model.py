"""The one model that a study's page calls the best, and sentences about it."""

from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.folder import Study
from radapt.study.comparison import Difference, best_model


def best_difference(study: Study) -> Difference | None:
    """Return the gain of the best model (`radapt.study.comparison.best_model`); None if that is the base."""
    return best_model(study.differences, study.plan.metric)


def best_named(study: Study) -> str:
    """Return which model the page calls the best, and why, in a sentence; "" where nothing was compared."""
    difference = best_difference(study)
    if difference is None:
        return ""
    name, metric = wording.model(difference.strategy, difference.budget), find_metric(study.plan.metric).words
    if difference.verdict == "better":
        why = f"among the models named here it has the largest gain in {metric} on the target images"
    else:
        why = f"nothing was shown to help, and it has the best {metric} on the target images"
    return f"Below, “the best” is {name}: {why}."


def is_best(strategy: str, budget: int, study: Study) -> bool:
    """Return whether a model is the one that the page calls the best."""
    difference = best_difference(study)
    return difference is not None and (difference.strategy, difference.budget) == (strategy, budget)


def named(strategy: str, budget: int, study: Study) -> str:
    """Return the name of a model of a study, and mark the best: `the best (head with 64 labelled images)`."""
    name = wording.model(strategy, budget)
    return f"the best ({name})" if is_best(strategy, budget, study) else name


def recovered(study: Study) -> str:
    """Return a sentence on the share of the drop that the best model recovered; "" if unknown."""
    for row in study.recovered:
        if is_best(row.strategy, row.budget, study):
            ends = " to ".join(f"{100 * end:.0f}" for end in (row.low, row.high))
            name = named(row.strategy, row.budget, study)
            return (
                f"{name[:1].upper()}{name[1:]} recovered {100 * row.value:.0f} % [{ends}] of the "
                f"drop in {find_metric(row.metric).words} under the shift."
            )
    return ""
