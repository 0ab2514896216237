"""How images are asked for on the command line, and loaded: the options that every command with DATA has."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli.printing import say
from radapt.text import counted, passed_over, reasons

if TYPE_CHECKING:
    from radapt.images.imageset import DataProvenance, Dataset
    from radapt.images.load import LoadOptions
    from radapt.models.classifier import Classifier

READING: dict[str, tuple[Any, Any]] = {  # a model says these for its own images
    "size": (
        Annotated[int | None, typer.Option("--size", min=16, max=2048, help="Side of the images in pixels.")],
        None,
    ),
    "fit": (
        Annotated[str | None, typer.Option("--fit", help="How images become square: squash (usual) or pad.")],
        None,
    ),
    "levels": (
        Annotated[
            str | None,
            typer.Option("--levels", help="Grey levels: window (as the file says, usual) or percentile."),
        ],
        None,
    ),
    "trim": (
        Annotated[
            bool | None,
            typer.Option("--trim/--no-trim", help="Cut even borders off (collimation, scanner frames)."),
        ],
        None,
    ),
}
SOURCE: dict[str, tuple[Any, Any]] = {
    "label": (
        Annotated[
            str | None,
            typer.Option("--label", help="Of a table: the finding, or the column of classes; several by ,"),
        ],
        None,
    ),
    "images": (
        Annotated[str | None, typer.Option("--images", help="Of a table: the column of files.")],
        None,
    ),
    "patient": (
        Annotated[str | None, typer.Option("--patient", help="Of a table: the column of patients.")],
        None,
    ),
    "split": (
        Annotated[str | None, typer.Option("--split", help="Of a table: the column of train, val, test.")],
        None,
    ),
    "site": (
        Annotated[
            str | None, typer.Option("--site", help="Of a table: the column of sites; splits spread them.")
        ],
        None,
    ),
    "age": (
        Annotated[str | None, typer.Option("--age", help="Of a table: the column of ages in years.")],
        None,
    ),
    "sex": (Annotated[str | None, typer.Option("--sex", help="Of a table: the column of sexes.")], None),
    "view": (Annotated[str | None, typer.Option("--view", help="Of a table: the column of views.")], None),
    "column": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--column", help="Of a table: another column to keep with the images; again for more."
            ),
        ],
        None,
    ),
    "root": (Annotated[Path | None, typer.Option("--root", help="The folder of a table's files.")], None),
    "views": (
        Annotated[
            str | None,
            typer.Option("--views", help="Views to take, such as PA,AP, or all. DICOM and tables."),
        ],
        None,
    ),
    "classes": (
        Annotated[str | None, typer.Option("--classes", help="Of a table: what to call its classes, by ,")],
        None,
    ),
    "exclusive": (
        Annotated[
            bool,
            typer.Option("--exclusive", help="Of a table: of several --label columns one is 1, the class."),
        ],
        False,
    ),
    "findings": (
        Annotated[
            str | None,
            typer.Option(
                "--findings",
                help="Of a published table that says --label twice: by its list, or by columns of 1 and 0.",
            ),
        ],
        None,
    ),
    "patient_regex": (
        Annotated[
            str | None,
            typer.Option(
                "--patient-regex",
                help="Finds the patient in a file name; a group named `patient`, or all groups.",
            ),
        ],
        None,
    ),
    "unsafe_image_split": (
        Annotated[
            bool,
            typer.Option("--unsafe-image-split", help="Split by image although patients are known; noted."),
        ],
        False,
    ),
}


CHOSEN = (
    "The table says ",
    "The folders of ",
    "The class '",
    "Images of which the table does not say whose they are",
)  # how notes begin that tell how images were read where there were two ways, or what is probably an error
DataOptions = Mapping[str, Any]  # what `takes_images` gives


def takes_data(*, reading: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that say how images are read; it gets them together, as `images`.

    Parameters
    ----------
    reading
        Whether it has those that decide the pixels too; not where a model decides them.
    """
    table = (READING if reading else {}) | SOURCE

    def give(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for name, (kind, default) in table.items()
        ]
        own = [parameter for name, parameter in signature.parameters.items() if name != "images"]

        @functools.wraps(command)
        def run(**given: Any) -> None:
            asked = {name: given.pop(name) for name in table}
            command(**given, images=asked)

        ordered = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        run.__signature__ = signature.replace(parameters=[*ordered, *added])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in [*ordered, *added]}
        return run

    return give


