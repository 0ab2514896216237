"""The table of drawn parameters: a column for each parameter, a row for each image."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.text import listed

Draws = dict[str, NDArray[np.float64]]  # parameter name to (n,) values, in the unit its shift documents


def rows_of(draws: Draws, rows: slice) -> Draws:
    """Return a slice of the table's rows, with all columns."""
    return {name: column[rows] for name, column in draws.items()}


def check_draws(draws: Draws, columns: Iterable[str], images: int) -> None:
    """Refuse a table that lacks a column or a row.

    Raises
    ------
    AskedWrongly
        If a column is missing, or one has not one row for each of the images.
    """
    columns = tuple(columns)
    missing = [name for name in columns if name not in draws]
    if missing:
        raise AskedWrongly(
            f"The table of drawn parameters lacks {listed(missing)}. It needs: {listed(columns)}."
        )
    for name in columns:
        if draws[name].shape != (images,):
            raise AskedWrongly(
                f"Every image needs one row in the table of drawn parameters. "
                f"Got {images} images and {name} of shape {draws[name].shape}."
            )
