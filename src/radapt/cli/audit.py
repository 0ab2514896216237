"""The command audit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import (
    DataOptions,
    left_out_counts,
    load_options,
    say_notices,
    say_passed,
    takes_data,
)
from radapt.cli.printing import print_table, say, say_json
from radapt.cli.sections import DATA, OUTPUT
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.audit.audit import Audit
    from radapt.audit.collection import Collection
    from radapt.images.load import LoadOptions

MAX_LISTED = 10  # printed findings of a kind; unreadable files are all printed


Against = Annotated[
    Path | None,
    typer.Option(
        "--against",
        help="Another data set, which should share no patient or image with this one.",
        rich_help_panel=DATA,
    ),
]
Page = Annotated[
    Path | None,
    typer.Option("--html", help="Write a page with the findings and their images.", rich_help_panel=OUTPUT),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Exit with 1 if there is an error or a warning; notes pass.", rich_help_panel=OUTPUT
    ),
]


@takes_data()
def audit(
    data: options.Data,
    images: DataOptions,
    against: Against = None,
    as_json: options.Json = False,
    html: Page = None,
    strict: Strict = False,
) -> None:
    """Check a data set for leaks, duplicates, broken files, unusual images and shortcuts."""
    from radapt.audit.audit import run_audit
    from radapt.cli.progress import watcher
    from radapt.images.store.location import check_outside

    check_outside(data, html, "The page")
    request = load_options(images, size=128)
    first = _collected(data, request)
    second = None if against is None else _collected(against, request)
    result = run_audit(first, second, watch=watcher())
    say_notices(result.notices)
    for collection in (first, second):
        if collection is not None:
            say_passed(collection.origin)
    if html is not None:
        from radapt.report.audit_page import write_audit

        write_audit(result, html)
    if as_json:
        say_json({**result.as_dict(), **left_out_counts(first.origin)})
    else:
        _say_audit(result)
        if html is not None:
            say(f"Page: {html}")
    if strict and not result.is_clean:
        raise typer.Exit(1)


def _collected(data: Path, request: "LoadOptions") -> "Collection":
    from radapt.audit.collection import collect
    from radapt.cli.progress import Reading

    return collect(data, request, watch=Reading(data))


def _say_audit(result: "Audit") -> None:
    from radapt.audit.finding import SEVERITIES

    classes = list(dict.fromkeys(name for part in result.parts for name in part.classes))
    rows = [
        [
            part.name,
            str(part.images),
            str(part.patients),
            *(str(part.classes.get(name, 0)) for name in classes),
        ]
        for part in result.parts
    ]
    print_table(["split", "images", "patients", *classes], rows)
    if result.shortcuts.baselines:
        say("")
        print_table(
            ["input", "AUROC", f"features of a logistic regression; {result.shortcuts.held_out}"],
            [[each.name, str(each.estimate), each.about] for each in result.shortcuts.baselines],
        )
    _say_findings(result)
    counts = [sum(each.severity == severity for each in result.findings) for severity in SEVERITIES]
    say("")
    say(f"{', '.join(counted(count, name) for count, name in zip(counts, SEVERITIES, strict=True))}.")
    for images in (result.images, result.other):
        if images is not None:
            files = len(images) + len(images.origin.failed)
            were = "was" if files == 1 else "were"
            name = images.origin.name
            of = f"the other data set, {name}," if images is result.other else name
            say(f"{len(images):,} of {counted(files, 'image')} of {of} {were} read.")


def _say_findings(result: "Audit") -> None:
    """Print the findings, the most severe first, each kind under its title."""
    from radapt.audit.finding import KINDS, SEVERITIES

    for severity in SEVERITIES:
        for kind, title in KINDS.items():
            findings = [each for each in result.findings if (each.severity, each.kind) == (severity, kind)]
            printed = findings if kind == "unreadable" else findings[:MAX_LISTED]
            if findings:
                say("")
                say(f"{severity}: {title} ({kind}): {len(findings)}")
            for finding in printed:
                _say_finding(finding.detail, finding.paths)
            if len(findings) > len(printed):
                say(f"  and {len(findings) - len(printed)} more; --json and --html name them")


def _say_finding(detail: str, paths: tuple[str, ...]) -> None:
    if len(paths) == 1:
        say(f"  {paths[0]}: {detail[0].lower()}{detail[1:]}")
        return
    say(f"  {detail}")
    if paths:
        rest = f", and {len(paths) - MAX_LISTED} more" if len(paths) > MAX_LISTED else ""
        say(f"    {', '.join(paths[:MAX_LISTED])}{rest}")
