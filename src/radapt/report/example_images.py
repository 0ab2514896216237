"""The example images of a report, read from the file of a study or a stress test."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radapt.archives import DAMAGE, open_arrays
from radapt.artefacts import ERROR_MAPS
from radapt.display.grid import picture_address
from radapt.errors import BadArtefact
from radapt.explaining.overlay import overlay, palette
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
    explained: str = ""  # the class that its map is of; "" without a map
    drawn: NDArray[np.uint8] | None = None  # its map (h, w), 255 where it is largest
    alike: float | None = None  # the rank correlation of the map with those of random weights


def overlaid(image: ExampleImage) -> str:
    """Return an image with its map over it, if it has one, as the address of a picture."""
    drawn = np.zeros(image.pixels.shape) if image.drawn is None else image.drawn
    return picture_address(Image.fromarray(overlay(image.pixels, drawn.astype(np.float32))))


def map_legend() -> str:
    """Return the colours of a map from nothing to the most as the address of a picture."""
    return picture_address(Image.fromarray(palette()[None]).resize((256, 12)))


def read_images(path: Path, captions: Mapping[str, Any]) -> dict[str, tuple[ExampleImage, ...]]:
    """Read images with their captions.

    Raises
    ------
    BadArtefact
        If they are missing or damaged.
    """
    pixels = stored_images(path, ("source", "target", "worst"))
    read = {
        name: tuple(
            _example(image, caption) for image, caption in zip(pixels[name], captions[name], strict=True)
        )
        for name in pixels
    }
    if any("explained" in caption for caption in captions["worst"]):
        maps = stored_images(path.with_name(ERROR_MAPS), ("drawn",))["drawn"]
        pairs = zip(read["worst"], captions["worst"], maps, strict=True)
        read["worst"] = tuple(
            replace(
                image,
                drawn=drawn,
                explained=caption["explained"],
                alike=caption["alike_with_random_weights"],
            )
            for image, caption, drawn in pairs
        )
    return read


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
