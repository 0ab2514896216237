"""The files below a folder that should be images: one walk, whether or not there are labels."""

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

_CLUTTER_FILES = frozenset({"thumbs.db", "desktop.ini"})  # which systems leave behind


@dataclass(frozen=True, slots=True, order=True)
class File:
    """A file that should be an image."""

    inner: str  # its path below the folder that was walked, with "/" between the parts
    size: int  # bytes
    changed: int  # nanoseconds since 1970
    is_dicom: bool  # by its name, or for want of one by its first bytes


def refuse(error: OSError) -> None:
    """Refuse a folder that cannot be looked into.

    Raises
    ------
    WrongFolder
        In any case.
    """
    raise WrongFolder(f"{error.filename} cannot be looked into: {error.strerror}.") from None


class Walk:
    """Walks folders to the bottom, and counts what it passes over.

    A file whose name ends like a picture's is taken whatever is in it. Only files whose names have no ending
    that is known are looked into, since DICOM exports have none or a number's. Passed over are hidden files,
    those that are clearly no images, and folders of masks (see `radapt.images.masks`), also such as are only
    called so, beside a folder of images.

    Parameters
    ----------
    refused
        Told of each folder that cannot be looked into.
    """

    def __init__(self, refused: Callable[[OSError], None] = refuse) -> None:
        self.passed: Counter[str] = Counter()  # files by ending, or what else they are
        self.masks: set[str] = set()  # names of folders of masks
        self.unclear: set[str] = set()  # of folders beside images that are called like masks and hold none
        self._refused = refused

    def files(self, folder: Path) -> list[File]:
        """Give the files below a folder by their names; links to it or to folders above it lead nowhere."""
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
                if self.pass_over(Path(each.path), f"in folders called {each.name!r} beside images"):
                    self.unclear.add(each.name)
            else:
                yield from self._below(Path(each.path), f"{inner}{each.name}/", above | {here})
        for each in entries:
            if not is_folder(each) and each.name.lower() not in _CLUTTER_FILES:
                yield from self._file(each, inner)

    def pass_over(self, folder: Path, kind: str) -> int:
        """Pass over a folder, count the pictures in it and below it by their names, and give their number."""
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
    """Give the ending of a file's name in small letters, with its dot; "" where there is none."""
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""


def begins_as_dicom(path: Path) -> bool:
    """Say whether a file is DICOM, by its first bytes; one that cannot be opened is not."""
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(132))
    except OSError:
        return False


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Say whether it is a folder; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_file(entry: os.DirEntry[str]) -> bool:
    """Say whether it is a file; a link to itself is none."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _above(folder: Path) -> frozenset[tuple[int, int]]:
    """Give what tells the folders above this one, where it is reached by its own path or through a link."""
    real, named = Path(os.path.realpath(folder)), folder.absolute()
    return frozenset(
        (about.st_dev, about.st_ino) for each in {*real.parents, *named.parents} for about in (each.stat(),)
    )


def _may_be_dicom(entry: os.DirEntry[str]) -> bool:
    if entry.name.upper() == "DICOMDIR":  # a list of other files
        return False
    return is_file(entry) and begins_as_dicom(Path(entry.path))


def _stat(entry: os.DirEntry[str]) -> tuple[int, int]:
    try:
        about = entry.stat()
    except OSError:  # a link to nothing: reading it will say so
        return 0, 0
    return about.st_size, about.st_mtime_ns
