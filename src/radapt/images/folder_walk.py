"""Find the image files below a folder, with or without class folders."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from radapt.errors import WrongFolder
from radapt.images.masks import IMAGES, MASKS, MAYBE_MASKS, are_masks, plain
from radapt.images.pixels import is_dicom

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib"}
    | {".webp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"}
    | {".dcm", ".dicom"}
)
DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
CLUTTER = frozenset(
    {".txt", ".csv", ".tsv", ".json", ".md", ".xml", ".html", ".db", ".ini", ".zip", ".parquet"}
)
CLUTTER_FOLDERS = frozenset({"__macosx", "@eadir"})
NO_ENDING, MASKED = "no ending", "in folders of masks"

_CLUTTER_FILES = frozenset({"thumbs.db", "desktop.ini"})  # left behind by operating systems


@dataclass(frozen=True, slots=True, order=True)
class File:
    """A file that is probably an image."""

    inner: str  # path below the folder that was searched, parts separated by "/"
    size: int  # bytes
    changed: int  # nanoseconds since 1970
    is_dicom: bool  # by its extension, or without one by its first bytes


def refuse(error: OSError) -> None:
    """Refuse a folder that cannot be read.

    Raises
    ------
    WrongFolder
        Always.
    """
    raise WrongFolder(f"{error.filename} cannot be read: {error.strerror}.") from None


class Walk:
    """Searches folders recursively for images, and counts what it ignores.

    A file with the extension of a picture is taken, whatever its content. Only files without a known
    extension are opened, since DICOM exports often have none, or a number. Hidden files, other known kinds of
    files and folders of masks (see `radapt.images.masks`) are ignored; so are folders that are only named
    like masks, beside a folder of images.

    Parameters
    ----------
    refused
        Called with the error of each folder that cannot be read.
    """

    def __init__(self, refused: Callable[[OSError], None] = refuse) -> None:
        self.passed: Counter[str] = Counter()  # number of files ignored, by extension or by reason
        self.masks: set[str] = set()  # names of folders of masks
        self.unclear: set[str] = (
            set()
        )  # names of folders beside images that are named like masks but hold none
        self._refused = refused

    def files(self, folder: Path) -> list[File]:
        """Return the files below a folder, sorted by name; links to a folder above are not followed."""
        return sorted(self._below(folder, "", _above(folder)))

    def _below(self, folder: Path, inner: str, above: frozenset[tuple[int, int]]) -> Iterator[File]:
        try:
            about = folder.stat()
            entries = [each for each in os.scandir(folder) if each.name[0] != "."]
        except OSError as error:
            self._refused(error)
            return
        here = (about.st_dev, about.st_ino)
        if here in above:  # a link back up
            return
        folders = [each for each in entries if is_folder(each) and each.name.lower() not in CLUTTER_FOLDERS]
        images = next((each for each in folders if plain(each.name) in IMAGES), None)
        for each in folders:
            if self._is_of_masks(each, images):
                self.masks.add(each.name)
                self.pass_over(Path(each.path), MASKED)
            elif images is not None and plain(each.name) in MAYBE_MASKS:
                if self.pass_over(Path(each.path), f"in folders named {each.name!r} beside images"):
                    self.unclear.add(each.name)
            else:
                yield from self._below(Path(each.path), f"{inner}{each.name}/", above | {here})
        for each in entries:
            if not is_folder(each) and each.name.lower() not in _CLUTTER_FILES:
                yield from self._file(each, inner)

    def pass_over(self, folder: Path, kind: str) -> int:
        """Ignore a folder: count the pictures in it by their extensions, and return how many."""
        pictures = sum(ending(name) in SUFFIXES for *_, names in os.walk(folder) for name in names)
        if pictures:
            self.passed[kind] += pictures
        return pictures

    def _is_of_masks(self, folder: os.DirEntry[str], images: os.DirEntry[str] | None) -> bool:
        if plain(folder.name) in MASKS:
            return True
        if images is None or folder.name == images.name:
            return False
        return are_masks(Path(folder.path), Path(images.path))

    def _file(self, entry: os.DirEntry[str], inner: str) -> Iterator[File]:
        kind = ending(entry.name)
        if kind in SUFFIXES or (kind not in CLUTTER and _may_be_dicom(entry)):
            as_dicom = kind in DICOM_SUFFIXES or kind not in SUFFIXES
            yield File(inner + entry.name, *_stat(entry), as_dicom)
        elif is_file(entry):
            self.passed[kind or NO_ENDING] += 1


def ending(name: str) -> str:
    """Return the extension of a file's name in lower case, with its dot; "" if there is none."""
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""


def begins_as_dicom(path: Path) -> bool:
    """Say whether a file is DICOM, by its first bytes; False if it cannot be opened."""
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(132))
    except OSError:
        return False


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Say whether it is a folder; a link to itself is not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_file(entry: os.DirEntry[str]) -> bool:
    """Say whether it is a file; a link to itself is not."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _above(folder: Path) -> frozenset[tuple[int, int]]:
    """Return device and inode of the folders above this one, by its own path and by its real one."""
    real, named = Path(os.path.realpath(folder)), folder.absolute()
    return frozenset(
        (about.st_dev, about.st_ino) for each in {*real.parents, *named.parents} for about in (each.stat(),)
    )


def _may_be_dicom(entry: os.DirEntry[str]) -> bool:
    if entry.name.upper() == "DICOMDIR":  # an index of other files
        return False
    return is_file(entry) and begins_as_dicom(Path(entry.path))


def _stat(entry: os.DirEntry[str]) -> tuple[int, int]:
    try:
        about = entry.stat()
    except OSError:  # a link to nothing: reading it will say so
        return 0, 0
    return about.st_size, about.st_mtime_ns
