"""Grids of images, as one PNG or as single images for a page."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from radapt.errors import AskedWrongly
from radapt.files import atomic

if TYPE_CHECKING:
    from radapt.images.imageset import ImageSet

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

PAPER, INK, SOFT = 255, 28, 110  # grey levels
GAP, LINE, MARGIN = 8, 18, 16  # pixels: between images, of a line of text, around all


def image_grid(
    rows: "Sequence[NDArray[np.uint8] | ImageSet]",
    *,
    labels: Sequence[str] = (),
    captions: Sequence[str] = (),
    columns: int = 8,
    side: int = 160,
) -> Image.Image:
    """Draw images in columns, each of the `rows` below the one before, with a caption under every column.

    Parameters
    ----------
    rows
        For each row an image set, or an array (n, h, w) of uint8, of the same n images: as they are, then
        shifted.
    labels
        What each row is, written at its left; none if not given.
    captions
        What each image is; none if not given.
    columns
        How many images stand side by side; the others follow below.
    side
        How large an image is drawn, in pixels.

    Returns
    -------
    Image.Image
        A grey picture.

    Raises
    ------
    AskedWrongly
        If there is no image, or the rows, labels and captions do not go together.
    """
    pixels = [_pixels_of(row) for row in rows]
    count = len(pixels[0]) if pixels else 0
    _check(pixels, labels, captions, columns, side)
    font = ImageFont.load_default(12)
    left = MARGIN + (int(max(font.getlength(label) for label in labels)) + 2 * GAP if labels else 0)
    columns = min(columns, count)
    block = len(pixels) * (side + GAP) + (LINE if captions else 0) + GAP
    blocks = -(-count // columns)
    size = (left + columns * (side + GAP) - GAP + MARGIN, 2 * MARGIN + blocks * block - 2 * GAP)
    picture = Image.new("L", size, PAPER)
    draw = ImageDraw.Draw(picture)
    for start in range(0, count, columns):
        top = MARGIN + start // columns * block
        for index, row in enumerate(pixels):
            y = top + index * (side + GAP)
            if labels:
                draw.text((MARGIN, y + side // 2), labels[index], fill=SOFT, font=font, anchor="lm")
            for column, image in enumerate(row[start : start + columns]):
                picture.paste(_scaled(image, side), (left + column * (side + GAP), y))
        for column, caption in enumerate(captions[start : start + columns]):
            where = (left + column * (side + GAP), top + len(pixels) * (side + GAP) - GAP // 2)
            draw.text(where, _fitting(caption, side, font), fill=INK, font=font)
    return picture


def save_grid(picture: Image.Image, path: Path) -> None:
    """Write a picture as PNG, whole or not at all.

    Raises
    ------
    AskedWrongly
        If the name does not end in `.png`.
    RadaptError
        If it cannot be written there.
    """
    if path.suffix.lower() != ".png":
        raise AskedWrongly(f"The picture is a PNG: give it a name that ends in .png. Got {path.name!r}.")
    with atomic(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)


def save_preview(
    images: "ImageSet", shifted: Sequence[NDArray[np.uint8]], out: Path, *, labels: Sequence[str]
) -> None:
    """Draw images into a PNG, and below each what shifts made of it.

    Parameters
    ----------
    shifted
        Pixels (n, h, w) of the same n images, one array for each shift; may be empty.
    labels
        The name of each shift.

    Raises
    ------
    AskedWrongly
        If there is no image, or the name of `out` does not end in `.png`.
    """
    blocks = max(1, -(-len(images) // 8))
    columns = max(1, -(-len(images) // blocks))  # nearly the same number in each block
    names = ["as it is", *labels] if labels else ()
    grid = image_grid([images.pixels, *shifted], labels=names, captions=images.names(), columns=columns)
    save_grid(grid, out)


def image_address(pixels: NDArray[np.uint8]) -> str:
    """Return an image (h, w), or (h, w, 3) in colours, as the `data:` URL of a PNG."""
    return picture_address(Image.fromarray(pixels))


def picture_address(picture: Image.Image) -> str:
    """Return a picture as the `data:` URL of a PNG."""
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _check(
    rows: Sequence[NDArray[np.uint8]], labels: Sequence[str], captions: Sequence[str], columns: int, side: int
) -> None:
    count = len(rows[0]) if rows else 0
    if not count or columns < 1 or side < 1:
        raise AskedWrongly(
            "A grid needs an image, a column and a pixel at the least. "
            f"Got {count} images, {columns} columns and a side of {side}."
        )
    if any(len(row) != count for row in rows):
        lengths = ", ".join(str(len(row)) for row in rows)
        raise AskedWrongly(f"Every row of a grid holds the same images. Got rows of {lengths}.")
    for name, texts, wanted in (("labels", labels, len(rows)), ("captions", captions, count)):
        if texts and len(texts) != wanted:
            raise AskedWrongly(f"A grid of these images takes {wanted} {name}, or none. Got {len(texts)}.")


def _pixels_of(row: "NDArray[np.uint8] | ImageSet") -> NDArray[np.uint8]:
    return row if isinstance(row, np.ndarray) else row.pixels


def _scaled(image: NDArray[np.uint8], side: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(image))
    larger = side >= max(picture.size)
    return picture.resize((side, side), Image.Resampling.BICUBIC if larger else Image.Resampling.LANCZOS)


def _fitting(text: str, width: int, font: Font) -> str:
    """Shorten a text until it is no wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
