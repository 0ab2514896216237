"""The command data describe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_options, say_counts, takes_data
from radapt.cli.printing import print_table, say, say_notices
from radapt.cli.sections import OUTPUT

if TYPE_CHECKING:
    from radapt.images.folder import Listing
    from radapt.images.load_options import LoadOptions

File = Annotated[
    Path,
    typer.Option(
        "--out", help="The .toml to write; an existing one is never overwritten.", rich_help_panel=OUTPUT
    ),
]


@takes_data(preprocessing=False)
def describe(data: options.Data, images: DataOptions, out: File = Path("data.toml")) -> None:
    """Write how a data set is read to a file that goes wherever DATA goes, and list what it holds."""
    from radapt.files import check_new_toml
    from radapt.images.class_rules import which_is_positive
    from radapt.images.description import Description, write_description
    from radapt.images.patients import unused_patients
    from radapt.labels import are_exclusive, count_labels, label_array

    check_new_toml(out, "description")
    (request,) = load_options(images, [data], size=128)
    listing, request = _listed(data, request)
    labels = label_array([entry.label for entry in listing.entries])
    counts = count_labels(labels, listing.classes)
    write_description(out, Description(data, request.table, request.rules, request.patient_regex))
    print_table(["class", "images"], [[name, f"{count:,}"] for name, count in counts.items()])
    say_counts(listing.passed, listing.left_out, listing.notes)
    if listing.unused_patients and not request.patient_regex:
        say_notices([unused_patients(listing.unused_patients)])
    guess = which_is_positive(listing.classes) if are_exclusive(labels) else ""
    if guess and request.rules.positive is None:
        say(guess, error=True)
    say(f"Written: {out}. Give it wherever DATA goes, as in: radapt audit {out}")


def _listed(data: Path, request: "LoadOptions") -> "tuple[Listing, LoadOptions]":
    """Return the images of a data set without their pixels, and how they are read."""
    from dataclasses import replace

    from radapt.errors import AskedWrongly
    from radapt.images.folder import find_files
    from radapt.images.row_files import find_column
    from radapt.images.table import read_listing
    from radapt.images.table_rows import is_table

    if is_table(data):
        if request.table.images is None and (column := find_column(data, request.table.root)) is not None:
            say(f"The column of images is {column!r}.", error=True)
            request = replace(request, table=replace(request.table, images=column))
        return read_listing(data, request.table, request.rules), request
    if not data.is_dir() or request.table.label:
        raise AskedWrongly(
            f"{data} needs no description: one is for a table (.csv, .tsv, .parquet) or for class folders."
        )
    return find_files(data, rules=request.rules), request
