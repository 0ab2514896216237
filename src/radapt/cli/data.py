"""The commands data list and data fetch."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.printing import print_table, say, say_json
from radapt.cli.sections import DATA, OUTPUT

if TYPE_CHECKING:
    from radapt.datasets.catalogue import DataSet


Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set of `radapt data list`.")]
Folder = Annotated[
    Path | None,
    typer.Option("--to", help="The folder to download into. Without it: data/NAME.", rich_help_panel=OUTPUT),
]
Size = Annotated[
    int | None,
    typer.Option(
        "--size",
        help="pneumoniamnist and chestmnist: the side of the images in pixels. Without it: 128 and 64.",
        rich_help_panel=DATA,
    ),
]
Parts = Annotated[
    int | None,
    typer.Option(
        "--parts",
        help="nih14: how many of its archives, from the first on. Without it: all.",
        rich_help_panel=DATA,
    ),
]
DeleteArchives = Annotated[
    bool,
    typer.Option(
        "--delete-archives", help="Delete each archive once it is unpacked.", rich_help_panel=OUTPUT
    ),
]


def list_sets(as_json: options.Json = False) -> None:
    """List public data sets: size, licence, and how to get them."""
    from radapt.datasets.catalogue import CATALOGUE

    if as_json:
        sets = [{"name": name, **_about(data)} for name, data in CATALOGUE.items()]
        say_json({"data": sets})
        return
    rows = []
    for name, data in CATALOGUE.items():
        size = _bytes(data)
        how = "by hand" if data.steps else "data fetch"
        licence = data.licence.partition(":")[0]
        rows.append([name, f"{data.images:,}", _printed(size) if size else "?", how, licence, data.what])
    print_table(["name", "images", "size", "how to get it", "licence", "what it is"], rows)
    say("`radapt data fetch NAME` fetches one, or says what to do by hand.")


def fetch(
    name: Name,
    to: Folder = None,
    size: Size = None,
    parts: Parts = None,
    delete_archives: DeleteArchives = False,
) -> None:
    """Download a public data set; where its site requires an account, print the steps to follow by hand."""
    from radapt.datasets.catalogue import look_up

    data = look_up(name)
    files = data.choose(size, parts)
    folder = to or Path("data") / name
    if data.steps:
        _say_steps(data, folder)
        raise typer.Exit(1)
    from radapt.cli.progress import watcher
    from radapt.datasets.fetch import RECORD, fetch

    done = fetch(data, files, folder, watch=watcher(), keep=not delete_archives)
    say(
        f"{data.title} is in {folder}."
        if done.new
        else f"{data.title} was in {folder} already, and is complete."
    )
    for file, checksum in done.unpublished.items():
        say(
            f"There is no published checksum of {file}. This one is {checksum}; {folder / RECORD} keeps it, "
            "and the next download is compared with it."
        )
    _say_terms(data)
    say(f"Read it with: {data.command(shlex.quote(str(folder)), size)}")


def _say_steps(data: "DataSet", folder: Path) -> None:
    to = shlex.quote(str(folder))
    say(f"radapt cannot download {data.title}: its site requires an account. By hand:")
    for number, step in enumerate(data.steps, start=1):
        say(f"  {number}. {step.format(to=to)}")
    _say_terms(data)
    say(f"Then read it with: {data.command(to)}")


def _say_terms(data: "DataSet") -> None:
    say(f"Licence: {data.licence}.")
    say(f"Cite: {data.citation}.")
    say(f"Beware: {data.beware}")


def _about(data: "DataSet") -> dict[str, Any]:
    """Return the facts about a data set, for JSON."""
    return {
        "title": data.title,
        "what": data.what,
        "images": data.images,
        "bytes": _bytes(data),
        "sizes": list(data.sizes),
        "licence": data.licence,
        "citation": data.citation,
        "page": data.page,
        "beware": data.beware,
        "fetched": not data.steps,
        "steps": [step.format(to="DIR") for step in data.steps],
        "files": [
            {"name": each.name, "url": each.url, "bytes": each.size, "checksum": each.checksum}
            for each in data.files
        ],
        "reads": data.command("DIR"),
    }


def _bytes(data: "DataSet") -> int | None:
    """Return how many bytes there are to download; None where that is not known."""
    if data.steps:
        return None if data.gigabytes is None else data.gigabytes * 10**9
    return sum(each.size for each in data.choose())


def _printed(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
