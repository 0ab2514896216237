"""The options about images that every command with DATA has, and loading what they ask for."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radapt.cli.image_options import OF_ONE_SET, OF_TABLES, PREPROCESSING, SELECTION, size_option
from radapt.cli.printing import note, say, say_notices
from radapt.text import counted, listed, passed_over, reasons

if TYPE_CHECKING:
    from radapt.images.imageset import DataProvenance, Dataset
    from radapt.images.load_options import LoadOptions
    from radapt.images.preprocessing import Preprocessing
    from radapt.models.classifier import Classifier


PRINTED_NOTES = (  # how the notes begin that a command prints: ambiguities, and what is probably an error
    "The table gives ",
    "The folders of ",
    "The class '",
    "Joined ",
    "Labels read as one class",
    "Images of which the table does not name the patient",
    "Uncertain labels (-1)",
    "Held out for testing: ",
)
DataOptions = Mapping[str, Any]  # values by the names of PREPROCESSING and SELECTION


def takes_data(
    *, preprocessing: bool = True, only: Sequence[str] = (), size: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options about images to a command, which receives them together as `images`.

    Parameters
    ----------
    preprocessing
        Whether to add the options that decide the pixels; False where a trained model prescribes them.
    only
        The names of those to add; none for all.
    size
        What --help says of the default of --size; "" where it is the size that the model takes.
    """
    table = (PREPROCESSING if preprocessing else {}) | SELECTION
    table |= {"size": size_option(size)} if size else {}
    table = {name: table[name] for name in only or table}

    def add_options(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for name, (kind, default) in table.items()
        ]
        own = [parameter for name, parameter in signature.parameters.items() if name != "images"]

        @functools.wraps(command)
        def run(**values: Any) -> None:
            images = {name: values.pop(name) for name in table}
            command(**values, images=images)

        ordered = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        run.__signature__ = signature.replace(parameters=[*ordered, *added])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in [*ordered, *added]}
        return run

    return add_options


def load_options_for(
    classifier: "Classifier", options: DataOptions, data: Sequence[Path]
) -> "list[LoadOptions]":
    """Return the loading options of each data set that a trained model is to score."""
    return load_options_of(classifier.spec.reading, options, data)


def load_options_of(
    reading: "Preprocessing", options: DataOptions, data: Sequence[Path]
) -> "list[LoadOptions]":
    """Return the loading options of each data set that is to be read so."""
    requests = load_options(options, data, size=reading.size or 0)
    return [replace(request, **reading.as_dict()) for request in requests]


def load_options(options: DataOptions, data: Sequence[Path], *, size: int) -> "list[LoadOptions]":
    """Return the loading options of each data set as the library takes them.

    Options of tables are for those of the data sets that are tables, if there are any. A description (.toml)
    has its own.

    Parameters
    ----------
    options
        The values of the command line.
    data
        The paths of all data sets of the command.
    size
        The default side of the images in pixels.

    Raises
    ------
    AskedWrongly
        If the options are for nothing that is given, or for several tables whose columns differ.
    """
    from radapt.images.description import is_description
    from radapt.images.table_rows import is_table

    own = [path for path in data if not is_description(path)]
    named = [name for name in SELECTION if name in OF_ONE_SET and options[name] not in (None, [], False)]
    tables = [path for path in own if is_table(path)]
    described = [path for path in data if path not in own]
    stray = named if not own else [] if tables else [name for name in named if name in OF_TABLES]
    if described and stray:
        _refuse_beside_description(described[0], stray)
    if len(set(tables)) > 1:
        _check_same_columns(tables, options)
    requests = []
    for path in data:
        left = OF_ONE_SET if path not in own else OF_TABLES if tables and path not in tables else frozenset()
        values = {name: SELECTION[name][1] if name in left else value for name, value in options.items()}
        requests.append(_load_options(values, size, strict=len(set(own)) == 1))
    return requests


def _refuse_beside_description(path: Path, named: Sequence[str]) -> None:
    from radapt.errors import AskedWrongly

    words = listed(f"--{name.replace('_', '-')}" for name in named)
    raise AskedWrongly(f"{path} says itself how its images are read. Leave {words} out, or change the file.")


def _check_same_columns(tables: Sequence[Path], options: DataOptions) -> None:
    """Refuse options that are for one of several tables alone."""
    from radapt.errors import AskedWrongly
    from radapt.images.table_rows import open_cells

    names = ("images", "patient", "split", "site", "age", "sex", "view", "date")
    columns = [options[name] for name in names if options[name] is not None] + list(options["column"] or ())
    for table in dict.fromkeys(tables):
        has, _ = open_cells(table)
        if missing := [column for column in columns if column not in has]:
            raise AskedWrongly(
                f"{table} has no column {missing[0]!r}, and options hold for every table given. Describe "
                f"this table on its own with `radapt data describe {table} --out NAME.toml`, and give "
                "NAME.toml in its place."
            )


