"""The command explain."""

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.models import open_classifier
from radapt.cli.printing import print_table, say, say_json, say_notices
from radapt.cli.sections import EVALUATION, OUTPUT
from radapt.text import counted, passed_over

if TYPE_CHECKING:
    from radapt.explaining.explanation import Explanations

Method = Annotated[
    str,
    typer.Option(
        "--method",
        help="How maps are made: grad-cam; integrated-gradients or occlusion (extra explain). Occlusion "
        "takes any model, programs from a file too.",
        rich_help_panel=EVALUATION,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--class",
        help="The class whose score is explained. Without it: the likeliest of each image.",
        rich_help_panel=EVALUATION,
    ),
]
Layer = Annotated[
    str | None,
    typer.Option(
        "--layer",
        help="The block whose map Grad-CAM takes, as `radapt models RUN` lists them. Without it: the last "
        "with 5 x 5 places or more.",
        rich_help_panel=EVALUATION,
    ),
]
Maps = Annotated[
    Path, typer.Option("--out", help="The folder to write maps and a page to.", rich_help_panel=OUTPUT)
]


def explain(
    run: options.Run,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR...", help="Images, or folders of images.")],
    method: Method = "grad-cam",
    target: Target = None,
    layer: Layer = None,
    out: Maps = Path("explanations"),
    as_json: options.Json = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Draw over images what speaks for a class, and check what such a map is worth as evidence."""
    from radapt.artefacts import EXPLANATIONS, EXPLANATIONS_PAGE
    from radapt.cli.progress import watcher
    from radapt.device import select_device
    from radapt.explaining.explanation import ExplainOptions
    from radapt.explaining.folder import as_document, explain_to_folder
    from radapt.report.explanations_page import render_explanations
    from radapt.workfolder import check_ours

    check_ours(out, EXPLANATIONS)
    asked, hardware = ExplainOptions(method, target, layer), select_device(device, "fp32", threads)
    classifier = open_classifier(run)
    found = explain_to_folder(classifier, files, asked, hardware, out, render_explanations, watcher())
    if as_json:
        say_json(as_document(found))
    else:
        _say_maps(found)
        if found.images:
            say(f"Page: {out / EXPLANATIONS_PAGE}")
    if not found.images:
        raise typer.Exit(1)


def _say_maps(found: "Explanations") -> None:
    from radapt.explaining.overlay import RESEARCH_USE

    head = ["image", "class", "score", "deletion", "random", "insertion", "random", "random weights"]
    rows = []
    for each in found.images:
        areas = [(area.value, fmean(area.random)) for area in (each.deletion, each.insertion)]
        numbers = [each.scores[each.target], *(value for pair in areas for value in pair)]
        alike = "" if each.alike is None else f"{each.alike:.2f}"
        rows.append([each.path, each.target, *(f"{number:.3f}" for number in numbers), alike])
    print_table(head, rows)
    for failed in found.failed:
        say(f"not read: {failed['path']} {failed['error']}")
    if found.passed:
        say(f"Passed over: {passed_over(found.passed)}.")
    total = len(found.images) + len(found.failed)
    say(f"{len(found.images)} of {counted(total, 'image')} {'was' if total == 1 else 'were'} read.")
    if found.about["layer"]:
        say(f"Grad-CAM of {found.about['layer']}.")
    say(
        "Deletion: lower than in random orders is good. Insertion: higher is good. Random weights: how alike "
        "the map stays with them; near 0 is good."
    )
    say_notices(found.notices)
    say(RESEARCH_USE)
