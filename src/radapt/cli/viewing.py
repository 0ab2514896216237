"""Commands that show films: preview."""

from pathlib import Path
from typing import Annotated

import typer

from radapt.cli import options
from radapt.cli.model import load_films
from radapt.cli.printing import say


def preview(
    data: options.Data,
    out: Annotated[Path, typer.Option("--out", help="The picture to write, a .png.")] = Path("preview.png"),
    shift: options.Shift = None,
    split: Annotated[
        str | None, typer.Option("--split", help="train, val or test; the first there is.")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=64, help="How many films.")] = 9,
    size: options.Size = None,
    fit: options.Fit = "squash",
    seed: options.Seed = 0,
) -> None:
    """Draw some films of a data set, and what a shift makes of each below it."""
    from radapt.report.grid import preview_films
    from radapt.shift.table import get_shift

    if shift is not None:
        get_shift(shift)
    films = load_films(data, "compact", size or 150, fit, None)
    images = films[split or next(iter(films.splits))]
    preview_films(images, out, shift=shift, count=count, seed=seed)
    say(
        f"{out}: {min(count, len(images))} films of {data.name}"
        + (f", and under {shift} below." if shift else ".")
    )
