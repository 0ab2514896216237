"""Where stores are kept, and where nothing is written."""

import os
from pathlib import Path

from radapt.errors import AskedWrongly


def cache_folder() -> Path:
    """Give where stores are kept: `$RADAPT_CACHE`, `$XDG_CACHE_HOME/radapt` or `~/.cache/radapt`.

    Raises
    ------
    AskedWrongly
        If none of them can be told, since this user has no home.
    """
    if given := os.environ.get("RADAPT_CACHE"):
        return _expanded(given)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (_expanded(shared) if shared else _expanded("~") / ".cache") / "radapt"


def _expanded(text: str) -> Path:
    """Give a path, whose `~` is the user's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise AskedWrongly(
            f"Nothing says where the home of this user is, so that {text} is nowhere. "
            "Set RADAPT_CACHE to a folder in which stores of images may be kept."
        ) from None


def check_outside(data: Path | None, out: Path | None, what: str) -> None:
    """Refuse to write among the images of a folder.

    Raises
    ------
    AskedWrongly
        If `out` lies in it; `what` is what it would be, as "The store".
    """
    if data is None or out is None or not data.is_dir():
        return
    images = os.path.realpath(data)
    if Path(os.path.realpath(out)).is_relative_to(images):
        raise AskedWrongly(f"{what} {out} would lie among the images. Give a place outside {images}.")
