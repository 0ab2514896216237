"""List the images in a folder of class folders: the files, their classes and their splits."""

import difflib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from radapt.errors import AskedWrongly, WrongFolder
from radapt.images.class_rules import ClassRules, dropped, merged
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
from radapt.images.notice import Notice
from radapt.images.spelling import refuse_lone_image
from radapt.labels import Label
from radapt.text import counted, listed, reasons

LOOSE = "outside the class folders"
SPLITS = ("train", "val", "test")
MIN_STUDIES, MAX_IN_STUDY = 6, 3  # so many folders of fewer images each on average are studies, not classes
NO_RULES = ClassRules()
SPLIT_NAMES = {
    **{"train": "train", "training": "train", "test": "test", "testing": "test"},
    **{"val": "val", "valid": "val", "validate": "val", "validation": "val"},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that should be an image."""

    name: str  # path below the data set's folder, parts separated by "/"
    inner: str  # path inside its class folder
    label: Label  # an index into the classes, or a value for each finding
    split: str  # "train", "val" or "test"; "" where the folder is not split
    size: int  # bytes
    changed: int  # nanoseconds since 1970
    is_dicom: bool = False  # by its extension, or without one by its first bytes
    row: int = 0  # of the table, the first that names it; the names of columns are row 1


@dataclass(frozen=True, slots=True)
class _Class:
    """The files of a class folder, or those of one split in it."""

    split: str
    label: str  # the folder's name
    prefix: str  # its path below the data set's folder, and "/"
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """The images listed by a folder of class folders or by a label table."""

    root: Path
    classes: tuple[str, ...]  # alphabetical for a folder
    entries: tuple[Entry, ...]  # ordered by split, class and name for a folder
    is_split: bool  # into train, val and test
    notes: tuple[str, ...]  # sentences on what was ignored
    patients: tuple[str, ...] = ()  # of each entry, if a table names patients; "" if unknown
    columns: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # other columns of a table, see `radapt.images.columns`
    patient_rule: str = ""  # where the patients come from
    split_rule: str = "folders"
    passed: Mapping[str, int] = field(default_factory=dict)  # number of files ignored, by extension
    left_out: Mapping[str, int] = field(default_factory=dict)  # number of images left out, by reason
    uncertain: Mapping[str, int] = field(
        default_factory=dict
    )  # number of uncertain labels of a table, by what became of them
    notices: tuple[Notice, ...] = ()  # for every page with scores of these images
    rows: int = 0  # of the table
    unused_patients: str = ""  # the column of a table that may name the patients, where none is used


def find_files(root: Path, *, complete: bool = True, rules: ClassRules = NO_RULES) -> Listing:
    """List the images below `root`, in `{train,val,test}/CLASS/` or in `CLASS/`.

    Class folders are searched recursively, see `radapt.images.folder_walk.Walk`. If all files lie in folders
    named after splits below the classes, as in `CLASS/train/`, these are the splits.

    Parameters
    ----------
    root
        The folder.
    complete
        Whether to refuse a data set that cannot be trained on: only one class, an empty class, or one that
        train lacks.
    rules
        Which folder is of which class.

    Raises
    ------
    WrongFolder
        If the folder is missing, is a file, holds no class folders, has an empty class, or holds a folder for
        each study.
    AskedWrongly
        If there is only one class, a class in val or test that train lacks, or a third class of one image.
    UnknownName
        If the rules name a class that is not there.
    """
    _check_folder(root)
    splits, other_folders = _split_folders(root)
    collector = _Classes(root)
    notes = []
    if splits:
        groups = [(split, folder) for split in SPLITS if (folder := splits.get(split))]
        notes = [f"The folder {name!r} beside the splits was passed over." for name in other_folders]
        for name in other_folders:
            collector.walk.pass_over(root / name, f"in {name!r} beside the splits")
        collector.pass_over_loose(root)
        class_folders = [group for split, folder in groups for group in collector.of(split, folder)]
    else:
        unsplit = collector.of("", root)
        class_folders = _splits_below(unsplit)
        if class_folders != unsplit:
            splits = {group.split: root for group in class_folders}
            notes = [f"The folders of {', '.join(splits)} below the classes were read as the splits."]
    _check_not_studies(root, class_folders)
    assigned = rules.assign([group.label for group in class_folders])
    notes += merged(assigned)
    left_out = Counter[str]()
    for group in class_folders:
        if assigned[group.label] is None:
            left_out[dropped(group.label)] += len(group.files)
    if left_out:
        notes.append(f"Images that were left out: {reasons(left_out)}.")
    class_folders = [
        replace(group, label=kept) for group in class_folders if (kept := assigned[group.label]) is not None
    ]
    _check_classes(root, class_folders, splits, complete)
    classes = rules.in_order(assigned)
    _check_clear(root, collector.walk.unclear)
    entries = [
        Entry(
            group.prefix + file.inner,
            file.inner,
            classes.index(group.label),
            group.split,
            file.size,
            file.changed,
            file.is_dicom,
        )
        for group in class_folders
        for file in group.files
    ]
    notes += collector.notes()
    return Listing(
        root,
        classes,
        tuple(entries),
        bool(splits),
        tuple(notes),
        passed=collector.walk.passed,
        left_out=left_out,
    )


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
    """Return the folders of the splits, if any, and the names of the other folders."""
    splits: dict[str, Path] = {}
    other_folders = []
    for folder in _folders(root):
        split = SPLIT_NAMES.get(folder.name.lower())
        if split is None:
            other_folders.append(folder.name)
        elif split in splits:
            raise WrongFolder(
                f"{root} has both {splits[split].name!r} and {folder.name!r}, and each would be {split!r}. "
                "Keep one."
            )
        else:
            splits[split] = folder
    return splits, other_folders


def _folders(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if is_folder(entry) and not _leads_up(entry, root))
    except OSError as error:
        raise WrongFolder(f"{root} cannot be read: {error.strerror}.") from None
    for name in names:
        if any("\udc80" <= letter <= "\udcff" for letter in name):  # bytes that are not UTF-8
            raise WrongFolder(
                f"A folder in {root} has a name that is not UTF-8: {name.encode('utf-8', 'replace')!r}. "
                "Rename it."
            )
    return [root / name for name in names if name[0] != "." and name.lower() not in CLUTTER_FOLDERS]


def _leads_up(entry: os.DirEntry[str], root: Path) -> bool:
    """Say whether a folder is a link to its own parent or to a folder above it."""
    if not entry.is_symlink():
        return False
    own, target = Path(os.path.realpath(root)), Path(os.path.realpath(entry.path))
    return target == own or target in own.parents


class _Classes:
    """Collects the class folders of a data set, and counts what is ignored in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.walk = Walk()

    def of(self, split: str, folder: Path) -> list[_Class]:
        """Return the class folders in a split's folder or in the data set's own."""
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
        """Count the pictures directly in this folder, which have no class."""
        if loose := sum(ending(entry.name) in SUFFIXES for entry in os.scandir(folder) if is_file(entry)):
            self.walk.passed[LOOSE] += loose

    def notes(self) -> Iterator[str]:
        """Yield a sentence for each kind of files that were ignored."""
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


def _splits_below(class_folders: Sequence[_Class]) -> list[_Class]:
    """Group files by split if all lie in folders named after splits, as CLASS/train; else change nothing."""
    parts = [
        (group, SPLIT_NAMES.get(file.inner.partition("/")[0].lower() if "/" in file.inner else ""), file)
        for group in class_folders
        for file in group.files
    ]
    if len({split for _, split, _ in parts}) < 2 or any(split is None for _, split, _ in parts):
        return list(class_folders)
    by_folder: dict[tuple[str, str, str], list[File]] = {}
    for group, split, file in parts:
        below, _, inner = file.inner.partition("/")
        key = (str(split), group.label, f"{group.prefix}{below}/")
        by_folder.setdefault(key, []).append(replace(file, inner=inner))
    order = sorted(by_folder, key=lambda key: (SPLITS.index(key[0]), *key[1:]))
    return [
        _Class(split, label, prefix, tuple(by_folder[split, label, prefix])) for split, label, prefix in order
    ]


def _check_masks(parent: Path, folders: Sequence[Path]) -> None:
    """Refuse a folder of images beside one of their masks: these are not two classes."""
    images = next((each for each in folders if plain(each.name) in IMAGES), None)
    for each in folders:
        if images is not None and each != images and are_masks(each, images):
            raise WrongFolder(
                f"{parent} holds images and their masks ({images.name}, {each.name}), and no folder for each "
                "class. Give folders of classes, or a table that says the class of each image."
            )


def _check_clear(root: Path, names: Iterable[str]) -> None:
    """Refuse folders beside the images that are named like masks but hold none."""
    if names := sorted(names):
        raise WrongFolder(
            f"Below the classes of {root}, folders named {listed(names)} lie beside the images, and what "
            "they hold are not masks of these images. Move these folders away, or rename them if they hold "
            "images."
        )


def _check_not_studies(root: Path, class_folders: Sequence[_Class]) -> None:
    """Refuse a folder for each study or patient, as a PACS exports them: these are no classes."""
    labels = {group.label for group in class_folders if group.files}
    images = sum(len(group.files) for group in class_folders)
    if len(labels) >= MIN_STUDIES and images < MAX_IN_STUDY * len(labels):
        raise WrongFolder(
            f"{root} holds {counted(len(labels), 'folder')} of {counted(images, 'image')}: these look like "
            "studies or patients, not like classes. Give a table that says the class of each image, and this "
            f"folder as its root (--root {root})."
        )


def _check_classes(
    root: Path, class_folders: Sequence[_Class], splits: Mapping[str, Path], complete: bool
) -> None:
    """Refuse what does not make a data set."""
    for split, folder in splits.items():
        if not any(group.split == split for group in class_folders):
            raise WrongFolder(f"{folder} holds no class folders. Fill it, or remove it.")
    if not any(group.files for group in class_folders):
        raise WrongFolder(
            f"{root} holds no class folders with images in them. It should hold one folder for each class, "
            "or train, val and test with one in each."
        )
    counts = Counter[str]()
    for group in class_folders:
        counts[group.label] += len(group.files)
    only = min(counts)
    if not complete and not (len(counts) == 1 and _holds_splits(root / only)):
        return
    for group in class_folders:
        if not group.files:
            folder = root / group.prefix
            raise WrongFolder(f"The class folder {folder} holds no images. Fill it, or remove it.")
    train = {group.label for group in class_folders if group.split == "train"}
    for group in class_folders:
        if "train" in splits and group.label not in train:
            raise AskedWrongly(
                f"The class {group.label!r} is in {group.split} but not in train, which has: "
                f"{listed(sorted(train))}. Every class needs images to train on."
            )
    if len(counts) < 2:
        raise AskedWrongly(_one_class(root, only))
    refuse_lone_image(counts)


def _one_class(root: Path, only: str) -> str:
    if _holds_splits(root / only):
        return f"{root} holds only the folder {only!r}, which holds the splits. Give {root / only}."
    return f"{root} has only one class, {only!r}. A classifier needs two or more, a folder for each."


def _holds_splits(folder: Path) -> bool:
    inside = {each.name.lower() for each in _folders(folder)} if folder.is_dir() else set()
    return bool(inside & SPLIT_NAMES.keys())
