"""Which pretrained weights a model starts from: what they are, and where they lie."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Weights:
    """Pretrained weights, found and not yet loaded."""

    name: str  # a file's sha256, or as they are published, with the sha256 of what radapt fetched
    start: bool | Path  # what `radapt.models.table.build` takes: a file, or True for those that timm fetches
