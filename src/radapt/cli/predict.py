"""The command predict."""

from pathlib import Path
from typing import Annotated

import typer

from radapt.cli import options
from radapt.cli.models import open_classifier
from radapt.cli.printing import print_table, say, say_json
from radapt.text import counted, passed_over


def predict(
    run: options.Run,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR...", help="Images, or folders of images.")],
    as_json: options.Json = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Score single images; files that cannot be read are named. Exits with 1 if no image could be read."""
    from radapt.device import select_device
    from radapt.models.predict_files import score_files

    result = score_files(open_classifier(run), files, select_device(device, "fp32", threads))
    if as_json:
        say_json(result)
    else:
        classes = list(result["images"][0]["scores"]) if result["images"] else []
        has_warnings = any("warning" in image for image in result["images"])
        rows = [
            [
                image["path"],
                image["label"],
                *(f"{image['scores'][name]:.3f}" for name in classes),
                *([image.get("warning", "")] * has_warnings),
            ]
            for image in result["images"]
        ]
        print_table(["image", "predicted", *classes, *["WARNING"] * has_warnings], rows)
        for failed in result["failed"]:
            say(f"not read: {failed['path']} {failed['error']}")
        if result["passed"]:
            say(f"Passed over: {passed_over(result['passed'])}.")
        total = len(result["images"]) + len(result["failed"])
        say(f"{len(result['images'])} of {counted(total, 'image')} {'was' if total == 1 else 'were'} read.")
    if not result["images"]:
        raise typer.Exit(1)
