"""Read label tables (CSV, TSV, Parquet): the images, and their labels, patients, splits and metadata."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.columns import AGE, SEX, SITE, VIEW, Cells, MetadataReader, Reader
from radapt.images.duplicate_findings import DuplicateFindings, convention_of_findings
from radapt.images.file_matching import NamedFiles
from radapt.images.folder import SPLIT_NAMES, Entry, Listing
from radapt.images.label_rules import LabelReader, LabelRule, label_reader
from radapt.images.published_tables import FRONTAL, Convention, recognise
from radapt.images.table_rows import given, open_cells
from radapt.images.uncertain import IGNORE, describe_uncertain, guessed
from radapt.labels import Label, are_exclusive, count_labels, label_array
from radapt.text import counted, listed

OUTSIDE = "a path outside the folder of --root"  # a reason for leaving an image out


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a label table is read; a published table needs only `label`."""

    root: Path | str | None = None  # the folder of the images; by default the table's own
    images: str | None = None  # the column of the images' paths or names
    label: str | tuple[str, ...] | None = None  # the column of classes, columns of 1 and 0, or a finding
    patient: str | None = None  # the column of patients
    split: str | None = None  # the column of train, val and test
    site: str | None = None  # the column of sites
    age: str | None = None  # the column of ages, in years or as in DICOM
    sex: str | None = None  # the column of sexes
    view: str | None = None  # the column of views
    columns: tuple[str, ...] = ()  # further columns to keep, see `radapt.images.columns`
    views: tuple[str, ...] | None = (
        None  # views to keep; by default the frontal ones of a published table, else all
    )
    classes: tuple[str, ...] | None = None  # names for the classes, in their order, healthy first
    exclusive: bool = False  # whether several label columns are exclusive classes
    findings: str | None = None  # "list" or "columns", if a published table has both
    uncertain: str | None = None  # a policy of `radapt.images.uncertain`: by default "ignore"

    def __post_init__(self) -> None:
        for name in ("label", "columns", "views", "classes"):
            value = getattr(self, name)
            if isinstance(value, list) or (isinstance(value, str) and name != "label"):
                example = tuple(value) if isinstance(value, list) else (value,)
                raise AskedWrongly(f"{name} takes a tuple of names, as {example}. Got {value!r}.")


@dataclass(slots=True)
class _Image:
    """What the rows of one image say, combined."""

    patient: str
    split: str
    view: str
    metadata: tuple[str, ...]  # in each column that is kept
    verdicts: set[Hashable] = field(default_factory=set)


def read_listing(table: Path, options: TableOptions) -> Listing:
    """List the images of a label table, as `radapt.images.folder.find_files` lists those of a folder.

    In a published table (see `radapt.images.published_tables`) `label` is one finding: images with it are one
    class, images without any finding the other. Images are left out, and counted in the notes, if the finding
    is uncertain (rows that disagree, or -1 unless `uncertain` says otherwise), if they have only other
    findings, if they are not frontal views, or if the file is missing. In any other table `images` and
    `label` name columns: a column of 1, 0 and -1 is read in the same way, any other column holds the names of
    the classes.

    If a published table has a column for a finding besides its list of findings, `findings` says which is
    read; it may be left out if both agree.

    Several findings, or several columns of 1, 0 and -1, are multi-label (see
    `radapt.images.label_rules.SeveralFindings`); with `exclusive`, exactly one of the columns has to be 1.

    Parameters
    ----------
    table
        The file. Rows are read one by one, and little is kept of each.
    options
        How it is read.

    Raises
    ------
    AskedWrongly
        If the table cannot be read, none of its images exists, or fewer than two classes are left.
    UnknownName
        If a column or finding is not in the table.
    """
    columns, rows = open_cells(table)
    root = table.absolute().parent if options.root is None else Path(options.root)
    if not root.is_dir():
        raise AskedWrongly(f"There is no folder {root}. Give the one that the table's paths are below.")
    convention = recognise(columns) if options.images is None else None
    finding_convention = convention_of_findings(convention, options.findings)
    _check_columns(table, columns, options, convention)
    labels_of_rows = label_reader(
        options.label or "", finding_convention, exclusive=options.exclusive, policy=options.uncertain
    )
    duplicates = DuplicateFindings(
        table, columns, _labels(options), finding_convention if options.findings is None else None
    )
    if convention is not None and convention.joined:
        rows = _joined_rows(table, convention, rows)
    kept_columns = MetadataReader(_readers(options, convention))
    images = _gather(duplicates.compared(rows), options, convention, labels_of_rows, kept_columns)
    test_names = _read_test_list(table, options, convention)
    if test_names is not None:
        for image, radiograph in images.items():
            radiograph.split = "test" if image in test_names else "train"
    classes, judge = labels_of_rows.finish()
    files = NamedFiles(root, images)
    selected, left_out = _select_images(images, judge, _wanted_views(options, convention), files)
    uncertain = _uncertain_labels(images, labels_of_rows, [image for _, image in selected], judge)
    _check_left(table, [entry for entry, _ in selected], classes, left_out)
    title = convention.title if convention else ""
    return Listing(
        root=root,
        classes=_renamed(classes, options.classes),
        entries=tuple(entry for entry, _ in selected),
        is_split=any(entry.split for entry, _ in selected),
        notes=(
            *_notes(left_out, files.several),
            *duplicates.notes(),
            *kept_columns.notes(),
            *filter(None, [describe_uncertain(options.uncertain or IGNORE, uncertain)]),
        ),
        patients=_patients(selected),
        columns=kept_columns.columns([radiograph.metadata for _, radiograph in selected]),
        patient_rule=f"column {options.patient}" if options.patient else title,
        split_rule=f"column {options.split}" if options.split else title,
        left_out=left_out,
        uncertain=uncertain,
        notices=guessed(options.uncertain or IGNORE, uncertain),
    )


