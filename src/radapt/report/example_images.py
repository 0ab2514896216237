"""The images that a report shows, read from where a study or a stress test kept them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.archives import DAMAGE, open_arrays
from radapt.errors import BadArtefact
from radapt.files import check_file


@dataclass(frozen=True, slots=True, eq=False)
class ExampleImage:
    """An image to show; for one that was called wrongly, also how."""

    pixels: NDArray[np.uint8]  # (h, w)
    id: str
    label: str
    strategy: str = ""
    budget: int = 0
    called: str = ""
    own_score: float = math.nan  # the probability given to the image's own class


def read_images(path: Path, captions: Mapping[str, Any]) -> dict[str, tuple[ExampleImage, ...]]:
    """Read images with what is to be said of each.

    Raises
    ------
    BadArtefact
        If they are missing or damaged.
    """
    pixels = stored_images(path, ("source", "target", "worst"))
    return {
        name: tuple(
            ExampleImage(image, **about) for image, about in zip(pixels[name], captions[name], strict=True)
        )
        for name in pixels
    }


def stored_images(path: Path, names: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    """Read images out of a file of arrays, by name."""
    check_file(path)
    try:
        with open_arrays(path) as stored:
            return {name: stored[name] for name in names}
    except FileNotFoundError:
        raise BadArtefact(f"{path} is missing.") from None
    except (*DAMAGE, OSError, KeyError, ValueError) as error:
        raise BadArtefact(f"{path} could not be read as images: {error}.") from None
