"""Commands that show images: preview."""

from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, takes_data, wanted
from radapt.cli.printing import say
from radapt.text import counted, listed


@takes_data()
def preview(
    data: options.Data,
    images: DataOptions,
    out: Annotated[Path, typer.Option("--out", help="The picture to write, a .png.")] = Path("preview.png"),
    shift: options.Shift = None,
    part: Annotated[
        str | None, typer.Option("--part", help="train, val or test; the first there is.")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=64, help="How many images.")] = 9,
    image: Annotated[
        list[str] | None, typer.Option("--image", help="An image whose name holds this; may be given again.")
    ] = None,
    severities: Annotated[
        str | None, typer.Option("--severities", help="Rows of a shift's severities, as in 1,3,5.")
    ] = None,
    seed: options.Seed = 0,
) -> None:
    """Draw some images of a data set, and what a shift makes of each below it, at one severity or several."""
    from radapt.images.store.location import check_outside
    from radapt.report.contact_sheet import save_preview

    check_outside(data, out, "The picture")
    shifts = _shifts(shift, severities)
    dataset = load_images(data, wanted(images, size=150))
    split = dataset[part or next(iter(dataset.splits))]
    shown = _chosen(split, image) if image else split.spread(count)
    save_preview(shown, _shifted(shown, shifts, seed), out, labels=shifts)
    below = f", and under {', '.join(shifts)} below." if shifts else "."
    say(f"{out}: {counted(len(shown), 'image')} of {data.name}{below}")


def _shifted(images: Any, shifts: list[str], seed: int) -> list[Any]:
    """Give the pixels of the images under each shift."""
    if not shifts:
        return []
    from radapt.shift.shifted import shifted_pixels  # imports torch

    return shifted_pixels(images, shifts, seed=seed)


def _shifts(shift: str | None, severities: str | None) -> list[str]:
    """Give what the rows below the images are."""
    from radapt.cli.shift import levels_of
    from radapt.errors import AskedWrongly
    from radapt.shift.expression import at, parse_shift, resolved

    if shift is None:
        if severities is not None:
            raise AskedWrongly("Severities are those of a shift: give --shift NAME as well.")
        return []
    if severities is None:
        parse_shift(shift := resolved(shift))
        return [shift]
    names = [name.strip() for name in shift.split(",")]
    rows = [f"{name}@{severity}" for name in names for severity in levels_of(severities)]
    for name in names:
        at(name, 1)
    return rows


def _chosen(split: Any, names: list[str]) -> Any:
    from radapt.errors import AskedWrongly

    rows = [row for row, name in enumerate(split.ids.tolist()) if any(part in name for part in names)]
    if not rows:
        raise AskedWrongly(f"No image is called anything with {listed(names)} in it.")
    return split.take(rows[:64])