def _load_options(options: DataOptions, size: int, *, strict: bool) -> "LoadOptions":
    """Return the loading options of one data set."""
    from radapt.images.class_rules import ClassRules
    from radapt.images.load_options import HeldOut, LoadOptions
    from radapt.images.table_options import TableOptions

    label, classes = split_commas(options["label"]), split_commas(options["classes"])
    pairs = _pairs(classes, "--classes", "normal=NORMAL") if "=" in (options["classes"] or "") else ()
    return LoadOptions(
        size=options.get("size"),
        resize=options.get("resize"),
        intensity=options.get("intensity"),
        trim=options.get("trim"),
        default_size=size,
        table=TableOptions(
            root=options["root"],
            images=options["images"],
            join=options["join"],
            label=label[0] if label and len(label) == 1 else label,
            patient=options["patient"],
            split=options["split"],
            site=options["site"],
            age=options["age"],
            sex=options["sex"],
            view=options["view"],
            date=options["date"],
            columns=tuple(options["column"] or ()),
            views=split_commas(options["views"]),
            classes=None if pairs else classes,
            exclusive=options["exclusive"],
            findings=options["findings"],
            uncertain=options["uncertain"],
            exclude=_pairs(options["exclude"], "--exclude", "modality=CT"),
        ),
        rules=ClassRules(pairs, tuple(options["drop"] or ()), options["positive"], strict),
        patient_regex=options["patient_regex"],
        unsafe_image_split=options["unsafe_image_split"],
        held_out=HeldOut(options["test_after"], tuple(options["test_site"] or ())),
    )


def _pairs(texts: Iterable[str] | None, option: str, example: str) -> tuple[tuple[str, str], ...]:
    """Return the two sides of each NAME=VALUE."""
    from radapt.errors import AskedWrongly

    pairs = []
    for text in texts or ():
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise AskedWrongly(f"{option} takes NAME=VALUE, as {example}. Got {text!r}.")
        pairs.append((name, value))
    return tuple(pairs)


def as_words(options: DataOptions) -> list[str]:
    """Return the options as command-line words, without those that have their default value."""
    words = []
    for name, (_, default) in (PREPROCESSING | SELECTION).items():
        value, option = options.get(name, default), name.replace("_", "-")
        if value == default:
            continue
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
            continue
        for each in value if isinstance(value, list) else [value]:
            words += [f"--{option}", str(each)]
    return words


def load_images(data: Path, request: "LoadOptions", classes: Sequence[str] | None = None) -> "Dataset":
    """Load a data set with a progress bar, and print what was left out and which class is the finding.

    Parameters
    ----------
    data, request
        The data set, and how it is read.
    classes
        Those of a model or of the source, whose order and spelling the images take; None keeps their own.
    """
    from radapt.cli.progress import Reading
    from radapt.images.class_rules import which_is_positive
    from radapt.images.load import load_dataset
    from radapt.images.reclassify import aligned

    images = load_dataset(data, request, watch=Reading(data))
    say_what_is_left_out(images)
    if classes is not None:
        return aligned(images, classes)
    if images.exclusive and request.rules.positive is None and (guess := which_is_positive(images.classes)):
        note(guess)
    return images


def load_target(data: Path, request: "LoadOptions", source: "Dataset") -> "Dataset":
    """Load the target data set, and warn if test images of the source are in it or the reverse."""
    from radapt.images.leaks import with_leaks_between

    images = load_images(data, request, source.classes)
    both = with_leaks_between(source, images)
    say_notices(notice for notice in both.origin.notices if notice not in images.origin.notices)
    return both


def say_what_is_left_out(images: "Dataset") -> None:
    """Print which files could not be read, and the notices about these images."""
    for name, reason in images.origin.failed[:10]:
        say(f"left out: {name} {reason}", error=True)
    say_notices(images.origin.notices)
    say_passed(images.origin, sum(map(len, images.splits.values())))
    if images.origin.failed:
        files = counted(len(images.origin.failed), "file")
        say(
            f"{files} could not be read and {'was' if len(images.origin.failed) == 1 else 'were'} left out.",
            error=True,
        )


def say_passed(origin: "DataProvenance", images: int) -> None:
    """Print the skipped files, the images that were left out of how many, and those outside their window."""
    say_counts(origin.passed, origin.left_out, origin.notes)
    if origin.rows:
        say(origin.account(images), error=True)
    if origin.outside:
        lie = "image lies" if origin.outside == 1 else "images lie"
        say(f"{origin.outside:,} {lie} mostly outside the window that the file asks for.", error=True)


def say_counts(passed: Mapping[str, int], left_out: Mapping[str, int], notes: Iterable[str]) -> None:
    """Print the numbers of files skipped and images left out by reason, and the notes that are to be seen."""
    if passed:
        say(f"passed over: {passed_over(passed)}", error=True)
    if left_out:
        say(f"left out: {reasons(left_out)}", error=True)
    for sentence in notes:
        if sentence.startswith(PRINTED_NOTES):
            say(sentence, error=True)


def split_commas(text: str | None) -> tuple[str, ...] | None:
    """Return the distinct parts of a comma-separated text; None for None."""
    if text is None:
        return None
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
