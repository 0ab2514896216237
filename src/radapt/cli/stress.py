"""The command stress."""

from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_options_for, takes_data
from radapt.cli.known_images import learned_images, scored_part
from radapt.cli.models import open_classifier
from radapt.cli.printing import print_table, say, say_json, say_notices
from radapt.cli.sections import EVALUATION, OUTPUT
from radapt.text import whole_number

Suite = Annotated[
    str,
    typer.Option(
        "--suite",
        help="The shifts: all, medmnist-c, chexphoto, or names separated by commas.",
        rich_help_panel=EVALUATION,
    ),
]
Severities = Annotated[
    str | None,
    typer.Option(
        "--severities",
        help="Severities from 1 to 5, separated by commas. Without it: all.",
        rich_help_panel=EVALUATION,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--out", help="The folder to write. Without it: a folder inside RUN.", rich_help_panel=OUTPUT
    ),
]


@takes_data(preprocessing=False)
def stress(
    run: options.Run,
    data: options.Data,
    images: DataOptions,
    suite: Suite = "all",
    severities: Severities = None,
    part: options.ScoredPart = None,
    out: Folder = None,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Score a model under every shift of a suite, and rank the shifts by the accuracy that they cost."""
    from radapt.cli.progress import watcher
    from radapt.device import select_device
    from radapt.evaluation.stress import StressOptions, shifts_of, stress_model
    from radapt.images.store.location import check_outside
    from radapt.report.render import write_report
    from radapt.runs.folder import is_finished

    check_outside(data, out, "The stress test")
    settings = StressOptions(suite, parse_severities(severities), seed)
    shifts_of(settings.suite, settings.severities)  # unknown names are refused before images are read
    classifier, hardware = open_classifier(run), select_device(device, "fp32", threads)
    dataset = load_images(data, load_options_for(classifier, images, [data])[0], classifier.spec.classes)
    part = scored_part(dataset, part, run)
    dataset = dataset.with_all() if part == "all" else dataset
    tested = dataset[part]
    known, notices = learned_images(dataset, part, run)
    say_notices(notices)
    result = stress_model(
        classifier,
        tested,
        out or run / f"stress-{suite.replace(',', '-')}",
        settings,
        about={"data": dataset.origin.name, "part": part},
        hardware=hardware,
        watch=watcher(),
    )
    if as_json:
        counts = {"images": len(tested), "patients": len(set(tested.patients.tolist()))}
        say_json({**result, **counts, **known})
        return
    _print(result)
    if out is None and is_finished(run):
        say(f"Report: {write_report(run)}")


def parse_severities(text: str | None) -> tuple[int, ...]:
    """Read severities separated by commas, in ascending order; all of them for None."""
    from radapt.errors import AskedWrongly
    from radapt.shift.table import SEVERITIES

    if text is None:
        return SEVERITIES
    severities = {whole_number(part) for part in text.split(",")}
    if not severities <= set(SEVERITIES):
        raise AskedWrongly(f"Severities are from 1 to 5, separated by commas. Got {text!r}.")
    return tuple(severity for severity in SEVERITIES if severity in severities)


def _print(result: dict[str, Any]) -> None:
    clean = ", ".join(f"{row['metric']} {_level(row['value'])}" for row in result["clean"])
    say(f"Without a shift: {clean}.")
    severities = sorted({row["severity"] for row in result["cells"]})
    cells = {(row["shift"], row["severity"]): row for row in result["cells"] if row["metric"] == "accuracy"}
    rows = []
    for ranked in result["ranking"]:
        name, lowest = ranked["shift"], ranked["lowest_harmful_severity"]
        drops = [_points(cells.get((name, severity))) for severity in severities]
        rows.append([name, *drops, _harm(lowest)])
    print_table(
        ["change of accuracy", *(f"@{severity}" if severity else "" for severity in severities), ""], rows
    )


def _level(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _harm(lowest: int | None) -> str:
    """Describe the lowest harmful severity; 0 is a shift without severities."""
    return "no harm shown" if lowest is None else f"hurts from {lowest}" if lowest else "hurts"


def _points(row: dict[str, Any] | None) -> str:
    return "" if row is None or row["drop"]["value"] is None else f"{100 * row['drop']['value']:+.1f}"