def _uncertain_labels(
    images: Mapping[str, _Image], reader: LabelReader, selected: Sequence[_Image], judge: LabelRule
) -> Counter[str]:
    """Count uncertain labels by what became of them."""
    kept = {id(image) for image in selected}
    return Counter(
        fate
        for image in images.values()
        for fate in reader.fates(image.verdicts, judge(image.verdicts) if id(image) in kept else "left out")
    )


def _select_images(
    images: Mapping[str, _Image], judge: LabelRule, views: frozenset[str] | None, files: NamedFiles
) -> tuple[list[tuple[Entry, _Image]], Counter[str]]:
    """Return the images that can be used, and the number of those left out by reason."""
    left_out: Counter[str] = Counter()
    split_known = any(radiograph.split for radiograph in images.values())
    selected = []
    for image, radiograph in images.items():
        label = judge(radiograph.verdicts)
        reason = label if isinstance(label, str) else ""
        if not reason and views is not None and radiograph.view not in views:
            reason = "another view" if radiograph.view else "no view named"
        if not reason and split_known and not radiograph.split:
            reason = "no split named"
        entry = None if reason or isinstance(label, str) else files.entry(image, label, radiograph.split)
        if entry is None:
            left_out[reason or (OUTSIDE if files.leads_out(image) else "no such file")] += 1
        else:
            selected.append((entry, radiograph))
    return _each_once(selected, left_out), left_out


def _each_once(
    selected: Sequence[tuple[Entry, _Image]], left_out: Counter[str]
) -> list[tuple[Entry, _Image]]:
    """Keep each file once if several names lead to it; none if their rows disagree."""
    by_path: dict[str, list[tuple[Entry, _Image]]] = {}
    for entry, image in selected:
        by_path.setdefault(entry.name, []).append((entry, image))
    unique = []
    for rows in by_path.values():
        distinct = {(str(entry.label), entry.split, image.patient) for entry, image in rows}
        if len(distinct) == 1:
            unique.append(rows[0])
            left_out["the same file, spelled otherwise"] += len(rows) - 1
        else:
            left_out["one file of which different things are said"] += len(rows)
    for reason in [reason for reason, count in left_out.items() if not count]:
        del left_out[reason]
    return unique


def _patients(taken: Sequence[tuple[Entry, _Image]]) -> tuple[str, ...]:
    """Return the patient of each image, "" if unnamed; an empty tuple if no patient is named."""
    patients = tuple(image.patient for _, image in taken)
    return patients if any(patients) else ()


def _check_columns(
    table: Path, columns: Sequence[str], options: TableOptions, convention: Convention | None
) -> None:
    if convention is None and options.images is None:
        raise AskedWrongly(
            f"{table} is not a published table known to radapt. Name the column of the images (images) "
            f"and that of the classes (label). There are: {listed(columns)}."
        )
    if not options.label:
        what = "finding, such as 'Pneumonia'" if convention else f"column. There are: {listed(columns)}"
        raise AskedWrongly(f"Say what to read from {table}: label is a {what}.")
    named = [options.images, options.patient, options.split, *_requested_columns(options).values()]
    if convention is None or options.findings == "columns":
        named += _labels(options)
    for name in named:
        if name is not None and name not in columns:
            raise UnknownName(f"column in {table}", name, columns)


def _labels(options: TableOptions) -> tuple[str, ...]:
    """Return the requested findings or columns."""
    return (options.label,) if isinstance(options.label, str) else options.label or ()


