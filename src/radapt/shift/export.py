"""A shifted data set as files, for other tools and for one's own eyes.

The folder holds `{split}/{class}/NAME.png` (grey, as large as the images were read), or `{class}/NAME.png` of
what has no splits of its own, `images.csv` (a row an image: file, split, patient, label, and what else is
known of it), `shift.parquet` (what the shift drew for each), and `shift.json`, which says what was asked. The
splits that radapt drew where there were none stand in `images.csv` too: a model that was trained on the
original can be tested on images that it has not seen. An image that is there is not written again, so the
work can be stopped and gone on with.
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
from radapt.shift.shifted import chosen_images, shift_pixels
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
    """Write what a shift makes of a data set into a folder, or go on with it; give how many images there are.

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
    chosen = {split: chosen_images(images, shift, seed=seed) for split, images in data.splits.items()}
    named = _names(chosen, in_splits=not data.split_here)
    with reserve_folder(out, plain(identity), ASKED):
        watch.begin(f"shifting {data.origin.name}", sum(map(len, chosen.values())), "image")
        done, drawn = 0, []
        for split, images in chosen.items():
            for start in range(0, len(images), AT_ONCE):
                some = images.take(np.arange(start, min(start + AT_ONCE, len(images))))
                names = named[split][start : start + len(some)]
                shifted, table = shift_pixels(some, shift, seed=seed, device=device)
                drawn.append({"id": some.ids, "file": np.array(names, dtype=np.str_), **table})
                for name, pixels in zip(names, shifted.pixels, strict=True):
                    _write(out / name, pixels)
                done += len(some)
                watch.advance(done)
        watch.end()
        columns = {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]}
        write_table(out / DRAWN, columns)
        write_text(out / "images.csv", _table(chosen, named))
        return done


def _names(chosen: Mapping[str, ImageSet], *, in_splits: bool) -> dict[str, list[str]]:
    """Give each image a path: its split, if asked, its class, the end of its id; a code if two are alike."""
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
    """Give a text that is one part of a path on any machine."""
    return re.sub(r"[^\w.|-]", "_", text).replace("|", "+").lstrip(".") or "_"


def _write(path: Path, pixels: NDArray[np.uint8]) -> None:
    if not path.exists():
        with atomic(path) as temporary:
            Image.fromarray(pixels).save(temporary, format="PNG")


def kept_columns(images: ImageSet) -> dict[str, str]:
    """Give what each further column of a set is called in `images.csv`: its name, and _ if that is taken."""
    fixed = {"file", "split", "patient", "label", *images.classes}
    return {name: f"{name}_" if name in fixed else name for name in images.columns}


def _table(chosen: Mapping[str, ImageSet], named: Mapping[str, Sequence[str]]) -> str:
    """Write `images.csv`: of findings a column of 1, 0 or nothing for each, then what else is known."""
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
