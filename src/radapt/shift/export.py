"""A shifted data set written as files, for other tools and for looking at.

The folder holds `{split}/{class}/NAME.png` (grey, as large as the images were read), or `{class}/NAME.png` if
the data set has no splits of its own, `images.csv` (a row an image: file, split, patient, label and further
columns), `shift.parquet` (the parameters drawn for each image), and `shift.json`, which records the request.
Splits that radapt drew itself are in `images.csv` too, so that a model trained on the original images can be
tested on images that it has not seen. Images already written are skipped, so an interrupted command resumes.
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from radapt.artefacts import DRAWN
from radapt.files import atomic, plain, write_text
from radapt.images.imageset import Dataset, ImageSet
from radapt.parquet import write_table
from radapt.progress import SILENT, Watch
from radapt.shift.corruption import Shift
from radapt.shift.shifted import select_images, shift_pixels
from radapt.version import __version__
from radapt.workfolder import reserve_folder

ASKED = "shift.json"
AT_ONCE = 256  # images held at a time


def write_shifted(
    data: Dataset,
    shift: Shift,
    out: Path,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    watch: Watch = SILENT,
) -> int:
    """Write a shifted data set into a folder, or resume writing it; return the number of images.

    Raises
    ------
    AskedWrongly
        If the folder holds other work.
    RadaptError
        If it cannot be written to; what was written is kept.
    """
    identity = {
        "kind": "shifted images",
        "radapt": __version__,
        "shift": str(shift),
        "seed": seed,
        "images": data.origin.fingerprint,
        "reading": data.origin.reading.as_dict(),
    }
    chosen = {split: select_images(images, shift, seed=seed) for split, images in data.splits.items()}
    named = _names(chosen, in_splits=not data.split_here)
    with reserve_folder(out, plain(identity), ASKED):
        watch.begin(f"shifting {data.origin.name}", sum(map(len, chosen.values())), "image")
        done, drawn = 0, []
        for split, images in chosen.items():
            for start in range(0, len(images), AT_ONCE):
                batch = images.take(np.arange(start, min(start + AT_ONCE, len(images))))
                names = named[split][start : start + len(batch)]
                shifted, table = shift_pixels(batch, shift, seed=seed, device=device)
                drawn.append({"id": batch.ids, "file": np.array(names, dtype=np.str_), **table})
                for name, pixels in zip(names, shifted.pixels, strict=True):
                    _write(out / name, pixels)
                done += len(batch)
                watch.advance(done)
        watch.end()
        columns = {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]}
        write_table(out / DRAWN, columns)
        write_text(out / "images.csv", _table(chosen, named))
        return done


def _names(chosen: Mapping[str, ImageSet], *, in_splits: bool) -> dict[str, list[str]]:
    """Return a path for each image: split (if asked), class, end of its id, a code where two are equal."""
    named = {
        split: [
            f"{f'{split}/' * in_splits}{_plain(kind)}/{_plain(PurePosixPath(image).name.partition('.')[0])}"
            for image, kind in zip(images.ids.tolist(), images.names(), strict=True)
        ]
        for split, images in chosen.items()
    }
    times = Counter(name.casefold() for names in named.values() for name in names)
    return {
        split: [
            f"{name}.png" if times[name.casefold()] == 1 else f"{name}-{_code(image)}.png"
            for name, image in zip(names, chosen[split].ids.tolist(), strict=True)
        ]
        for split, names in named.items()
    }


def _code(image: str) -> str:
    return hashlib.sha256(image.encode(errors="surrogateescape")).hexdigest()[:12]


def _plain(text: str) -> str:
    """Return a text that is valid as one part of a path on any system."""
    return re.sub(r"[^\w.|-]", "_", text).replace("|", "+").lstrip(".") or "_"


def _write(path: Path, pixels: NDArray[np.uint8]) -> None:
    if not path.exists():
        with atomic(path) as temporary:
            Image.fromarray(pixels).save(temporary, format="PNG")


def kept_columns(images: ImageSet) -> dict[str, str]:
    """Return the name of each further column in `images.csv`: its own, followed by _ if that is taken."""
    fixed = {"file", "split", "patient", "label", *images.classes}
    return {name: f"{name}_" if name in fixed else name for name in images.columns}


def _table(chosen: Mapping[str, ImageSet], named: Mapping[str, Sequence[str]]) -> str:
    """Return the text of `images.csv`; multi-label data get a column a label, of 1, 0 or nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    first = next(iter(chosen.values()))
    labelled = ["label"] if first.exclusive else first.classes
    writer.writerow(["file", "split", "patient", *labelled, *kept_columns(first).values()])
    for split, images in chosen.items():
        labels = [[name] for name in images.names()] if images.exclusive else _cells(images)
        further = zip(*(column.tolist() for column in images.columns.values()), strict=True)
        known = list(further) or [()] * len(images)
        rows = zip(named[split], images.patients.tolist(), labels, known, strict=True)
        writer.writerows([name, split, patient, *label, *more] for name, patient, label, more in rows)
    return text.getvalue()


def _cells(images: ImageSet) -> list[list[str]]:
    return [["" if value != value else f"{value:.0f}" for value in row] for row in images.labels.tolist()]
