"""Write maps of what speaks for a class, over the images that were scored, as DICOM Secondary Captures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radapt.explaining.maps import METHOD, explain
from radapt.explaining.placement import placed
from radapt.images.dicom.header import guarded
from radapt.images.pixels import read_bytes
from radapt.models.classifier import Classifier
from radapt.pacs.identity import ModelIdentity
from radapt.pacs.results import Written, write_each
from radapt.pacs.secondary_capture import Shown, secondary_capture
from radapt.pacs.source import read_source
from radapt.progress import SILENT, Watch

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def write_captures(
    images: Sequence[Mapping[str, Any]],
    classifier: Classifier,
    model: ModelIdentity,
    folder: Path,
    *,
    files: Sequence[Path],
    watch: Watch = SILENT,
) -> Written:
    """Write a Secondary Capture of each image, with a map over it; it is at least 512 pixels wide.

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
    files
        The file of each image.

    Raises
    ------
    AskedWrongly
        If no map can be made of the model.
    """
    check_maps(classifier)

    def capture(path: Path, image: Mapping[str, Any]) -> "Dataset":
        source, seen = read_source(path), placed(read_bytes(path), classifier.spec.reading)
        name = explained(image)
        (drawn,) = explain(classifier, seen.pixels[None], method=METHOD, target=name)
        shown = Shown(name, image["scores"][name], METHOD, is_empty=not (drawn > 0).any())
        picture = seen.overlay(drawn)
        return guarded(lambda: secondary_capture(source, picture, shown, model))

    return write_each(images, files, capture, folder, doing="drawing maps", watch=watch)


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
