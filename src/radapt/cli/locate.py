"""The command locate."""

from dataclasses import asdict
from typing import Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_options, takes_data
from radapt.cli.printing import print_table, say, say_json
from radapt.text import counted

Codes = Annotated[
    list[str],
    typer.Argument(
        metavar="CODE...", help="Codes of images or patients, as radapt's tables and pages show them."
    ),
]


@takes_data(preprocessing=False)
def locate(data: options.Data, codes: Codes, images: DataOptions, as_json: options.Json = False) -> None:
    """Find the files and patients behind codes, with the key of this machine; the output names patients."""
    from radapt.images.locate import locate as find

    (request,) = load_options(images, [data], size=128)
    located = find(data, codes, request)
    if as_json:
        say_json({"found": [{**asdict(each), "file": str(each.file)} for each in located]})
        return
    rows = [
        [each.code, str(each.file), str(each.row) if each.row else "", each.patient, each.image]
        for each in located
    ]
    print_table(["code", "file", "row", "patient", "image"], rows)
    say(f"{counted(len(located), 'image')}. This names patients: do not pass it on.", error=True)
