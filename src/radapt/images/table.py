"""Label tables: which images a CSV, TSV or Parquet file names, of which class, whose, and in which split."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.columns import AGE, SEX, SITE, VIEW, Cells, Kept, Reader
from radapt.images.duplicate_findings import DuplicateFindings, convention_of_findings
from radapt.images.file_matching import NamedFiles
from radapt.images.folder import SPLIT_NAMES, Entry, Listing
from radapt.images.label_rules import LabelRule, Question, question
from radapt.images.published_tables import FRONTAL, Convention, recognise
from radapt.images.table_rows import given, open_cells
from radapt.labels import Label, are_exclusive, count_labels, label_array
from radapt.text import counted, listed

OUTSIDE = "a path outside the folder of --root"  # why an image is left out


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a table is to be read; a published one needs `label` alone."""

    root: Path | None = None  # the folder that its paths are below; otherwise its own
    images: str | None = None  # the column of the images' paths or names
    label: str | tuple[str, ...] | None = None  # the column of the classes, those of 1 and 0, or a finding
    patient: str | None = None  # the column that says whose image it is
    split: str | None = None  # the column that says train, val or test
    site: str | None = None  # the column that says where it was taken
    age: str | None = None  # the column of ages, in years or as DICOM writes them
    sex: str | None = None  # the column of sexes
    view: str | None = None  # the column of views
    columns: tuple[str, ...] = ()  # others that are kept, by their own names
    views: tuple[str, ...] | None = None  # those to take: otherwise the frontal ones of a published table
    classes: tuple[str, ...] | None = None  # what to call the classes, in their order, healthy first
    exclusive: bool = False  # whether several label columns are classes, one of which is 1 for each image
    findings: str | None = None  # "list" or "columns", of a published table that says them twice

    def __post_init__(self) -> None:
        for name in ("label", "columns", "views", "classes"):
            value = getattr(self, name)
            if isinstance(value, list) or (isinstance(value, str) and name != "label"):
                example = tuple(value) if isinstance(value, list) else (value,)
                raise AskedWrongly(f"{name} takes a tuple of names, as {example}. Got {value!r}.")


@dataclass(slots=True)
class _Image:
    """What the rows of one image say."""

    patient: str
    split: str
    view: str
    known: tuple[str, ...]  # in each column that is kept
    verdicts: set[Hashable] = field(default_factory=set)


def read_listing(table: Path, options: TableOptions) -> Listing:
    """List the images that a table names, as `radapt.images.folder.find_files` lists those of a folder.

    Of a published table (see `radapt.images.published_tables`) `label` is one finding: images that have it
    are one class, images on which nothing was found the other. Images on which it is uncertain (-1, or rows
    that disagree), those with other findings alone, those that are no frontal views, and those that are not
    there are left out and counted in the notes. Of any other table `images` and `label` name columns: a
    column of 1, 0 and -1 is read in the same way, and one of anything else holds the names of the classes.

    Where a published table has a column for a finding beside its list of findings, `findings` says which is
    read; it may be left out where both agree.

    Several findings, or several columns of 1, 0 and -1, are labels of which an image may have any number (see
    `radapt.images.label_rules.SeveralFindings`); with `exclusive` exactly one of several columns has to be 1.

    Parameters
    ----------
    table
        The file; rows are read one by one, and what is kept of each is small.
    options
        How it is to be read.

    Raises
    ------
    AskedWrongly
        If the table cannot be read, a column or finding is not in it, none of its images is there, or fewer
        than two classes are left.
    """
    columns, rows = open_cells(table)
    root = options.root or table.absolute().parent
    if not root.is_dir():
        raise AskedWrongly(f"There is no folder {root}. Give the one that the table's paths are below.")
    convention = recognise(columns) if options.images is None else None
    speaks = convention_of_findings(convention, options.findings)
    _check_columns(table, columns, options, convention)
    asked = question(options.label or "", speaks, exclusive=options.exclusive)
    twice = DuplicateFindings(table, columns, _labels(options), speaks if options.findings is None else None)
    if convention is not None and convention.joined:
        rows = _with_others(table, convention, rows)
    further = Kept(_readers(options, convention))
    images = _gather(twice.compared(rows), options, convention, asked, further)
    tested = _test_list(table, options, convention)
    if tested is not None:
        for image, radiograph in images.items():
            radiograph.split = "test" if image in tested else "train"
    classes, judge = asked.answer()
    files = NamedFiles(root, images)
    taken, left = _choose(images, judge, _wanted_views(options, convention), files)
    _check_left(table, [entry for entry, _ in taken], classes, left)
    title = convention.title if convention else ""
    return Listing(
        root=root,
        classes=_renamed(classes, options.classes),
        entries=tuple(entry for entry, _ in taken),
        is_split=any(entry.split for entry, _ in taken),
        notes=(
            *_notes(left, files.several),
            *twice.notes(),
            *further.notes(),
        ),
        patients=_patients(taken),
        columns=further.columns([radiograph.known for _, radiograph in taken]),
        patient_rule=f"column {options.patient}" if options.patient else title,
        split_rule=f"column {options.split}" if options.split else title,
        left_out=left,
    )


