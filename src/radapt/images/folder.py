"""Class folders: which files there are, of which class, and in which split."""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from radapt.errors import AskedWrongly, WrongFolder
from radapt.images.folder_walk import (
    CLUTTER,
    CLUTTER_FOLDERS,
    MASKED,
    NO_ENDING,
    SUFFIXES,
    File,
    Walk,
    ending,
    is_file,
    is_folder,
)
from radapt.images.masks import IMAGES, are_masks, plain
from radapt.images.spelling import check_spelling
from radapt.labels import Label
from radapt.text import counted, listed

LOOSE = "outside the class folders"
SPLITS = ("train", "val", "test")
SPLIT_NAMES = {
    **{"train": "train", "training": "train", "test": "test", "testing": "test"},
    **{"val": "val", "valid": "val", "validate": "val", "validation": "val"},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that should be an image."""

    name: str  # its path below the data set's folder, with "/" between the parts
    inner: str  # its path inside its class folder
    label: Label  # an index into the classes, or what is said of each finding
    split: str  # "train", "val" or "test"; "" where the folder is not split
    size: int  # bytes
    changed: int  # nanoseconds since 1970
    is_dicom: bool = False  # by its name, or for want of one by its first bytes


@dataclass(frozen=True, slots=True)
class _Class:
    """A class folder, or what of it belongs to a split."""

    split: str
    label: str  # its name
    prefix: str  # its path below the data set's folder, and "/"
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder of class folders holds, or a table of images names."""

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
    left_out: Mapping[str, int] = field(
        default_factory=dict
    )  # images of a table that were left out, by reason


def find_files(root: Path, *, complete: bool = True) -> Listing:
    """List the images below `root`, in `{train,val,test}/CLASS/` or in `CLASS/`.

    Class folders are walked to the bottom, see `radapt.images.folder_walk.Walk`. Where all files lie in
    folders of splits below the classes, as in `CLASS/train/`, these are the splits.

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
    every = _Classes(root)
    notes = []
    if splits:
        groups = [(split, folder) for split in SPLITS if (folder := splits.get(split))]
        notes = [f"The folder {name!r} beside the splits was passed over." for name in others]
        for name in others:
            every.walk.pass_over(root / name, f"in {name!r} beside the splits")
        every.pass_over_loose(root)
        found = [each for split, folder in groups for each in every.of(split, folder)]
    else:
        whole = every.of("", root)
        found = _splits_below(whole)
        if found != whole:
            splits = {each.split: root for each in found}
            notes = [f"The folders of {', '.join(splits)} below the classes were read as the splits."]
    classes = _checked_classes(root, found, splits, complete)
    _check_clear(root, every.walk.unclear)
    entries = [
        Entry(
            each.prefix + file.inner,
            file.inner,
            classes.index(each.label),
            each.split,
            file.size,
            file.changed,
            file.is_dicom,
        )
        for each in found
        for file in each.files
    ]
    notes += every.notes()
    return Listing(root, classes, tuple(entries), bool(splits), tuple(notes), passed=every.walk.passed)


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
            names = sorted(entry.name for entry in entries if is_folder(entry) and not _leads_up(entry, root))
    except OSError as error:
        raise WrongFolder(f"{root} cannot be looked into: {error.strerror}.") from None
    for name in names:
        if any("\udc80" <= letter <= "\udcff" for letter in name):  # bytes that are no UTF-8
            raise WrongFolder(
                f"A folder in {root} has a name that is not UTF-8: {name.encode('utf-8', 'replace')!r}. "
                "Rename it."
            )
    return [root / name for name in names if name[0] != "." and name.lower() not in CLUTTER_FOLDERS]


def _leads_up(entry: os.DirEntry[str], root: Path) -> bool:
    """Say whether a folder is a link to the one that it is in, or to one above."""
    if not entry.is_symlink():
        return False
    here, there = Path(os.path.realpath(root)), Path(os.path.realpath(entry.path))
    return there == here or there in here.parents


class _Classes:
    """The class folders of a data set, and what was passed over in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.walk = Walk()

    def of(self, split: str, folder: Path) -> list[_Class]:
        """Give the class folders in this one, which is a split's or the data set's own."""
        below = os.path.relpath(folder, self.root).replace(os.sep, "/")
        prefix = "" if below == "." else f"{below}/"
        self.pass_over_loose(folder)
        folders = _folders(folder)
        _check_masks(folder, folders)
        return [
            _Class(split, each.name, f"{prefix}{each.name}/", tuple(self.walk.files(each)))
            for each in folders
        ]

    def pass_over_loose(self, folder: Path) -> None:
        """Count the pictures right in this folder, where no class is."""
        if loose := sum(ending(entry.name) in SUFFIXES for entry in os.scandir(folder) if is_file(entry)):
            self.walk.passed[LOOSE] += loose

    def notes(self) -> Iterator[str]:
        """Say what was passed over, a sentence each."""
        passed = self.walk.passed
        endings = {kind for kind in passed if kind[0] == "." or kind == NO_ENDING}
        if odd := sorted(endings - CLUTTER):
            kinds = ", ".join(f"{kind} ({passed[kind]})" for kind in odd)
            yield f"Files of other kinds were passed over: {kinds}."
        if self.walk.masks:
            named = listed(sorted(self.walk.masks))
            pictures = counted(passed[MASKED], "picture")
            yield f"Folders of masks below the classes were passed over ({named}): {pictures}."
        if loose := passed[LOOSE]:
            yield f"Pictures outside the class folders were passed over: {loose}."


def _splits_below(found: Sequence[_Class]) -> list[_Class]:
    """Give classes whose files all lie in folders of splits, as CLASS/train, by split; others as they are."""
    parts = [
        (each, SPLIT_NAMES.get(file.inner.partition("/")[0].lower() if "/" in file.inner else ""), file)
        for each in found
        for file in each.files
    ]
    if len({split for _, split, _ in parts}) < 2 or any(split is None for _, split, _ in parts):
        return list(found)
    by_folder: dict[tuple[str, str, str], list[File]] = {}
    for each, split, file in parts:
        below, _, inner = file.inner.partition("/")
        key = (str(split), each.label, f"{each.prefix}{below}/")
        by_folder.setdefault(key, []).append(replace(file, inner=inner))
    order = sorted(by_folder, key=lambda key: (SPLITS.index(key[0]), *key[1:]))
    return [
        _Class(split, label, prefix, tuple(by_folder[split, label, prefix])) for split, label, prefix in order
    ]


def _check_masks(parent: Path, folders: Sequence[Path]) -> None:
    """Refuse a folder of images and one of their masks in place of classes."""
    images = next((each for each in folders if plain(each.name) in IMAGES), None)
    for each in folders:
        if images is not None and each != images and are_masks(each, images):
            raise WrongFolder(
                f"{parent} holds images and their masks ({images.name}, {each.name}), and no folder for each "
                "class. Give folders of classes, or a table that says the class of each image."
            )


def _check_clear(root: Path, names: Iterable[str]) -> None:
    """Refuse folders that are called like masks and hold none, beside the images."""
    if names := sorted(names):
        raise WrongFolder(
            f"Below the classes of {root}, folders called {listed(names)} lie beside the images, and hold "
            "pictures that are no masks of these. Move them away, or rename them if they are images."
        )


def _checked_classes(
    root: Path, found: Sequence[_Class], splits: Mapping[str, Path], complete: bool
) -> tuple[str, ...]:
    """Give the classes in alphabetical order, if they make a data set."""
    for split, folder in splits.items():
        if not any(each.split == split for each in found):
            raise WrongFolder(f"{folder} holds no class folders. Fill it, or take it away.")
    if not any(each.files for each in found):
        raise WrongFolder(
            f"{root} holds no class folders with pictures in them. It should hold one folder for each class, "
            "or train, val and test with one in each."
        )
    classes = tuple(sorted({each.label for each in found}))
    check_spelling(classes)
    if not complete and not (len(classes) == 1 and _holds_splits(root / classes[0])):
        return classes
    for each in found:
        if not each.files:
            folder = splits.get(each.split, root) / each.label
            raise WrongFolder(f"The class folder {folder} holds no pictures. Fill it, or take it away.")
    train = {each.label for each in found if each.split == "train"}
    for each in found:
        if "train" in splits and each.label not in train:
            raise AskedWrongly(
                f"The class {each.label!r} is in {each.split} but not in train, which has: "
                f"{listed(sorted(train))}. Every class needs images to train on."
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
