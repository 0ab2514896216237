"""The types of images in memory: an image set, a data set of several, and where it came from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.display.table import Row, Table
from radapt.errors import AskedWrongly
from radapt.images.notice import Notice, from_rows
from radapt.images.pixel_buffers import allocate_pixels, select_pixels
from radapt.images.preprocessing import Preprocessing
from radapt.labels import Labels, are_exclusive, check_labels, count_labels, join_labels, stratify
from radapt.text import counted, listed


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ImageSet(Table):
    """Grey images of one size with their labels and patients.

    Alone in the cell of a notebook it shows a few images and how many there are of each class.

    Raises
    ------
    AskedWrongly
        If the columns differ in length, a label has no class, or the pixels are not uint8.
    """

    pixels: NDArray[np.uint8]  # (n, height, width), 0 is black; may be a memory map
    labels: Labels  # (n,) int64, an index into `classes`; or (n, k) float32, see `radapt.labels`
    patients: NDArray[np.str_]  # (n,), the patient of each image
    ids: NDArray[np.str_]  # (n,), unique: the file's path inside its data set
    classes: tuple[str, ...]
    columns: Mapping[str, NDArray[np.str_]] = field(
        default_factory=dict
    )  # metadata such as age and sex, (n,) each; "" is unknown; see `radapt.images.columns`
    files: Mapping[str, NDArray[np.int64]] = field(
        default_factory=dict
    )  # of each file, (n,) each: some of `bytes`, `width`, `height`, `bits`
    digests: NDArray[np.uint64] | None = (
        None  # (n,), of the pixels, where a store keeps them; see `radapt.images.digests`
    )

    def __post_init__(self) -> None:
        lengths = {len(self.pixels), len(self.labels), len(self.patients), len(self.ids)}
        lengths |= {len(column) for column in (*self.columns.values(), *self.files.values())}
        lengths |= set() if self.digests is None else {len(self.digests)}
        if len(lengths) != 1:
            raise AskedWrongly(
                "Every image needs a label, a patient and an id. "
                f"Got {counted(len(self.pixels), 'image')}, {counted(len(self.labels), 'label')}, "
                f"{counted(len(self.patients), 'patient')}, {counted(len(self.ids), 'id')}."
            )
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3:
            raise AskedWrongly(
                "The pixels of an image set are uint8 of shape (n, height, width). "
                f"Got {self.pixels.dtype} of shape {self.pixels.shape}."
            )
        check_labels(self.labels, self.classes)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def exclusive(self) -> bool:
        """Whether each image is of one class; otherwise it has any number of findings."""
        return are_exclusive(self.labels)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | Sequence[int]) -> "ImageSet":
        """Return the images of these rows, in this order."""
        rows = np.asarray(rows, dtype=None if len(rows) else np.intp)
        return replace(
            self,
            pixels=select_pixels(self.pixels, rows),
            labels=self.labels[rows],
            patients=self.patients[rows],
            ids=self.ids[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
            files={name: column[rows] for name, column in self.files.items()},
            digests=None if self.digests is None else self.digests[rows],
        )

    def with_pixels(self, pixels: NDArray[np.uint8]) -> "ImageSet":
        """Return the same images with other pixels, as a shift makes them; no file is known to hold these."""
        return replace(self, pixels=pixels, files={}, digests=None)

    def counts(self) -> dict[str, int]:
        """Count the images of each class, or those that have each finding."""
        return count_labels(self.labels, self.classes)

    def __repr__(self) -> str:
        height, width = self.pixels.shape[1:]
        people = counted(len(set(self.patients.tolist())), "patient")
        return (
            f"ImageSet({counted(len(self), 'image')} of {people}, {width} x {height}; "
            f"{listed(f'{name} {count:,}' for name, count in self.counts().items())})"
        )

    def _repr_html_(self) -> str:
        from radapt.images.display import html_of_images  # which draws, and imports this module

        return html_of_images(self)

    def rows(self) -> list[Row]:
        """Return a row for each image: its name, patient, class or findings, and further columns."""
        columns = [column.tolist() for column in self.columns.values()]
        cells = zip(self.ids.tolist(), self.patients.tolist(), self.names(), *columns, strict=True)
        names = ("image", "patient", "label", *self.columns)
        return [dict(zip(names, row, strict=True)) for row in cells]

    def names(self) -> list[str]:
        """Name the class of each image; of findings those that it has, with `|` between them."""
        if self.labels.ndim == 1:
            return [self.classes[label] for label in self.labels]
        return [join_labels(self.classes, row == 1) for row in self.labels]

    def spread(self, count: int) -> "ImageSet":
        """Return `count` images: the same number of each class, evenly spaced within it, class by class."""
        strata = stratify(self.labels)
        columns = [np.flatnonzero(strata == stratum) for stratum in range(len(self.classes) + 1)]
        counts = [0] * len(columns)
        while sum(counts) < min(count, len(self)):
            free = [label for label, column in enumerate(columns) if counts[label] < len(column)]
            counts[min(free, key=lambda label: counts[label])] += 1
        rows = [
            column[((np.arange(share) + 0.5) * len(column) / max(1, share)).astype(np.intp)]
            for column, share in zip(columns, counts, strict=True)
        ]
        return self.take(np.concatenate(rows))

    def digest(self) -> str:
        """Return the sha256 of pixels, labels, patients and ids: equal sets have equal digests."""
        total = hashlib.sha256("\0".join(self.classes).encode())
        for start in range(0, len(self), 4096):  # bounded, since the pixels may be larger than memory
            total.update(np.ascontiguousarray(self.pixels[start : start + 4096]).tobytes())
        total.update(self.labels.astype("<i8" if self.exclusive else "<f4").tobytes())
        for column in (self.patients, self.ids):
            total.update("\0".join(column.tolist()).encode())
        return total.hexdigest()


@dataclass(frozen=True, slots=True)
class DataProvenance:
    """Where a data set came from and how it was read. It may be shown on a page: it holds no path."""

    name: str  # the folder's own name, never its path
    patient_rule: str  # "kermany", "nih", "regex PATTERN", "phantom", or "file": each file its own patient
    split_rule: str  # "folders", or how one folder was split
    preprocessing: dict[str, str | int | bool]  # fields of `Preprocessing`, the reader's version, ...
    fingerprint: str  # sha256 over files, labels, splits and preprocessing
    failed: tuple[tuple[str, str], ...] = ()  # (file, reason) of every file left out
    notes: tuple[str, ...] = ()  # sentences for the reader of a report
    passed: Mapping[str, int] = field(default_factory=dict)  # number of files ignored, by file extension
    left_out: Mapping[str, int] = field(default_factory=dict)  # number of images left out, by reason
    rows: int = 0  # of the table, each of which is of an image or left out
    outside: int = 0  # images that lie mostly outside their window
    unnamed: int = 0  # images without a patient in a table that names others; each counts as one patient
    notices: tuple[Notice, ...] = ()  # for every page with scores of these images
    uncertain: Mapping[str, int] = field(
        default_factory=dict
    )  # number of uncertain labels of a table, by what became of them; see `radapt.images.uncertain`

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DataProvenance":
        """Return back what `dataclasses.asdict` gave, from values that may hold more than that."""
        known = {"uncertain": {}} | {
            field.name: values[field.name] for field in fields(cls) if field.name in values
        }  # records from before uncertain labels were counted lack them
        failed = tuple((str(file), str(reason)) for file, reason in known["failed"])
        notes, notices = tuple(map(str, known["notes"])), from_rows(known["notices"])
        return cls(**{**known, "failed": failed, "notes": notes, "notices": notices})

    def account(self, images: int) -> str:
        """Return a sentence on how many rows gave these images, and how many files could not be read.

        It is "" of a folder whose files were all read; `left_out` says what else is missing.
        """
        parts = [f"{counted(self.rows, 'row')} of the table gave {counted(images, 'image')}"] * bool(
            self.rows
        )
        if self.failed:
            parts.append(f"{counted(len(self.failed), 'file')} could not be read")
        return f"{'; '.join(parts)}." if parts else ""

    @property
    def reading(self) -> Preprocessing:
        """How the files were read."""
        return Preprocessing.from_dict(self.preprocessing)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dataset(Table):
    """Image sets by split, with the same classes, and their provenance.

    Alone in the cell of a notebook it shows a few images of each split, how many there are of each class, and
    what limits results on them.
    """

    splits: dict[str, ImageSet]  # some of "train", "val", "test"; or folds, see `radapt.study.folds`
    origin: DataProvenance

    def __repr__(self) -> str:
        splits = listed(f"{name} {counted(len(images), 'image')}" for name, images in self.splits.items())
        return f"Dataset({self.origin.name}: {splits}; {listed(self.classes)})"

    def _repr_html_(self) -> str:
        from radapt.images.display import html_of_dataset  # which draws, and imports this module

        return html_of_dataset(self)

    def rows(self) -> list[Row]:
        """Return a row for each split: its images, its patients, and the images of each class."""
        return [
            {
                "split": name,
                "images": len(images),
                "patients": len(set(images.patients.tolist())),
                **images.counts(),
            }
            for name, images in self.splits.items()
        ]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, the same in every split."""
        return next(iter(self.splits.values())).classes

    @property
    def exclusive(self) -> bool:
        """Whether each image is of one class; otherwise it has any number of findings."""
        return next(iter(self.splits.values())).exclusive

    @property
    def split_here(self) -> bool:
        """Whether radapt split it when reading it, since it had no splits of its own."""
        return self.origin.split_rule.startswith(("by patient", "image by image"))

    def with_all(self) -> "Dataset":
        """Return the data set with one more split, "all", of the images of all splits."""
        return replace(self, splits={**self.splits, "all": join_sets(list(self.splits.values()))})

    def __getitem__(self, split: str) -> ImageSet:
        if split not in self.splits:
            raise AskedWrongly(
                f"The data set {self.origin.name!r} has no split {split!r}. It has: {listed(self.splits)}."
            )
        return self.splits[split]


def together(digests: Sequence[NDArray[np.uint64] | None]) -> NDArray[np.uint64] | None:
    """Concatenate the digests of several sets; None if one of them has none."""
    known = [each for each in digests if each is not None]
    return np.concatenate(known) if len(known) == len(digests) else None


def join_sets(sets: Sequence[ImageSet]) -> ImageSet:
    """Return the images of several sets of the same classes as one."""
    first = sets[0]
    if len(sets) == 1:
        return first
    pixels = allocate_pixels((sum(map(len, sets)), *first.pixels.shape[1:]))
    start = 0
    for images in sets:
        pixels[start : start + len(images)] = images.pixels
        start += len(images)
    return replace(
        first,
        pixels=pixels,
        labels=np.concatenate([each.labels for each in sets]),
        patients=np.concatenate([each.patients for each in sets]),
        ids=np.concatenate([each.ids for each in sets]),
        columns={name: np.concatenate([each.columns[name] for each in sets]) for name in first.columns},
        files={name: np.concatenate([each.files[name] for each in sets]) for name in first.files},
        digests=together([each.digests for each in sets]),
    )
