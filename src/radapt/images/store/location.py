"""The cache folder of stores, and a check that output is not written among the images."""

import os
from pathlib import Path

from radapt.errors import AskedWrongly
from radapt.images.description import path_of


def cache_folder() -> Path:
    """Return the cache folder: `$RADAPT_CACHE`, `$XDG_CACHE_HOME/radapt` or `~/.cache/radapt`.

    Raises
    ------
    AskedWrongly
        If none is set and the user has no home folder.
    """
    if configured := os.environ.get("RADAPT_CACHE"):
        return _expanded(configured)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (_expanded(shared) if shared else _expanded("~") / ".cache") / "radapt"


def _expanded(text: str) -> Path:
    """Return a path with `~` replaced by the user's home folder."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise AskedWrongly(
            f"The home folder of this user is not known, so {text} cannot be found. "
            "Set RADAPT_CACHE to a folder for stores of images."
        ) from None


def check_outside(data: Path | None, out: Path | None, what: str) -> None:
    """Refuse to write into the folder of the images.

    Raises
    ------
    AskedWrongly
        If `out` lies in it; `what` names the output, such as "The store".
    """
    if data is None or out is None:
        return
    data = path_of(data)
    if not data.is_dir():
        return
    images = os.path.realpath(data)
    if Path(os.path.realpath(out)).is_relative_to(images):
        raise AskedWrongly(f"{what} {out} would lie among the images. Give a place outside {images}.")
