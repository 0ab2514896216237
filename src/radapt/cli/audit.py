"""The command audit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import (
    DataOptions,
    load_options,
    load_options_for,
    say_passed,
    takes_data,
)
from radapt.cli.image_options import PREPROCESSING
from radapt.cli.models import open_classifier
from radapt.cli.printing import left_out_counts, print_table, say, say_json, say_notices
from radapt.cli.sections import DATA, EVALUATION, OUTPUT
from radapt.text import counted, listed

if TYPE_CHECKING:
    from radapt.auditing.audit import Audit
    from radapt.auditing.collection import Collection
    from radapt.auditing.suspects import Review
    from radapt.images.load_options import LoadOptions
    from radapt.models.classifier import Classifier

BATCH = 2048  # images in memory whose features are computed
MAX_LISTED = 10  # printed findings of a kind; unreadable files are all printed


Against = Annotated[
    Path | None,
    typer.Option(
        "--against",
        help="Another data set, which should share no patient or image with DATA. Without it: DATA alone is "
        "checked.",
        rich_help_panel=DATA,
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--html",
        help="Write a page with what was found and the images. Without it: none.",
        rich_help_panel=OUTPUT,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Exit with 1 if there is an error or a warning. Without it: with 0.",
        rich_help_panel=OUTPUT,
    ),
]
Labels = Annotated[
    bool,
    typer.Option(
        "--labels",
        help="Look for labels and views that contradict their images (needs pip install 'radapt[labels]').",
        rich_help_panel=EVALUATION,
    ),
]
FeaturesOf = Annotated[
    Path | None,
    typer.Option(
        "--run",
        help="With --labels: use the features of this run's model. Without it: those of lite0.",
        rich_help_panel=EVALUATION,
    ),
]
Suspects = Annotated[
    Path | None,
    typer.Option(
        "--suspects",
        help="With --labels: write the suspect images to this CSV, ranked. Without it: none.",
        rich_help_panel=OUTPUT,
    ),
]


@takes_data(size="that of a store, else 128")
def audit(
    data: options.Data,
    images: DataOptions,
    against: Against = None,
    as_json: options.Json = False,
    html: Page = None,
    strict: Strict = False,
    labels: Labels = False,
    run: FeaturesOf = None,
    suspects: Suspects = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Check a data set for leaks, duplicates, broken files, unusual images and shortcuts."""
    from radapt.auditing.audit import run_audit
    from radapt.cli.progress import watcher
    from radapt.errors import AskedWrongly
    from radapt.images.store.location import check_outside

    check_outside(data, html, "The page")
    check_outside(data, suspects, "The list of suspects")
    if not labels and (run or suspects):
        raise AskedWrongly("--run and --suspects go with --labels, which looks for suspect labels. Add it.")
    classifier = open_classifier(run) if run else None
    if classifier is not None and (given := [name for name in PREPROCESSING if images[name] is not None]):
        words = listed(f"--{name}" for name in given)
        raise AskedWrongly(
            f"Got {words} with --run, and the model of {run} prescribes how its images are read, "
            f"{classifier.spec.size} pixels a side. Leave {words} out."
        )
    paths = [data] if against is None else [data, against]
    requests = (
        load_options_for(classifier, images, paths) if classifier else load_options(images, paths, size=128)
    )
    first = _collected(data, requests[0])
    second = None if against is None else _collected(against, requests[-1])
    review = _review(first, classifier, device, threads) if labels and len(first) else None
    result = run_audit(first, second, review=review, watch=watcher())
    if review is not None and suspects is not None:
        review.write(suspects)
    say_notices(result.notices)
    for collection in (first, second):
        if collection is not None:
            say_passed(collection.origin, len(collection))
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
    from radapt.auditing.collection import collect
    from radapt.cli.progress import Reading

    return collect(data, request, watch=Reading(data))


def _review(
    images: "Collection", classifier: "Classifier | None", device: str, threads: int | None
) -> "Review":
    """Look for suspect labels and views, by the features of a run's model or of lite0."""
    import numpy as np

    from radapt.auditing.suspects import review, rows_to_review
    from radapt.device import select_device
    from radapt.models.inference import embed
    from radapt.models.table import build, new_spec

    of = "the model of --run"
    if classifier is None:
        of = "lite0, trained on ImageNet"
        spec = new_spec("lite0", images.classes, size=images.pixels.shape[-1])
        classifier = build(spec, pretrained=True)
    hardware = select_device(device, "fp32", threads)
    rows = rows_to_review(images)
    parts = np.array_split(rows, -(-len(rows) // BATCH))  # the pixels may be larger than memory
    features = [embed(classifier, images.pixels[part], hardware).numpy() for part in parts]
    return review(images, rows, np.concatenate(features).astype(np.float64), of)


def _say_audit(result: "Audit") -> None:
    from radapt.auditing.finding import SEVERITIES
    from radapt.report.characteristics import characteristics_table

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
    if table := characteristics_table(result.characteristics()):
        say("")
        print_table(table.head, [list(row) for row in table.rows])
        say(f"{table.compared}{' They are standardised.' * bool(table.compared)}")
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
    say(result.headline)
    for images in (result.images, result.other):
        if images is not None:
            files = len(images) + len(images.origin.failed)
            were = "was" if files == 1 else "were"
            name = images.origin.name
            of = f"the other data set, {name}," if images is result.other else name
            say(f"{len(images):,} of {counted(files, 'image')} of {of} {were} read.")


def _say_findings(result: "Audit") -> None:
    """Print the findings, the most severe first, each kind under its title."""
    from radapt.auditing.finding import KINDS, SEVERITIES

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
