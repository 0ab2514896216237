"""The folder of explanations: an overlay and a map of each image, and `explanations.json`.

The pictures are as large as the images; `NAME.npy` holds the map as the method gives it, (size, size),
float32, in log odds, and "box" in the JSON says which part of the image that is.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from radapt.artefacts import EXPLANATIONS
from radapt.explaining.explanation import Explained, Explanations
from radapt.explaining.overlay import RESEARCH_USE
from radapt.files import atomic, write_document
from radapt.images.notice import as_rows
from radapt.lock import alone_in
from radapt.version import __version__
from radapt.workfolder import check_ours


def as_document(found: Explanations) -> dict[str, Any]:
    """Return explanations as a value for JSON, with the names of the files of each image."""
    return {
        "radapt": __version__,
        **found.about,
        "images": [
            {**each.as_dict(), "overlay": f"{stem}.png", "map": f"{stem}.npy"}
            for each, stem in zip(found.images, stems(found), strict=True)
        ],
        "failed": list(found.failed),
        "passed": found.passed,
        "notices": as_rows(found.notices),
    }


def write_explanations(found: Explanations, out: Path) -> None:
    """Write the maps of images into a folder, in place of those that it held.

    Raises
    ------
    AskedWrongly
        If the folder holds something else.
    RadaptError
        If it cannot be written.
    """
    check_ours(out, EXPLANATIONS)
    with alone_in(out):
        for each, stem in zip(found.images, stems(found), strict=True):
            _write_picture(each, out / f"{stem}.png")
            with atomic(out / f"{stem}.npy") as temporary, temporary.open("wb") as file:
                np.save(file, each.drawn, allow_pickle=False)
        write_document(out / EXPLANATIONS, as_document(found))


def stems(found: Explanations) -> list[str]:
    """Return a name for the files of each image: its number, and its own name as far as that is plain."""
    width = len(str(len(found.images)))
    names = [re.sub(r"[^\w.-]+", "_", Path(each.path).stem, flags=re.ASCII)[:60] for each in found.images]
    return [f"{number:0{width}}-{name}" for number, name in enumerate(names, 1)]


def _write_picture(each: Explained, path: Path) -> None:
    about = PngInfo()
    about.add_text("Description", f"What speaks for {each.target}. {RESEARCH_USE}")
    with atomic(path) as temporary:
        Image.fromarray(each.overlay).save(temporary, format="PNG", pnginfo=about)