def wanted_by(classifier: "Classifier", asked: Mapping[str, Any]) -> "LoadOptions":
    """Give the same where a model decides how images are read."""
    spec = classifier.spec
    return replace(wanted(asked, size=spec.size), **spec.reading.as_dict())


def wanted(asked: Mapping[str, Any], *, size: int) -> "LoadOptions":
    """Give what the library is to be asked for; `size` is for images of which the user says none."""
    from radapt.images.load import LoadOptions
    from radapt.images.table import TableOptions

    label = listed(asked["label"])
    return LoadOptions(
        size=asked.get("size"),
        fit=asked.get("fit"),
        levels=asked.get("levels"),
        trim=asked.get("trim"),
        default_size=size,
        table=TableOptions(
            root=asked["root"],
            images=asked["images"],
            label=label[0] if label and len(label) == 1 else label,
            patient=asked["patient"],
            split=asked["split"],
            site=asked["site"],
            age=asked["age"],
            sex=asked["sex"],
            view=asked["view"],
            columns=tuple(asked["column"] or ()),
            views=listed(asked["views"]),
            classes=listed(asked["classes"]),
            exclusive=asked["exclusive"],
            findings=asked["findings"],
        ),
        patient_regex=asked["patient_regex"],
        unsafe_image_split=asked["unsafe_image_split"],
    )


def as_words(asked: DataOptions) -> list[str]:
    """Give the options as they are typed, without those that were left as they are."""
    words = []
    for name, (_, usual) in (READING | SOURCE).items():
        value, option = asked.get(name, usual), name.replace("_", "-")
        if value == usual:
            continue
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
            continue
        for each in value if isinstance(value, list) else [value]:
            words += [f"--{option}", str(each)]
    return words


def load_images(data: Path, request: "LoadOptions") -> "Dataset":
    """Load a data set, showing how far it is, and say what was left out."""
    from radapt.cli.progress import packing
    from radapt.images.load import load_dataset

    with packing(data) as progress:
        images = load_dataset(data, request, progress=progress)
    say_what_is_left_out(images)
    return images


def load_target(data: Path, request: "LoadOptions", source: "Dataset") -> "Dataset":
    """Load the data set of a second hospital, and say whether test images of either stand in the other."""
    from radapt.images.leaks import with_leaks_between

    images = load_images(data, request)
    both = with_leaks_between(source, images)
    say_notices(notice for notice in both.origin.notices if notice not in images.origin.notices)
    return both


def say_what_is_left_out(images: "Dataset") -> None:
    """Say which files could not be read, and what every page has to tell of these images."""
    for name, reason in images.origin.failed[:10]:
        say(f"left out: {name} {reason}", error=True)
    say_notices(images.origin.notices)
    say_passed(images.origin)
    if images.origin.failed:
        files = counted(len(images.origin.failed), "file")
        say(
            f"{files} could not be read and {'was' if len(images.origin.failed) == 1 else 'were'} left out.",
            error=True,
        )


def say_passed(origin: "DataProvenance") -> None:
    """Say what was passed over, which images a table left out and why, and how many cannot be seen well."""
    if origin.passed:
        say(f"passed over: {passed_over(origin.passed)}", error=True)
    if origin.left_out:
        say(f"left out of the table: {reasons(origin.left_out)}", error=True)
    if origin.outside:
        lie = "image lies" if origin.outside == 1 else "images lie"
        say(f"{origin.outside:,} {lie} mostly outside the window that the file asks for.", error=True)
    for note in origin.notes:
        if note.startswith(CHOSEN):
            say(note, error=True)


def left_out(origin: "DataProvenance") -> dict[str, Any]:
    """Give the same for JSON."""
    return {"passed": dict(origin.passed), "left_out": dict(origin.left_out), "outside": origin.outside}


def say_notices(notices: Iterable[str]) -> None:
    """Say what every page has to tell of some images."""
    for notice in notices:
        say(f"UNSAFE: {notice}", error=True)


def listed(text: str | None) -> tuple[str, ...] | None:
    """Give the parts of a text that has commas between them, each once; None where there is none."""
    if text is None:
        return None
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