def _requested_columns(options: TableOptions) -> dict[str, str]:
    """Return the requested metadata columns: the name to keep them by, and the column's own name."""
    named = {SITE: options.site, AGE: options.age, SEX: options.sex, VIEW: options.view}
    requested = {name: column for name, column in named.items() if column is not None}
    for column in options.columns:
        if requested.setdefault(column, column) != column:
            raise AskedWrongly(
                f"{column} is requested twice: as itself, and as the column {requested[column]}."
            )
    return requested


def _readers(options: TableOptions, convention: Convention | None) -> dict[str, Reader]:
    """Return a reader for each metadata column: of the published table, or as requested."""
    known = {AGE: convention.age, SEX: convention.sex, VIEW: convention.view} if convention else {}
    readers = {name: read for name, read in known.items() if read is not None}
    return readers | {name: itemgetter(column) for name, column in _requested_columns(options).items()}


def _joined_rows(
    table: Path, convention: Convention, rows: Iterator[dict[str, str]]
) -> Iterator[dict[str, str]]:
    """Join to each row the matching rows of the files beside the table."""
    joined: list[tuple[str, dict[str, list[dict[str, str]]]]] = []
    for name, by, needed in convention.joined:
        paths = [path for end in ("", ".gz") if (path := table.parent / f"{name}{end}").exists()]
        if not paths:
            raise AskedWrongly(f"The table of {convention.title} needs {name} beside it, in {table.parent}.")
        groups: dict[str, list[dict[str, str]]] = {}
        columns, others = open_cells(paths[0])
        for column in (by, *needed):
            if column not in columns:
                raise UnknownName(f"column in {paths[0]}", column, columns)
        for row in others:
            groups.setdefault(row[by], []).append({column: row[column] for column in needed})
        joined.append((by, groups))
    for row in rows:
        combined = [row]
        for by, groups in joined:
            combined = [{**first, **other} for first in combined for other in groups.get(first[by], ())]
        yield from combined


def _gather(
    rows: Iterator[dict[str, str]],
    options: TableOptions,
    convention: Convention | None,
    labels_of_rows: LabelReader,
    kept_columns: MetadataReader,
) -> dict[str, _Image]:
    """Read the rows, and combine them by the name of the image."""
    images: dict[str, _Image] = {}
    for cells in rows:
        image = (
            cells[options.images] if options.images else convention.image(cells) if convention else ""
        ).strip()
        if not image:
            continue
        radiograph = images.get(image)
        if radiograph is None:
            radiograph = images[image] = _read_image(cells, options, convention, kept_columns)
        radiograph.verdicts.add(labels_of_rows.verdict(cells))
    return images


def _read_image(
    cells: Cells, options: TableOptions, convention: Convention | None, kept_columns: MetadataReader
) -> _Image:
    patient = split = ""
    if convention is not None:
        patient = convention.patient(cells) if convention.patient else ""
        split = cells.get(convention.split, "") if convention.split else ""
    patient = cells[options.patient] if options.patient else patient
    split = cells[options.split] if options.split else split
    metadata = kept_columns.of(cells)
    return _Image(given(patient), _split_of(split), kept_columns.view(metadata), metadata)


def _split_of(text: str) -> str:
    """Return the split that a cell names; "" if it is empty."""
    if not given(text):
        return ""
    split = SPLIT_NAMES.get(text.strip().lower())
    if split is None:  # not quoted: a wrong column may hold private data
        raise AskedWrongly(f"A split is one of {listed(SPLIT_NAMES)}. The table has others.")
    return split


def _read_test_list(
    table: Path, options: TableOptions, convention: Convention | None
) -> frozenset[str] | None:
    """Read the publisher's list of test images, if it is beside the table."""
    if convention is None or not convention.test_list or options.split is not None:
        return None
    path = table.parent / convention.test_list
    if not path.is_file():
        return None
    return frozenset(path.read_text(encoding="utf-8", errors="replace").split())


def _wanted_views(options: TableOptions, convention: Convention | None) -> frozenset[str] | None:
    """Return the views to keep; None keeps all."""
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
            f"{listed(missing) or 'a second class'}. {why} root is the folder of the images."
        )
    train = [entry.label for entry in entries if entry.split == "train"]
    if train and exclusive and (lacking := _missing(train, classes)):
        raise AskedWrongly(
            f"The split train of {table} has no image of: {listed(lacking)}. Every class needs some."
        )


def _missing(labels: Sequence[Label], classes: tuple[str, ...]) -> list[str]:
    """Return the classes or findings that no image has."""
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
        notes.append(f"Names in the table that match several files, so that none was taken: {several}.")
    return tuple(notes)
