"""What a study leaves out to save time, and what it can still report when its time is up."""

from collections.abc import Callable
from dataclasses import replace

from radapt.adaptation.table import get_strategy
from radapt.errors import RadaptError
from radapt.images.notice import Notice
from radapt.study.plan import Cell, Plan, cells
from radapt.text import counted, joined


class OutOfTime(RadaptError):
    """A study whose time was up before anything could be compared."""

    def __init__(self, minutes: float, done: int, cells: int) -> None:
        super().__init__(
            f"The time limit of {minutes:g} min was reached with {done} of {counted(cells, 'cell')} done, "
            "too few to compare anything. They are kept: the same command goes on from there, and --quick "
            "takes less."
        )


def finished_part(plan: Plan, is_done: Callable[[Cell], bool]) -> Plan | None:
    """Return the largest part of a plan whose models are all trained; None if nothing can be compared.

    Whole training seeds are kept if one is done. Otherwise the first seed's budgets that every strategy has
    been tried at are kept, or the strategies that are done at the first budget; where none of these takes
    labels, no budget is kept.

    Parameters
    ----------
    plan
        The whole plan.
    is_done
        Whether a cell of it is trained and scored.
    """
    for seeds in range(plan.seeds, 0, -1):
        if _all_done(part := replace(plan, seeds=seeds), is_done):
            return part
    first = replace(plan, seeds=1)
    for number in range(len(plan.budgets) - 1, 0, -1):
        if _all_done(part := replace(first, budgets=plan.budgets[:number]), is_done):
            return part
    first = replace(first, budgets=plan.budgets[:1])
    done = tuple(
        name for name in plan.strategies if _all_done(replace(first, strategies=("none", name)), is_done)
    )
    labelled = any(get_strategy(name).needs == "labelled" for name in done)
    part = replace(first, strategies=done, budgets=first.budgets if labelled else ())
    return part if set(done) - {"none"} else None


def _all_done(plan: Plan, is_done: Callable[[Cell], bool]) -> bool:
    return all(map(is_done, cells(plan)))


def time_limit_notice(plan: Plan, part: Plan) -> Notice:
    """Say what a study leaves out that was stopped by its time limit."""
    left = [
        f"{part.seeds} of {counted(plan.seeds, 'training seed')}" if part.seeds < plan.seeds else "",
        f"the budgets {joined(part.budgets)}" if part.budgets not in ((), plan.budgets) else "",
        f"the strategies {joined(part.strategies)}" if part.strategies != plan.strategies else "",
    ]
    text = (
        f"The time limit of {plan.minutes:g} min was reached, so this holds only "
        f"{joined(filter(None, left))}. The same command goes on from there."
    )
    return Notice("time-limit", "note", text)


def shortened_notices(plan: Plan) -> tuple[Notice, ...]:
    """Say what the options of a study leave out to save time."""
    notices = []
    if plan.quick:
        epochs = "" if plan.epochs is None else f" in at most {counted(plan.epochs, 'epoch')}"
        text = (
            f"--quick tried no more than {joined(plan.strategies)}, and trained{epochs}. A whole study may "
            "find more: run it again without --quick, with another --out."
        )
        notices.append(Notice("quick", "note", text))
    if not plan.checks:
        text = (
            "What hiding parts of the images does to the scores was not measured, to save time. Whether the "
            "models look at the lungs is not known: the same command with --checks, and without a time "
            "limit, measures it."
        )
        notices.append(Notice("unchecked", "note", text))
    return tuple(notices)
