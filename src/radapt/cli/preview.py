"""The command preview."""

from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_options, takes_data
from radapt.cli.printing import say
from radapt.cli.sections import DATA, OUTPUT
from radapt.text import counted, listed

Picture = Annotated[Path, typer.Option("--out", help="The picture to write, a .png.", rich_help_panel=OUTPUT)]
Part = Annotated[
    str | None,
    typer.Option(
        "--part",
        help="The part to draw: train, val or test. Without it: the first that exists.",
        rich_help_panel=DATA,
    ),
]
Count = Annotated[
    int, typer.Option("--count", min=1, max=64, help="How many images to draw.", rich_help_panel=DATA)
]
ImageName = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        help="Draw the images whose name contains this; repeatable. Without it: images spread evenly over "
        "the part.",
        rich_help_panel=DATA,
    ),
]
Severities = Annotated[
    str | None,
    typer.Option(
        "--severities",
        help="The severities of --shift, such as 1,3,5. Without it: the shift as it is written.",
        rich_help_panel=DATA,
    ),
]


@takes_data(size="that of a store, else 150")
def preview(
    data: options.Data,
    images: DataOptions,
    out: Picture = Path("preview.png"),
    shift: options.Shift = None,
    part: Part = None,
    count: Count = 9,
    image: ImageName = None,
    severities: Severities = None,
    seed: options.Seed = 0,
) -> None:
    """Draw images of a data set, and below them the same images under a shift, a row for each severity."""
    from radapt.display.grid import save_preview
    from radapt.images.store.location import check_outside

    check_outside(data, out, "The picture")
    shifts = _shifts(shift, severities)
    dataset = load_images(data, load_options(images, [data], size=150)[0])
    split = dataset[part or next(iter(dataset.splits))]
    shown = _images_named(split, image) if image else split.spread(count)
    save_preview(shown, _shifted(shown, shifts, seed), out, labels=shifts)
    below = f", and under {', '.join(shifts)} below." if shifts else "."
    say(f"{out}: {counted(len(shown), 'image')} of {data.name}{below}")


def _shifted(images: Any, shifts: list[str], seed: int) -> list[Any]:
    """Return the pixels of the images under each shift."""
    if not shifts:
        return []
    from radapt.shift.shifted import shifted_pixels  # imports torch

    return shifted_pixels(images, shifts, seed=seed)


def _shifts(shift: str | None, severities: str | None) -> list[str]:
    """Return the shifts of the rows below the images."""
    from radapt.cli.stress import parse_severities
    from radapt.errors import AskedWrongly
    from radapt.shift.expression import at, parse_shift, resolved

    if shift is None:
        if severities is not None:
            raise AskedWrongly("--severities needs a shift: give --shift NAME too.")
        return []
    if severities is None:
        parse_shift(shift := resolved(shift))
        return [shift]
    names = [name.strip() for name in shift.split(",")]
    rows = [f"{name}@{severity}" for name in names for severity in parse_severities(severities)]
    for name in names:
        at(name, 1)
    return rows


def _images_named(split: Any, names: list[str]) -> Any:
    """Return the images, 64 at most, whose names contain one of the texts."""
    from radapt.errors import AskedWrongly

    rows = [row for row, name in enumerate(split.ids.tolist()) if any(part in name for part in names)]
    if not rows:
        raise AskedWrongly(f"There is no image whose name contains {listed(names)}.")
    return split.take(rows[:64])