def _choose(
    images: Mapping[str, _Image], judge: LabelRule, views: frozenset[str] | None, files: NamedFiles
) -> tuple[list[tuple[Entry, _Image]], Counter[str]]:
    """Give the images that can be used, with what is said of each, and how many cannot for what reason."""
    left: Counter[str] = Counter()
    split_known = any(radiograph.split for radiograph in images.values())
    taken = []
    for image, radiograph in images.items():
        said = judge(radiograph.verdicts)
        reason = said if isinstance(said, str) else ""
        if not reason and views is not None and radiograph.view not in views:
            reason = "another view" if radiograph.view else "no view named"
        if not reason and split_known and not radiograph.split:
            reason = "no split named"
        entry = None if reason or isinstance(said, str) else files.entry(image, said, radiograph.split)
        if entry is None:
            left[reason or (OUTSIDE if files.leads_out(image) else "no such file")] += 1
        else:
            taken.append((entry, radiograph))
    return _each_once(taken, left), left


def _each_once(taken: Sequence[tuple[Entry, _Image]], left: Counter[str]) -> list[tuple[Entry, _Image]]:
    """Give each file once, where names spell it in several ways; none of which they say different things."""
    by_path: dict[str, list[tuple[Entry, _Image]]] = {}
    for entry, image in taken:
        by_path.setdefault(entry.name, []).append((entry, image))
    once = []
    for rows in by_path.values():
        said = {(str(entry.label), entry.split, image.patient) for entry, image in rows}
        if len(said) == 1:
            once.append(rows[0])
            left["the same file, spelled otherwise"] += len(rows) - 1
        else:
            left["one file of which different things are said"] += len(rows)
    for reason in [reason for reason, count in left.items() if not count]:
        del left[reason]
    return once


def _patients(taken: Sequence[tuple[Entry, _Image]]) -> tuple[str, ...]:
    """Give the patient of each image, "" where the table does not name it; none where it names nobody."""
    patients = tuple(image.patient for _, image in taken)
    return patients if any(patients) else ()


def _check_columns(
    table: Path, columns: Sequence[str], options: TableOptions, convention: Convention | None
) -> None:
    if convention is None and options.images is None:
        raise AskedWrongly(
            f"{table} is no published table that is known here. Say which column names the images (images) "
            f"and which the classes (label). There are: {listed(columns)}."
        )
    if not options.label:
        what = "finding, such as 'Pneumonia'" if convention else f"column. There are: {listed(columns)}"
        raise AskedWrongly(f"Say what {table} is to be read for: label is a {what}.")
    named = [options.images, options.patient, options.split, *_asked(options).values()]
    if convention is None or options.findings == "columns":
        named += _labels(options)
    for name in named:
        if name is not None and name not in columns:
            raise UnknownName(f"column in {table}", name, columns)


def _labels(options: TableOptions) -> tuple[str, ...]:
    """Give the findings or columns that are asked for."""
    return (options.label,) if isinstance(options.label, str) else options.label or ()


def _asked(options: TableOptions) -> dict[str, str]:
    """Give the columns that are to be kept, by what they are to be called."""
    named = {SITE: options.site, AGE: options.age, SEX: options.sex, VIEW: options.view}
    asked = {name: column for name, column in named.items() if column is not None}
    for column in options.columns:
        if asked.setdefault(column, column) != column:
            raise AskedWrongly(f"{column} is asked for twice: as itself, and as the column {asked[column]}.")
    return asked


def _readers(options: TableOptions, convention: Convention | None) -> dict[str, Reader]:
    """Give what reads each column that is kept: as it is asked for, or as a published table has it."""
    known = {AGE: convention.age, SEX: convention.sex, VIEW: convention.view} if convention else {}
    readers = {name: read for name, read in known.items() if read is not None}
    return readers | {name: itemgetter(column) for name, column in _asked(options).items()}


