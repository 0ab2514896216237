"""Commands that look whether images are fit to be used: audit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, left_out, say_notices, say_passed, takes_data, wanted
from radapt.cli.printing import print_table, say, say_json
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.audit.audit import Audit
    from radapt.audit.collection import Collection
    from radapt.images.load import LoadOptions

LISTED = 10  # findings of a kind that are printed; files that cannot be read all are


@takes_data()
def audit(
    data: options.Data,
    images: DataOptions,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="Another data set, which should share nothing with this one."),
    ] = None,
    as_json: options.Json = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with the findings and the images concerned.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with 1 if there is an error or a warning; notes are let pass."),
    ] = False,
) -> None:
    """Look for leaks, duplicates, broken files, odd images and shortcuts in a data set."""
    from radapt.audit.audit import run_audit
    from radapt.cli.progress import watcher
    from radapt.images.store.location import check_outside

    check_outside(data, html, "The page")
    request = wanted(images, size=128)
    first = _collected(data, request)
    second = None if against is None else _collected(against, request)
    found = run_audit(first, second, watch=watcher())
    say_notices(found.notices)
    for collection in (first, second):
        if collection is not None:
            say_passed(collection.origin)
    if html is not None:
        from radapt.report.audit_page import write_audit

        write_audit(found, html)
    if as_json:
        say_json({**found.as_dict(), **left_out(first.origin)})
    else:
        _say_audit(found)
        if html is not None:
            say(f"Page: {html}")
    if strict and not found.is_clean:
        raise typer.Exit(1)


def _collected(data: Path, request: "LoadOptions") -> "Collection":
    from radapt.audit.collection import collect
    from radapt.cli.progress import packing

    with packing(data) as progress:
        return collect(data, request, progress=progress)


def _say_audit(found: "Audit") -> None:
    from radapt.audit.finding import KINDS, SEVERITIES

    classes = list(dict.fromkeys(name for part in found.parts for name in part.classes))
    rows = [
        [
            part.name,
            str(part.images),
            str(part.patients),
            *(str(part.classes.get(name, 0)) for name in classes),
        ]
        for part in found.parts
    ]
    print_table(["split", "images", "patients", *classes], rows)
    if found.shortcuts.baselines:
        say("")
        baselines = [
            [baseline.name, str(baseline.estimate), baseline.about] for baseline in found.shortcuts.baselines
        ]
        print_table(
            ["seen", "AUROC", f"what a logistic regression sees; {found.shortcuts.held_out}"], baselines
        )
    for severity in SEVERITIES:
        for kind, title in KINDS.items():
            lines = [each for each in found.findings if (each.severity, each.kind) == (severity, kind)]
            shown = lines if kind == "unreadable" else lines[:LISTED]
            if lines:
                say("")
                say(f"{severity}: {title} ({kind}): {len(lines)}")
            for each in shown:
                _say_finding(each.detail, each.paths)
            if len(lines) > len(shown):
                say(f"  and {len(lines) - len(shown)} more; --json and --html name them")
    counts = [sum(each.severity == severity for each in found.findings) for severity in SEVERITIES]
    said = ", ".join(counted(count, name) for count, name in zip(counts, SEVERITIES, strict=True))
    say("")
    say(f"{said}.")
    for name, images in {"": found.images, "the other ": found.other}.items():
        if images is not None:
            files = len(images) + len(images.origin.failed)
            were = "was" if files == 1 else "were"
            say(f"{len(images):,} of {counted(files, 'image')} of {name}{images.origin.name} {were} read.")


def _say_finding(detail: str, paths: tuple[str, ...]) -> None:
    if len(paths) == 1:
        say(f"  {paths[0]}: {detail[0].lower()}{detail[1:]}")
        return
    say(f"  {detail}")
    if paths:
        rest = f", and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
        say(f"    {', '.join(paths[:LISTED])}{rest}")
