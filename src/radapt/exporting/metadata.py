"""What an exported file says of itself: classes, thresholds, input, origin, licence; loads no torch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from radapt.artefacts import SCHEMA
from radapt.errors import AskedWrongly, BadArtefact
from radapt.evaluation.thresholds import Threshold, classes_with_threshold, read_thresholds
from radapt.files import check_kinds
from radapt.images.pixels import READER_VERSION
from radapt.images.preprocessing import Preprocessing

KEY = "radapt"  # of the metadata in a file
RESEARCH_USE = "Research software: this model is no medical device, and makes no clinical claim."
OUTPUTS = ("softmax", "sigmoid", "findings")
INPUT = (
    "images: raw grey levels, uint8 (n, 1, height, width) of any size, 0 is black. Values of more than 8 "
    "bits are first spread linearly over 0 to 255, from 0 to the largest value of the bit depth that the "
    "image needs; DICOM by its lookup table or window, and MONOCHROME1 is inverted. Colours are their luma "
    "(ITU-R BT.601). Resizing, scaling, calibration and the mean over views or members are in the file."
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says of the model in it.

    Raises
    ------
    TypeError, ValueError
        If a value is of another type, or the classes and outputs cannot be.
    """

    radapt: str  # the version that wrote it
    model: str  # the network's name
    classes: tuple[str, ...]  # in the order of the probabilities
    outputs: str  # "softmax" or "sigmoid" for exclusive classes, "findings" for several labels
    reading: Mapping[str, Any]  # size, resize, intensity and trim, see `Preprocessing`
    thresholds: Mapping[str, Mapping[str, Any]]  # by finding, as `Threshold` has them; empty: the likeliest
    strategy: str | None  # that adapted it, "none" for a base model; None without a record
    images: int | None  # labelled images that adapted it
    digests: Mapping[str, str | None]  # sha256 of the model; the fingerprint of the images it learned from
    licence: str  # of the weights that it began from
    agreement: Mapping[
        str, Any
    ]  # how far its scores are from the model's own, see `radapt.exporting.agreement`
    golden: tuple[
        float, ...
    ] = ()  # probabilities of `golden_pixels`, that tell whether it still runs as it did
    int8: Mapping[str, Any] | None = None  # what 8-bit weights cost, if it has them
    input: str = INPUT
    use: str = RESEARCH_USE
    reader: int = READER_VERSION  # of radapt's own reading of image files

    def __post_init__(self) -> None:
        check_kinds(self)
        if not self.classes or self.outputs not in OUTPUTS or self.preprocessing.size is None:
            raise ValueError(f"{len(self.classes)} classes of {self.outputs!r} on images of any size")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("two classes of one name")
        if self.golden and (len(self.golden) != len(self.classes) or not np.isfinite(self.golden).all()):
            raise ValueError(f"{len(self.golden)} golden scores for {len(self.classes)} classes")
        _ = self.chosen  # refuses what is no threshold

    @property
    def preprocessing(self) -> Preprocessing:
        """How files are read."""
        return Preprocessing.from_dict(self.reading)

    @property
    def chosen(self) -> dict[str, Threshold]:
        """The thresholds by finding; empty where the likeliest class is taken."""
        names = classes_with_threshold(self.classes, exclusive=self.outputs != "findings")
        return read_thresholds(self.thresholds, names)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, ready for strict JSON."""
        return asdict(self)

    def to_json(self) -> str:
        """Write it as strict JSON, with the number of its schema."""
        return json.dumps({"schema": SCHEMA, **self.as_dict()}, allow_nan=False)


def parse_metadata(text: str, what: str) -> Metadata:
    """Read what `Metadata.to_json` wrote.

    Parameters
    ----------
    what
        The file, for errors.

    Raises
    ------
    BadArtefact
        If it is damaged, or of another schema.
    """
    try:
        values = json.loads(text)
        number = values.pop("schema")
        if number != SCHEMA:
            raise BadArtefact(
                f"{what} has schema {number!r}, and this version of radapt reads schema {SCHEMA}. Export the "
                "run again, or read it with the version that wrote it."
            )
        lists = {name: tuple(each) for name, each in values.items() if isinstance(each, list)}
        return Metadata(**{**values, **lists})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, AskedWrongly) as error:
        reason = str(error).rstrip(".")
        raise BadArtefact(f"{what} holds a damaged description of its model: {reason}.") from None
