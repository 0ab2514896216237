"""The command report."""

from pathlib import Path
from typing import Annotated

import typer

from radapt.cli import options
from radapt.cli.printing import say, say_json


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A folder that study, demo, train or adapt wrote.")
    ],
    as_json: options.Json = False,
    checklist: Annotated[
        bool,
        typer.Option("--checklist", help="Write checklist.md: TRIPOD+AI and CLAIM, filled as far as known."),
    ] = False,
) -> None:
    """Draw a finished study's (or run's) report again, or give its numbers as JSON, or a checklist."""
    if checklist:
        from radapt.report.checklist import write_checklist

        say(f"Checklist: {write_checklist(folder)}", error=as_json)
    if as_json:
        from radapt.report.json_summary import read_numbers

        say_json(read_numbers(folder))
    elif not checklist:
        from radapt.report.render import write_report

        say(f"Report: {write_report(folder)}")
