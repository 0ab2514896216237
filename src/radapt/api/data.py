"""Images from Python: shift a data set, write it, check it."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from radapt.api.given import check_images
from radapt.api.loading import options_of
from radapt.api.options import watch_for
from radapt.auditing.audit import Audit, run_audit
from radapt.auditing.collection import Collection, collect, collection_of
from radapt.images.imageset import Dataset, ImageSet
from radapt.shift.chain import Chain
from radapt.shift.corruption import Shift
from radapt.shift.export import write_shifted
from radapt.shift.expression import parse_shift, resolved
from radapt.shift.shifted import shift_images as shifted_with_draws

Images = TypeVar("Images", ImageSet, Dataset)


def shift_images(images: Images, shift: str | Shift, *, seed: int = 0) -> Images:
    """Return the same images as another hospital might have taken them.

    The shift of an image is drawn from the seed and the image's own name, so that the same call gives the
    same images. Labels and patients stay; a shift of the population (`prevalence`) drops whole patients.

    Parameters
    ----------
    images
        An image set, or a data set, of which every split is shifted.
    shift
        As on the command line: `"original"`, `"phone-photo@3"`, `"rotation(10) + jpeg(quality=30)"`, or the
        path of a `.toml`. `radapt.list_shifts()` has all.

    Raises
    ------
    UnknownName
        If there is no such shift.
    AskedWrongly
        If an option of it is out of its range.
    """
    text = resolved(shift) if isinstance(shift, str) else str(shift)
    if not isinstance(images, Dataset):
        check_images(images)
    made = parse_shift(text) if isinstance(shift, str) else shift
    if isinstance(images, ImageSet):
        return shifted_with_draws(images, made, seed=seed)[0]
    origin = images.origin
    total = hashlib.sha256(f"{origin.fingerprint} {text} {seed}".encode())
    return Dataset(
        {name: shifted_with_draws(each, made, seed=seed)[0] for name, each in images.splits.items()},
        replace(origin, name=f"{origin.name} under {text}", fingerprint=total.hexdigest()),
    )


def save_dataset(data: Dataset, folder: Path | str) -> Path:
    """Write a data set as grey PNG files, as large as read, in `SPLIT/CLASS/` (or `CLASS/`).

    `images.csv` beside them lists the file, split, patient, label and further columns of each image, so that
    `load_dataset(folder / "images.csv", images="file", label="label", patient="patient", split="split")`
    reads the same data set again. A call that was stopped goes on.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    AskedWrongly
        If the folder holds other work.
    RadaptError
        If it cannot be written to.
    """
    write_shifted(data, Chain(), Path(folder))
    return Path(folder)


def audit(
    data: Dataset | Path | str,
    against: Dataset | Path | str | None = None,
    *,
    size: int | None = None,
    progress: bool = False,
    **options: Any,
) -> Audit:
    """Check a data set for what could bias a result: leaks, duplicates, broken or odd images, shortcuts.

    Parameters
    ----------
    data
        A path as for `radapt.load_dataset`, whose files are checked too; or a data set in memory.
    against
        Another data set, with which it should share no patient and no image.
    size, progress, **options
        How a path is read, as for `radapt.load_dataset`.

    Returns
    -------
    Audit
        Its `rows()` are the findings, the most severe first; `is_clean` says whether there is none but notes.

    Raises
    ------
    AskedWrongly, BadArtefact
        As for `radapt.load_dataset`.
    """
    wanted, watch = options_of(size, options), watch_for(progress)
    both: list[Collection | None] = []
    for each in (data, against):
        if isinstance(each, Dataset):
            both.append(collection_of(each))
        else:
            both.append(None if each is None else collect(Path(each), wanted, watch=watch))
    first, other = both
    assert first is not None
    return run_audit(first, other, watch=watch)
