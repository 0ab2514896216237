"""How long a study may take: options that fit it to the user's patience."""

from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli.sections import COMPARISON, EVALUATION

if TYPE_CHECKING:
    from radapt.study.protocol import Protocol

QUICK_STRATEGIES = "none,recalibrate,linear-probe"  # each takes seconds
QUICK_EPOCHS = 4

TimeLimit = Annotated[
    float | None,
    typer.Option(
        "--time-limit",
        help="Begin no model after so many minutes, which several targets or models share, and report what "
        "is done by then; the same command goes on later. Without it there is no limit.",
        rich_help_panel=COMPARISON,
    ),
]
Checks = Annotated[
    bool,
    typer.Option(
        "--checks/--no-checks",
        help="Measure the scores with parts of the images hidden, which shows whether a model looks at the "
        "lungs and takes a while with many test images. Past --time-limit this is left out.",
        rich_help_panel=EVALUATION,
    ),
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help=f"A first look: {QUICK_STRATEGIES}, and {QUICK_EPOCHS} epochs, where --strategies and "
        "--epochs do not say otherwise.",
        rich_help_panel=COMPARISON,
    ),
]


def for_a_first_look(
    strategies: str | None, epochs: int | None, claim: "Protocol | None"
) -> tuple[str, int, bool]:
    """Return the strategies and epochs of a quick study, and whether the user left one of them to it.

    Raises
    ------
    AskedWrongly
        If a protocol defines the study, `claim`.
    """
    if claim is not None:
        from radapt.errors import AskedWrongly

        raise AskedWrongly(
            "The protocol defines the study, and --quick would contradict it: leave that out, or take a "
            "first look without --protocol."
        )
    return strategies or QUICK_STRATEGIES, epochs or QUICK_EPOCHS, not (strategies and epochs)
