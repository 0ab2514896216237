"""Which images a run has learned from and was tested on, by their pixels, so that it knows them elsewhere."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radapt.archives import DAMAGE, open_arrays
from radapt.artefacts import LEARNED
from radapt.errors import BadArtefact
from radapt.files import atomic, check_file
from radapt.images.imageset import ImageSet
from radapt.images.leaks import pixel_digests

# Arrays of sorted 64-bit digests: of the images that trained it or chose its epoch, and of its test images.
_KINDS = ("learned", "tested")

Digests = dict[str, NDArray[np.uint64]]


def write_learned(
    folder: Path, learned: Iterable[ImageSet], tested: Iterable[ImageSet], *, base: Path | None = None
) -> None:
    """Keep the digests of images with a run.

    Parameters
    ----------
    base
        The run folder of its base model, whose digests are its own too. If that keeps none, neither does the
        run: what its base learned from is not known.
    """
    before = None if base is None else read_learned(base)
    if before is None and base is not None:
        return
    sides = {
        kind: [pixel_digests(images) for images in sets]
        for kind, sets in zip(_KINDS, (learned, tested), strict=True)
    }
    known = {
        kind: np.unique(np.concatenate([np.empty(0, np.uint64), *side, *([before[kind]] if before else [])]))
        for kind, side in sides.items()
    }
    with atomic(folder / LEARNED) as temporary, temporary.open("wb") as file:
        np.savez(file, learned=known["learned"], tested=known["tested"])


def read_learned(run: Path) -> Digests | None:
    """Return the digests that a run keeps; None of one that keeps none.

    Raises
    ------
    BadArtefact
        If they cannot be read.
    """
    path = run / LEARNED
    if not path.exists():
        return None
    check_file(path)
    try:
        with open_arrays(path) as kept:
            return {kind: kept[kind].astype(np.uint64) for kind in _KINDS}
    except (*DAMAGE, OSError, ValueError, KeyError, TypeError) as error:
        raise BadArtefact(
            f"{path} could not be read ({type(error).__name__}). Train the run again."
        ) from None


def not_known(what: str) -> str:
    """Return the sentence that it is not known which images a model learned from."""
    return (
        f"Which images {what} learned from is not known: if images that it is tested on are among them, its "
        "scores look better than they are."
    )


def count_known(images: ImageSet, digests: NDArray[np.uint64]) -> int:
    """Count the images that are among these, pixel for pixel; those of one grey throughout are nobody's."""
    rows = np.flatnonzero(np.isin(pixel_digests(images), digests))
    return sum(int(np.ptp(images.pixels[row]) > 0) for row in rows)