def _with_others(
    table: Path, convention: Convention, rows: Iterator[dict[str, str]]
) -> Iterator[dict[str, str]]:
    """Join to each row those of the tables beside it that belong to it."""
    joined: list[tuple[str, dict[str, list[dict[str, str]]]]] = []
    for name, by, wanted in convention.joined:
        paths = [path for end in ("", ".gz") if (path := table.parent / f"{name}{end}").exists()]
        if not paths:
            raise AskedWrongly(f"The table of {convention.title} needs {name} beside it, in {table.parent}.")
        groups: dict[str, list[dict[str, str]]] = {}
        columns, others = open_cells(paths[0])
        for column in (by, *wanted):
            if column not in columns:
                raise UnknownName(f"column in {paths[0]}", column, columns)
        for row in others:
            groups.setdefault(row[by], []).append({column: row[column] for column in wanted})
        joined.append((by, groups))
    for row in rows:
        several = [row]
        for by, groups in joined:
            several = [{**one, **other} for one in several for other in groups.get(one[by], ())]
        yield from several


def _gather(
    rows: Iterator[dict[str, str]],
    options: TableOptions,
    convention: Convention | None,
    asked: Question,
    further: Kept,
) -> dict[str, _Image]:
    """Read the rows, and give what they say of each image, by its name."""
    images: dict[str, _Image] = {}
    for cells in rows:
        image = (
            cells[options.images] if options.images else convention.image(cells) if convention else ""
        ).strip()
        if not image:
            continue
        radiograph = images.get(image)
        if radiograph is None:
            radiograph = images[image] = _about(cells, options, convention, further)
        radiograph.verdicts.add(asked.verdict(cells))
    return images


def _about(cells: Cells, options: TableOptions, convention: Convention | None, further: Kept) -> _Image:
    patient = split = ""
    if convention is not None:
        patient = convention.patient(cells) if convention.patient else ""
        split = cells.get(convention.split, "") if convention.split else ""
    patient = cells[options.patient] if options.patient else patient
    split = cells[options.split] if options.split else split
    known = further.of(cells)
    return _Image(given(patient), _split_of(split), further.view(known), known)


def _split_of(text: str) -> str:
    """Give the split that a cell means."""
    if not given(text):
        return ""
    split = SPLIT_NAMES.get(text.strip().lower())
    if split is None:  # not quoted, since a wrong column may hold anything
        raise AskedWrongly(f"A split is one of {listed(SPLIT_NAMES)}. The table has others.")
    return split


def _test_list(table: Path, options: TableOptions, convention: Convention | None) -> frozenset[str] | None:
    """Read which images the publishers test on, if the list lies beside the table."""
    if convention is None or not convention.test_list or options.split is not None:
        return None
    path = table.parent / convention.test_list
    if not path.is_file():
        return None
    return frozenset(path.read_text(encoding="utf-8", errors="replace").split())


def _wanted_views(options: TableOptions, convention: Convention | None) -> frozenset[str] | None:
    """Give the views to take; None takes all."""
    says = convention is not None and convention.view is not None
    if not says and options.view is None:
        if options.views:
            raise AskedWrongly(
                "The table does not say which view an image is. Name the column that does (view), or leave "
                "views out."
            )
        return None
    if options.views is None:
        return FRONTAL if says else None
    wanted = frozenset(view.upper() for view in options.views)
    return None if wanted == {"ALL"} else wanted


def _check_left(table: Path, entries: Sequence[Entry], classes: tuple[str, ...], left: Counter[str]) -> None:
    exclusive = are_exclusive(label_array([entry.label for entry in entries]))
    missing = _missing([entry.label for entry in entries], classes)
    if not entries or (exclusive and (len(classes) < 2 or missing)) or len(missing) == len(classes):
        why = "; ".join(_notes(left, 0)) or "It names no other class."
        raise AskedWrongly(
            f"Of {table}, {counted(len(entries), 'image')} can be used, none of them of: "
            f"{listed(missing) or 'a second class'}. {why} root is the folder that its paths are below."
        )
    train = [entry.label for entry in entries if entry.split == "train"]
    if train and exclusive and (lacking := _missing(train, classes)):
        raise AskedWrongly(
            f"The split train of {table} has no image of: {listed(lacking)}. Every class needs some."
        )


def _missing(labels: Sequence[Label], classes: tuple[str, ...]) -> list[str]:
    """Name the classes or findings that no image has."""
    if not labels:
        return list(classes)
    return [name for name, count in count_labels(label_array(labels), classes).items() if not count]


def _renamed(classes: tuple[str, ...], names: tuple[str, ...] | None) -> tuple[str, ...]:
    if names is None:
        return classes
    if len(names) != len(classes) or len(set(names)) != len(names):
        raise AskedWrongly(f"The classes are {listed(classes)}. Give a name for each; got {listed(names)}.")
    return names


def _notes(left: Mapping[str, int], several: int) -> tuple[str, ...]:
    notes = []
    if left:
        counts = ", ".join(f"{reason} ({count})" for reason, count in sorted(left.items()))
        notes.append(f"Images of the table that were left out: {counts}.")
    if several:
        notes.append(f"Names in the table that several files have, so that none was taken: {several}.")
    return tuple(notes)
