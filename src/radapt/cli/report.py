"""The command report."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from radapt.artefacts import CELLS, RECORD, SCORES, SEVERAL, STUDY
from radapt.cli import options
from radapt.cli.printing import say, say_json
from radapt.cli.sections import OUTPUT
from radapt.errors import BadArtefact

STRESS = "stress."  # begins the names of a stress test's files

Folder = Annotated[
    Path, typer.Argument(metavar="STUDY", help="A folder that study, demo, train or adapt wrote.")
]
Checklist = Annotated[
    bool,
    typer.Option(
        "--checklist",
        help="Write also checklist.md: the items of TRIPOD+AI and CLAIM, filled in as far as they are known.",
        rich_help_panel=OUTPUT,
    ),
]

Card = Annotated[
    bool,
    typer.Option(
        "--card",
        help="Write model_card.md and model_card.json into the folder of a run: intended use, data, scores, "
        "limits, licence.",
        rich_help_panel=OUTPUT,
    ),
]

Pdf = Annotated[
    bool,
    typer.Option(
        "--pdf", help="Print the page to report.pdf too, by Chromium or Chrome.", rich_help_panel=OUTPUT
    ),
]


def report(
    folder: Folder,
    as_json: options.Json = False,
    checklist: Checklist = False,
    card: Card = False,
    pdf: Pdf = False,
) -> None:
    """Write the report of a finished study or run again, print its numbers, or write a checklist or card."""
    if (folder / SEVERAL).is_file() and not (checklist or card):
        _report_several(folder, as_json, pdf)
        return
    with _advice_on_damage(folder):
        if checklist:
            from radapt.report.checklist import write_checklist

            say(f"Checklist: {write_checklist(folder)}", error=as_json)
        if card:
            from radapt.exporting.model_card import write_model_card

            say(f"Model card: {write_model_card(folder, folder)}", error=as_json)
        if as_json:
            from radapt.report.json_summary import read_numbers

            say_json(read_numbers(folder))
        elif pdf or not (checklist or card):
            from radapt.report.render import write_report

            _say_page("Report", write_report(folder), pdf)


def _say_page(name: str, page: Path, pdf: bool) -> None:
    """Say where a page is, and print it to a PDF if asked to."""
    say(f"{name}: {page}")
    if pdf:
        from radapt.report.pdf import write_pdf

        say(f"PDF: {write_pdf(page)}")


def _report_several(folder: Path, as_json: bool, pdf: bool) -> None:
    """Write the page of several studies again, or print their summary."""
    from radapt.report.multi_target import read_several, write_overview

    if as_json:
        say_json(read_several(folder))
    else:
        _say_page("All studies", write_overview(folder), pdf)


@contextmanager
def _advice_on_damage(folder: Path) -> Iterator[None]:
    """Add to the error about a damaged file what to do about it."""
    try:
        yield
    except BadArtefact as error:
        if not any((folder / name).is_file() for name in (RECORD, STUDY)):
            raise
        raise BadArtefact(f"{error} {_remedy(folder, str(error))}") from None


def _remedy(folder: Path, message: str) -> str:
    """Return how to make the damaged file again that a message begins with."""
    repeat = f"epeat the command that wrote {folder}"
    cells, _, rest = message.partition(f"{folder / CELLS}{os.sep}")
    if rest and not cells:
        return f"Delete {folder / CELLS / Path(rest).parts[0]} and r{repeat}: it trains that model again."
    if (folder / STUDY).is_file():
        return f"R{repeat}: it writes the file again, and trains nothing again."
    if message.startswith((str(folder / RECORD), str(folder / SCORES))):
        return f"R{repeat}: it trains the model again."
    if STRESS in message.partition(" ")[0]:
        return "Repeat the stress test: it writes the file again."
    return f"Delete {folder / RECORD} and r{repeat}: it trains the model again."
