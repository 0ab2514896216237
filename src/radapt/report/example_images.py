"""The example images of a report, read from the file of a study or a stress test."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.archives import DAMAGE, open_arrays
from radapt.errors import BadArtefact
from radapt.files import check_file


@dataclass(frozen=True, slots=True, eq=False)
class ExampleImage:
    """An example image with its label, and for an error the prediction."""

    pixels: NDArray[np.uint8]  # (h, w)
    id: str
    label: str
    strategy: str = ""
    budget: int = 0
    predicted: str = ""
    true_class_probability: float = math.nan  # that the model gave to its label


def read_images(path: Path, captions: Mapping[str, Any]) -> dict[str, tuple[ExampleImage, ...]]:
    """Read images with their captions.

    Raises
    ------
    BadArtefact
        If they are missing or damaged.
    """
    pixels = stored_images(path, ("source", "target", "worst"))
    return {
        name: tuple(
            _example(image, caption) for image, caption in zip(pixels[name], captions[name], strict=True)
        )
        for name in pixels
    }


def _example(pixels: NDArray[np.uint8], caption: Mapping[str, Any]) -> ExampleImage:
    shown = ExampleImage(pixels, caption["id"], caption["label"])
    if "predicted" not in caption:
        return shown
    return replace(
        shown,
        strategy=caption["strategy"],
        budget=caption["budget"],
        predicted=caption["predicted"],
        true_class_probability=caption["true_class_probability"],
    )


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
