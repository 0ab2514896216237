"""Class folders: which files there are, of which class, and in which split."""

import difflib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from radapt.counting import counted
from radapt.errors import AskedWrongly, WrongFolder
from radapt.images.pixels import is_dicom
from radapt.images.spelling import check_spelling
from radapt.labels import Label
from radapt.quoting import listed

SPLITS = ("train", "val", "test")
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib"}
    | {".webp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"}
    | {".dcm", ".dicom"}
)
DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
CLUTTER = frozenset(
    {".txt", ".csv", ".tsv", ".json", ".md", ".xml", ".html", ".db", ".ini", ".zip", ".parquet"}
)

SPLIT_NAMES = {
    **{"train": "train", "training": "train", "test": "test", "testing": "test"},
    **{"val": "val", "valid": "val", "validate": "val", "validation": "val"},
}
_CLUTTER_FOLDERS = frozenset({"__macosx", "@eadir"})
_CLUTTER_FILES = frozenset({"thumbs.db", "desktop.ini"})  # which systems leave behind
_MASK_FOLDERS = frozenset(
    {"mask", "masks", "lung_mask", "lung_masks", "lungmask", "segmentation", "segmentations", "annotations"}
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that should be a film."""

    name: str  # its path below the data set's folder, with "/" between the parts
    inner: str  # its path inside its class folder
    label: Label  # an index into the classes, or what is said of each finding
    split: str  # "train", "val" or "test"; "" where the folder is not split
    size: int  # bytes
    changed: int  # nanoseconds since 1970
    is_dicom: bool = False  # by its name, or for want of one by its first bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder of class folders holds, or a table of films names."""

    root: Path
    classes: tuple[str, ...]  # of a folder in alphabetical order
    entries: tuple[Entry, ...]  # of a folder by split, class and name
    is_split: bool  # into train, val and test
    notes: tuple[str, ...]  # plain sentences on what was passed over
    patients: tuple[str, ...] = ()  # of each entry, where a table names any; "" where it does not
    columns: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # what else a table says of each, see `radapt.images.columns`
    patient_rule: str = ""  # how it does
    split_rule: str = "folders"
    passed: Mapping[str, int] = field(default_factory=dict)  # files that were passed over, by ending
    left: Mapping[str, int] = field(default_factory=dict)  # images of a table that were left out, by reason


def find_files(root: Path, *, complete: bool = True) -> Listing:
    """List the films below `root`, in `{train,val,test}/CLASS/` or in `CLASS/`.

    Class folders are walked to the bottom. Hidden files and files that are clearly no films are passed over;
    a file whose name ends like a picture's is listed whatever is in it. Only files whose names have no ending
    that is known are looked into, since DICOM exports have none or a number's.

    Parameters
    ----------
    root
        The folder.
    complete
        Whether to refuse what cannot be trained on: a class alone, an empty one, one that train lacks.

    Raises
    ------
    WrongFolder
        If the folder is missing, is a file, holds no class folders, or has an empty class.
    AskedWrongly
        If there is only one class, or a class in val or test that train lacks.
    """
    _check_folder(root)
    splits, others = _split_folders(root)
    walk = _Walk(root)
    if splits:
        groups = [(split, folder) for split in SPLITS if (folder := splits.get(split))]
        notes = [f"The folder {name!r} beside the splits was passed over." for name in others]
        found = [(split, *each) for split, folder in groups for each in walk.classes(folder)]
    else:
        notes = []
        found = [("", *each) for each in walk.classes(root)]
    classes = _checked_classes(root, found, splits, complete)
    entries = [
        Entry(name, inner, classes.index(label), split, size, changed, as_dicom)
        for split, label, files in found
        for name, inner, size, changed, as_dicom in files
    ]
    if odd := {ending: count for ending, count in walk.passed.items() if ending not in CLUTTER}:
        kinds = ", ".join(f"{ending} ({count})" for ending, count in sorted(odd.items()))
        notes.append(f"Files of other kinds were passed over: {kinds}.")
    if walk.masks:
        notes.append(
            f"Folders of masks below the classes were passed over ({listed(sorted(walk.masks))}): "
            f"{counted(walk.masked, 'picture')}."
        )
    if walk.loose:
        notes.append(f"Pictures outside the class folders were passed over: {walk.loose}.")
    return Listing(root, classes, tuple(entries), bool(splits), tuple(notes), passed=walk.passed)


def _check_folder(root: Path) -> None:
    if root.is_dir():
        return
    if root.exists():
        raise WrongFolder(f"{root} is a file. Give the folder that holds the class folders.")
    try:
        beside = [path.name for path in root.absolute().parent.iterdir() if path.is_dir()]
    except OSError:
        beside = []
    near = difflib.get_close_matches(root.name, beside, n=1)
    hint = (
        f"Did you mean {root.parent / near[0]}?" if near else "Give one that holds a folder for each class."
    )
    raise WrongFolder(f"There is no folder {root}. {hint}")


def _split_folders(root: Path) -> tuple[dict[str, Path], list[str]]:
    """Give the folders of the splits, if there are any, and the names of those beside them."""
    splits: dict[str, Path] = {}
    others = []
    for folder in _folders(root):
        split = SPLIT_NAMES.get(folder.name.lower())
        if split is None:
            others.append(folder.name)
        elif split in splits:
            raise WrongFolder(
                f"{root} has both {splits[split].name!r} and {folder.name!r}, and each would be {split!r}. "
                "Keep one."
            )
        else:
            splits[split] = folder
    return splits, others


def _folders(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            names = sorted(
                entry.name for entry in entries if _is_folder(entry) and not _leads_up(entry, root)
            )
    except OSError as error:
        raise WrongFolder(f"{root} cannot be looked into: {error.strerror}.") from None
    for name in names:
        if any("\udc80" <= letter <= "\udcff" for letter in name):  # bytes that are no UTF-8
            raise WrongFolder(
                f"A folder in {root} has a name that is not UTF-8: {name.encode('utf-8', 'replace')!r}. "
                "Rename it."
            )
    return [root / name for name in names if name[0] != "." and name.lower() not in _CLUTTER_FOLDERS]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _leads_up(entry: os.DirEntry[str], root: Path) -> bool:
    """Say whether a folder is a link to the one that it is in, or to one above."""
    if not entry.is_symlink():
        return False
    here, there = root.resolve(), Path(entry.path).resolve()
    return there == here or there in here.parents


_File = tuple[str, str, int, int, bool]  # name, inner, size, changed, is_dicom


class _Walk:
    """Walks class folders, and counts what it passes over."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.passed: Counter[str] = Counter()  # by ending
        self.loose = 0  # pictures outside the class folders
        self.masks: set[str] = set()  # names of folders of masks
        self.masked = 0  # pictures in these

    def classes(self, folder: Path) -> list[tuple[str, list[_File]]]:
        """Give the name and the files of each class folder in this one."""
        below = os.path.relpath(folder, self.root).replace(os.sep, "/")
        prefix = "" if below == "." else f"{below}/"
        self.loose += sum(_ending(entry.name) in SUFFIXES for entry in os.scandir(folder) if _is_file(entry))
        return [
            (each.name, sorted(self._files(each, f"{prefix}{each.name}/", "", frozenset())))
            for each in _folders(folder)
        ]

    def _files(
        self, folder: Path, prefix: str, inner: str, above: frozenset[tuple[int, int]]
    ) -> Iterator[_File]:
        about = folder.stat()
        here = (about.st_dev, about.st_ino)
        if here in above:  # a link back up
            return
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            raise WrongFolder(f"{folder} cannot be looked into: {error.strerror}.") from None
        for entry in entries:
            if entry.name[0] == "." or entry.name.lower() in _CLUTTER_FILES:
                continue
            path = inner + entry.name
            if _is_folder(entry):
                if entry.name.lower() in _MASK_FOLDERS:
                    self.masks.add(entry.name)
                    self.masked += sum(
                        _ending(name) in SUFFIXES for *_, names in os.walk(entry.path) for name in names
                    )
                elif entry.name.lower() not in _CLUTTER_FOLDERS:
                    yield from self._files(Path(entry.path), prefix, f"{path}/", above | {here})
                continue
            ending = _ending(entry.name)
            if ending in SUFFIXES or (ending not in CLUTTER and _may_be_dicom(entry)):
                size, changed = _stat(entry)
                as_dicom = ending in DICOM_SUFFIXES or ending not in SUFFIXES
                yield prefix + path, path, size, changed, as_dicom
            elif _is_file(entry):
                self.passed[ending or "no ending"] += 1


def _ending(name: str) -> str:
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""


def _may_be_dicom(entry: os.DirEntry[str]) -> bool:
    if entry.name.upper() == "DICOMDIR":  # a list of other files
        return False
    return _is_file(entry) and begins_as_dicom(Path(entry.path))


def begins_as_dicom(path: Path) -> bool:
    """Say whether a file is DICOM, by its first bytes; one that cannot be opened is not."""
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(132))
    except OSError:
        return False


def _stat(entry: os.DirEntry[str]) -> tuple[int, int]:
    try:
        about = entry.stat()
    except OSError:  # a link to nothing: reading it will say so
        return 0, 0
    return about.st_size, about.st_mtime_ns


def _checked_classes(
    root: Path, found: list[tuple[str, str, list[_File]]], splits: dict[str, Path], complete: bool
) -> tuple[str, ...]:
    """Give the classes in alphabetical order, if they make a data set."""
    for split, folder in splits.items():
        if not any(each == split for each, _, _ in found):
            raise WrongFolder(f"{folder} holds no class folders. Fill it, or take it away.")
    if not any(files for _, _, files in found):
        raise WrongFolder(
            f"{root} holds no class folders with pictures in them. It should hold one folder for each class, "
            "or train, val and test with one in each."
        )
    classes = tuple(sorted({label for _, label, _ in found}))
    check_spelling(classes)
    if not complete and not (len(classes) == 1 and _holds_splits(root / classes[0])):
        return classes
    for split, label, files in found:
        if not files:
            folder = splits.get(split, root) / label
            raise WrongFolder(f"The class folder {folder} holds no pictures. Fill it, or take it away.")
    train = {label for split, label, _ in found if split == "train"}
    for split, label, _ in found:
        if "train" in splits and label not in train:
            raise AskedWrongly(
                f"The class {label!r} is in {split} but not in train, which has: {listed(sorted(train))}. "
                "Every class needs films to train on."
            )
    if len(classes) < 2:
        raise AskedWrongly(_one_class(root, classes[0]))
    return classes


def _one_class(root: Path, only: str) -> str:
    if _holds_splits(root / only):
        return f"{root} holds only the folder {only!r}, which holds the splits. Give {root / only}."
    return f"{root} has only one class, {only!r}. A classifier needs two or more, a folder for each."


def _holds_splits(folder: Path) -> bool:
    inside = {each.name.lower() for each in _folders(folder)} if folder.is_dir() else set()
    return bool(inside & SPLIT_NAMES.keys())
