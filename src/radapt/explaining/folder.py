"""The folder of explanations: an overlay and a map of each image, a page, and `explanations.json`.

The pictures are as large as the images; `NAME.npy` holds the map as the method gives it, (size, size),
float32, in log odds, and "box" in the JSON says which part of the image that is.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from radapt.artefacts import EXPLANATIONS, EXPLANATIONS_PAGE
from radapt.device import Hardware
from radapt.errors import BadArtefact
from radapt.explaining.explanation import Explained, ExplainOptions, Explanations, explain_files
from radapt.explaining.overlay import RESEARCH_USE
from radapt.files import atomic, read_object, write_document, write_text
from radapt.images.notice import as_rows
from radapt.lock import alone_in
from radapt.models.classifier import Classifier
from radapt.progress import SILENT, Watch
from radapt.version import __version__
from radapt.workfolder import check_ours

_OURS = re.compile(r"\d+-[\w.-]*\.(png|npy)", flags=re.ASCII)


def as_document(found: Explanations) -> dict[str, Any]:
    """Return explanations as a value for JSON, with the names of the files of each image."""
    return {
        "radapt": __version__,
        **found.about,
        "images": [each.as_dict() for each in found.images],
        "failed": list(found.failed),
        "passed": found.passed,
        "notices": as_rows(found.notices),
    }


def explain_to_folder(
    classifier: Classifier,
    paths: Sequence[Path],
    options: ExplainOptions,
    hardware: Hardware,
    out: Path,
    render: Callable[[Explanations], str],
    watch: Watch = SILENT,
) -> Explanations:
    """Explain image files, and write each as soon as it is made into a folder, in place of what that held.

    The folder is made with the first image, and left alone if none can be read. The page comes last.

    Parameters
    ----------
    classifier, paths, options, hardware, watch
        As for `radapt.explaining.explanation.explain_files`.
    out
        The folder.
    render
        Draws the page.

    Raises
    ------
    AskedWrongly
        If the folder holds something else.
    RadaptError
        If it cannot be written, or another process writes there.
    """
    check_ours(out, EXPLANATIONS)
    made: list[Explained] = []
    with ExitStack() as locked:

        def keep(each: Explained, overlay: NDArray[np.uint8]) -> None:
            if not made:
                locked.enter_context(alone_in(out))
                _remove_former(out)
            made.append(each)
            # before its files, so that those of a command that is stopped are known to the next
            write_document(out / EXPLANATIONS, as_document(Explanations(made, about, (), {})))
            _write_files(each, overlay, out)

        about = {"model": classifier.spec.model, "method": options.method, "layer": options.layer}
        found = explain_files(classifier, paths, options, hardware, watch, keep)
        if made:
            write_document(out / EXPLANATIONS, as_document(found))
            write_text(out / EXPLANATIONS_PAGE, render(found))
    return found


def _remove_former(out: Path) -> None:
    """Remove the page, and the files that `explanations.json` names, if they are named as here."""
    former: list[Any] = []
    with suppress(BadArtefact):
        images = read_object(out / EXPLANATIONS).get("images")
        former = images if isinstance(images, list) else []
    names = [each.get(key) for each in former if isinstance(each, dict) for key in ("overlay", "map")]
    for name in [
        EXPLANATIONS_PAGE,
        *(each for each in names if isinstance(each, str) and _OURS.fullmatch(each)),
    ]:
        with suppress(OSError):  # missing; if it cannot be removed, nothing can be written either
            (out / name).unlink()


def _write_files(each: Explained, overlay: NDArray[np.uint8], out: Path) -> None:
    about = PngInfo()
    about.add_text("Description", f"What speaks for {each.target}. {RESEARCH_USE}")
    with atomic(out / f"{each.stem}.png") as temporary:
        Image.fromarray(overlay).save(temporary, format="PNG", pnginfo=about)
    with atomic(out / f"{each.stem}.npy") as temporary, temporary.open("wb") as file:
        np.save(file, each.drawn, allow_pickle=False)
