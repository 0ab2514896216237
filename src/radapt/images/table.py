"""Read label tables (CSV, TSV, Parquet): the images, and their labels, patients, splits and metadata."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.class_rules import ClassRules, matching, merged
from radapt.images.columns import AGE, SEX, VIEW, Cells, MetadataReader, Reader
from radapt.images.duplicate_findings import DuplicateFindings, convention_of_findings
from radapt.images.folder import NO_RULES, SPLIT_NAMES, Entry, Listing
from radapt.images.label_rules import LabelReader, LabelRule, OneColumn, label_reader
from radapt.images.patients import column_of_patients
from radapt.images.published_tables import FRONTAL, Convention, recognise
from radapt.images.row_files import FILE, RowFiles
from radapt.images.spelling import refuse_lone_image
from radapt.images.table_options import TableOptions, check_columns, labels_of, requested_columns
from radapt.images.table_rows import known_text, open_cells
from radapt.images.uncertain import IGNORE, describe_uncertain, guessed
from radapt.labels import Label, are_exclusive, count_labels, label_array
from radapt.text import counted, listed

JOINED = "Joined"  # how the note on it begins
OUTSIDE = "a path outside the folder of --root"  # a reason for leaving an image out
NO_FILE = "no such file"
NAMELESS = "a row without an image's name"


@dataclass(slots=True)
class _Image:
    """What the rows of one image say, combined."""

    patient: str
    split: str
    view: str
    metadata: tuple[str, ...]  # in each column that is kept
    row: int  # the first of them
    verdicts: set[Hashable] = field(default_factory=set)
    rows: int = 0


def read_listing(table: Path, options: TableOptions, rules: ClassRules = NO_RULES) -> Listing:
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
    rules
        Which label is of which class.

    Raises
    ------
    AskedWrongly
        If the table cannot be read, none of its images exists, fewer than two classes are left, or a third
        class has one image.
    UnknownName
        If a column, finding or label is not in the table.
    """
    columns, rows = open_cells(table)
    root = table.absolute().parent if options.root is None else Path(options.root)
    if not root.is_dir():
        raise AskedWrongly(f"There is no folder {root}. Give the folder of the images (--root).")
    convention = recognise(columns) if options.images is None else None
    finding_convention = convention_of_findings(convention, options.findings)
    check_columns(table, columns, options, convention)
    labels_of_rows = label_reader(
        options.label or "", finding_convention, exclusive=options.exclusive, policy=options.uncertain
    )
    duplicates = DuplicateFindings(
        table, columns, labels_of(options), finding_convention if options.findings is None else None
    )
    if convention is not None and convention.joined:
        rows = _joined_rows(table, convention, rows)
    kept_columns = MetadataReader(_readers(options, convention))
    excluded = _Excluded(options.exclude, numbered=convention is None or not convention.joined)
    used = excluded.kept(duplicates.compared(rows))
    images = _gather(used, options, convention, labels_of_rows, kept_columns)
    test_names = _read_test_list(table, options, convention)
    if test_names is not None:
        for image, radiograph in images.items():
            radiograph.split = "test" if image in test_names else "train"
    classes, judge = labels_of_rows.finish(rules)
    nameless = images.pop("", None)
    files = RowFiles(root, images, options.join)
    selected, left_out = _select_images(images, judge, _wanted_views(options, convention), files)
    if options.views and not _says_view(options, convention) and not any(e.is_dicom for e, _ in selected):
        raise AskedWrongly(
            "The table does not say which view an image is. Name the column that does (view), or leave "
            "views out."
        )
    uncertain = _uncertain_labels(images, labels_of_rows, [image for _, image in selected], judge)
    left_out += excluded.counts + Counter({NAMELESS: nameless.rows if nameless else 0})
    _check_left(table, [entry for entry, _ in selected], classes, left_out)
    title, patients = convention.title if convention else "", _patients(selected)
    return Listing(
        root=root,
        classes=_renamed(classes, options.classes),
        entries=tuple(entry for entry, _ in selected),
        is_split=any(entry.split for entry, _ in selected),
        notes=(
            *_joined(images, files),
            *_notes(left_out, files.several),
            *(merged(labels_of_rows.labels) if isinstance(labels_of_rows, OneColumn) else ()),
            *duplicates.notes(),
            *kept_columns.notes(),
            *filter(None, [describe_uncertain(options.uncertain or IGNORE, uncertain)]),
        ),
        patients=patients,
        columns=kept_columns.columns([radiograph.metadata for _, radiograph in selected]),
        patient_rule=f"column {options.patient}" if options.patient else title,
        split_rule=f"column {options.split}" if options.split else title,
        left_out=left_out,
        uncertain=uncertain,
        rows=excluded.rows,
        notices=guessed(options.uncertain or IGNORE, uncertain),
        unused_patients="" if patients else column_of_patients(columns),
    )


