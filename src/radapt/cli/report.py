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


Other = Annotated[
    Path | None,
    typer.Argument(metavar="[STUDY]", help="A second study, to compare with the first on one page."),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The page of two studies. Without it: two_studies.html, in the working folder.",
        rich_help_panel=OUTPUT,
    ),
]


def report(
    folder: Folder,
    other: Other = None,
    out: Page = None,
    as_json: options.Json = False,
    checklist: Checklist = False,
    card: Card = False,
    pdf: Pdf = False,
) -> None:
    """Write the report of a study or run again, its numbers, a checklist or card, or compare two studies."""
    if other is not None or out is not None:
        _report_two(folder, other, out, as_json=as_json, of_one=checklist or card, pdf=pdf)
        return
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


def _report_two(
    first: Path, second: Path | None, out: Path | None, *, as_json: bool, of_one: bool, pdf: bool
) -> None:
    """Compare two studies on one page."""
    from radapt.errors import AskedWrongly
    from radapt.report.folder import kind_of
    from radapt.report.two_studies_page import verdicts, write_two_studies
    from radapt.study.two_studies import compare_studies

    if of_one:
        raise AskedWrongly("--checklist and --card are for one study or run: leave them out, or give one.")
    if second is None:
        raise AskedWrongly("--out is for the page of two studies: leave it out, or give a second.")
    for folder in (first, second):
        if (kind := kind_of(folder)) != "study":
            raise AskedWrongly(f"Two studies are compared, and {folder} holds a {kind}: see radapt compare.")
    compared = compare_studies(first, second)
    if as_json:
        say_json(compared.as_dict())
        return
    page = Path("two_studies.html") if out is None else out
    write_two_studies(compared, page)
    for sentence in (*verdicts(compared), *compared.notes):
        say(sentence)
    _say_page("Two studies", page, pdf)


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
