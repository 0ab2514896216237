"""Pretrained weights that a model starts from: their name, and where they are."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Weights:
    """Pretrained weights, found and not yet loaded."""

    name: str  # a file's sha256, or the published name followed by the sha256 of the download
    start: bool | Path  # for `radapt.models.table.build`: a file, or True for weights that timm downloads