class _Excluded:
    """Counts the rows of a table, and leaves out those that have one of the given values."""

    def __init__(self, pairs: Sequence[tuple[str, str]], *, numbered: bool) -> None:
        self.rows = 0
        self._numbered = numbered
        self.counts: Counter[str] = Counter()
        self._values = {(column, matching(value)) for column, value in pairs}

    def kept(self, rows: Iterator[dict[str, str]]) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the rows that are not left out, with their numbers (that of names is 1) or 0."""
        for cells in rows:
            self.rows += 1
            why = next((each for each in self._values if matching(cells[each[0]]) == each[1]), None)
            if why is None:
                yield self._numbered * (self.rows + 1), cells
            else:
                self.counts[f"excluded, {why[0]} is {why[1]!r}"] += 1


def _joined(images: Mapping[str, _Image], files: RowFiles) -> tuple[str, ...]:
    """Return a sentence on how many rows there are files for, if DICOM headers say which."""
    if files.join == FILE:
        return ()
    with_file = sum(image.rows for name, image in images.items() if files.has(name))
    total = sum(image.rows for image in images.values())
    return (f"{JOINED} {with_file:,} of {counted(total, 'row')} by {files.join}.",)


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
    images: Mapping[str, _Image], judge: LabelRule, views: frozenset[str] | None, files: RowFiles
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
        if not reason and not files.has(image):
            reason = OUTSIDE if files.leads_out(image) else NO_FILE
        if reason or isinstance(label, str):
            left_out[reason] += 1
            continue
        selected += [
            (entry, radiograph) for entry in files.entries(image, label, radiograph.split, radiograph.row)
        ]
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


def _readers(options: TableOptions, convention: Convention | None) -> dict[str, Reader]:
    """Return a reader for each metadata column: of the published table, or as requested."""
    known = {AGE: convention.age, SEX: convention.sex, VIEW: convention.view} if convention else {}
    readers = {name: read for name, read in known.items() if read is not None}
    return readers | {name: itemgetter(column) for name, column in requested_columns(options).items()}


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
    rows: Iterator[tuple[int, dict[str, str]]],
    options: TableOptions,
    convention: Convention | None,
    labels_of_rows: LabelReader,
    kept_columns: MetadataReader,
) -> dict[str, _Image]:
    """Read the rows with their numbers, and combine them by the name of the image, "" where there is none."""
    images: dict[str, _Image] = {}
    for row, cells in rows:
        image = (
            cells[options.images] if options.images else convention.image(cells) if convention else ""
        ).strip()
        radiograph = images.get(image)
        if radiograph is None:
            radiograph = images[image] = _read_image(cells, row, options, convention, kept_columns)
        radiograph.rows += 1
        if image:
            radiograph.verdicts.add(labels_of_rows.verdict(cells))
    return images


def _read_image(
    cells: Cells, row: int, options: TableOptions, convention: Convention | None, kept: MetadataReader
) -> _Image:
    patient = split = ""
    if convention is not None:
        patient = convention.patient(cells) if convention.patient else ""
        split = cells.get(convention.split, "") if convention.split else ""
    patient = cells[options.patient] if options.patient else patient
    split = cells[options.split] if options.split else split
    metadata = kept.of(cells)
    return _Image(known_text(patient), _split_of(split), kept.view(metadata), metadata, row)


def _split_of(text: str) -> str:
    """Return the split that a cell names; "" if it is empty."""
    if not known_text(text):
        return ""
    split = SPLIT_NAMES.get(text.strip().lower())
    if split is None:  # not quoted: a wrong column may hold private data
        raise AskedWrongly(f"A split is one of {listed(SPLIT_NAMES)}. The table has other values.")
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


def _says_view(options: TableOptions, convention: Convention | None) -> bool:
    return options.view is not None or (convention is not None and convention.view is not None)


def _wanted_views(options: TableOptions, convention: Convention | None) -> frozenset[str] | None:
    """Return the views to keep; None keeps all."""
    if not _says_view(options, convention):  # DICOM files may
        return None
    if options.views is None:
        return FRONTAL if convention is not None and convention.view is not None else None
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
    if exclusive:
        refuse_lone_image(count_labels(label_array([entry.label for entry in entries]), classes))
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
