"""Commands that show films: preview."""

from pathlib import Path
from typing import Annotated

import typer

from radapt.cli import options
from radapt.cli.films import FilmOptions, load_films, takes_films, wanted
from radapt.cli.printing import say


@takes_films()
def preview(
    data: options.Data,
    films: FilmOptions,
    out: Annotated[Path, typer.Option("--out", help="The picture to write, a .png.")] = Path("preview.png"),
    shift: options.Shift = None,
    part: Annotated[
        str | None, typer.Option("--part", help="train, val or test; the first there is.")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=64, help="How many films.")] = 9,
    seed: options.Seed = 0,
) -> None:
    """Draw some films of a data set, and what a shift makes of each below it."""
    from radapt.report.grid import preview_films
    from radapt.shift.expression import parse_shift

    if shift is not None:
        parse_shift(shift)
    dataset = load_films(data, wanted(films, size=150))
    images = dataset[part or next(iter(dataset.splits))]
    preview_films(images, out, shift=shift, count=count, seed=seed)
    say(
        f"{out}: {min(count, len(images))} films of {data.name}"
        + (f", and under {shift} below." if shift else ".")
    )
