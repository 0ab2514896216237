"""Write maps of what speaks for a class, over the images that were scored, as DICOM Secondary Captures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radapt.explaining.maps import explain
from radapt.explaining.placement import placed
from radapt.images.pixels import read_bytes
from radapt.models.classifier import Classifier
from radapt.pacs.identity import ModelIdentity
from radapt.pacs.results import Written, write_each
from radapt.pacs.secondary_capture import secondary_capture
from radapt.progress import SILENT, Watch

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

METHOD = "grad-cam"


def write_captures(
    images: Sequence[Mapping[str, Any]],
    classifier: Classifier,
    model: ModelIdentity,
    folder: Path,
    *,
    watch: Watch = SILENT,
) -> Written:
    """Write a Secondary Capture of each image, with a map over it at the size of the image.

    Parameters
    ----------
    images
        As `radapt.models.predict_files.score_files` returns them.
    classifier
        The model that scored them.
    model
        Its identity.
    folder
        Where the files go; those that are there stay as they are.

    Raises
    ------
    AskedWrongly
        If no map can be made of the model.
    """
    check_maps(classifier)

    def capture(source: "Dataset", image: Mapping[str, Any]) -> "Dataset":
        seen, name = placed(read_bytes(Path(image["path"])), classifier.spec.reading), explained(image)
        (drawn,) = explain(classifier, seen.pixels[None], method=METHOD, target=name)
        nothing = "" if (drawn > 0).any() else ", for which nothing in the image speaks"
        about = f"Map of {name} ({image['scores'][name]:.2f}){nothing}"
        return secondary_capture(source, seen.overlay(drawn), about, model, METHOD)

    return write_each(images, capture, folder, "drawing maps", watch)


def check_maps(classifier: Classifier) -> None:
    """Check that maps can be made of a model, by one of a black image.

    Raises
    ------
    AskedWrongly
        If none can be.
    """
    size = classifier.spec.size
    explain(classifier, np.zeros((1, size, size), dtype=np.uint8), method=METHOD)


def explained(image: Mapping[str, Any]) -> str:
    """Return the class whose map is drawn: the label; of several findings, or none, the likeliest."""
    scores: Mapping[str, float] = image["scores"]
    label = str(image["label"])
    return label if label in scores else max(scores, key=scores.__getitem__)
