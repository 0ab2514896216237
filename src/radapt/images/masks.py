"""Recognise folders of segmentation masks, by their names or by their content."""

import re
from pathlib import Path

from radapt.errors import BadImage
from radapt.images.pixels import read_grey
from radapt.images.preprocessing import Preprocessing
from radapt.images.unusable import has_few_levels

MASKS = frozenset(
    {"mask", "masks", "lung_mask", "lung_masks", "lungmask", "segmentation", "segmentations", "annotations"}
)
MAYBE_MASKS = frozenset(
    {"label", "labels", "annotation", "seg", "segs", "gt", "ground_truth"}
)  # beside images
IMAGES = frozenset({"image", "images", "img", "imgs"})

_SAMPLED = 8  # files of a folder that are opened
_ADDED = re.compile(r"([ _-]*(lung|mask|seg|segmentation|label|annotation|gt)s?)+$", re.IGNORECASE)


def plain(name: str) -> str:
    """Normalise a folder's name: lower case, with _ for white space and hyphens."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def are_masks(folder: Path, images: Path) -> bool:
    """Say whether a folder holds masks of the images in another: the same names, and few grey levels."""
    pictures = _by_name(folder)
    if not pictures or not pictures.keys() <= _by_name(images).keys():
        return False
    paths = list(pictures.values())
    return all(_is_mask(path) for path in paths[:: -(-len(paths) // _SAMPLED)])


def _by_name(folder: Path) -> dict[str, Path]:
    """Return the files in a folder by name, without extensions and suffixes such as _mask."""
    try:
        files = [path for path in sorted(folder.iterdir()) if path.name[0] != "." and path.is_file()]
    except OSError:
        return {}
    return {_ADDED.sub("", path.stem) or path.stem: path for path in files}


def _is_mask(path: Path) -> bool:
    try:
        return has_few_levels(read_grey(path, Preprocessing()))
    except BadImage:
        return False
