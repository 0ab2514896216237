"""Data sets described in a TOML file: where the images are, and how their table and classes are read.

The file goes wherever a data set goes. Paths in it are relative to it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from radapt.artefacts import TOML_SCHEMA
from radapt.errors import AskedWrongly, UnknownName
from radapt.files import check_new_toml, read_toml, toml_text, write_text
from radapt.images.class_rules import ClassRules
from radapt.images.load_options import LoadOptions
from radapt.images.table_options import TableOptions

SUFFIX = ".toml"
_ABOUT = {  # in the order in which they are written
    "path": "the table, or the folder of class folders, a store or a .npz",
    "root": "the folder that the names of images are below; without it, that of the table",
    "images": "the column that names the image of a row: a file, or a UID or number of its header",
    "join": "what that column holds: file, SOPInstanceUID, StudyInstanceUID, AccessionNumber or PatientID",
    "label": "the column of classes, columns of 1 and 0, or the finding of a published table",
    "drop": "labels whose images are left out",
    "positive": "the class that is the finding, of two",
    "patient": "the column of patients; without it, DICOM tags or file names",
    "patient_regex": "or the part of a file name that is the patient, as a regular expression",
    "split": "the column of train, val and test; without it, images are split by patient",
    "site": "the column of sites",
    "age": "the column of ages in years",
    "sex": "the column of sexes",
    "view": "the column of views; without it, DICOM tags",
    "views": "the views that are used",
    "date": "the column of dates",
    "columns": "further columns to keep with the images",
    "exclusive": "whether exactly one of several label columns is 1",
    "findings": "list or columns, for a published table that has both",
    "uncertain": "what uncertain labels (-1) become: ignore, ones, zeros or multi-class",
    "names": "names of the classes in their order, for columns of 1 and 0",
    "classes": "the class that a label is read as",
    "exclude": "rows that are left out: the values of a column",
}
_LISTS = {"drop", "views", "columns", "names"}
_TABLES = {"classes", "exclude"}
_OF_TABLES = {  # the fields of `TableOptions` of the same name
    *("root", "images", "join", "label", "patient", "split", "site", "age", "sex", "view", "views"),
    *("date", "columns", "exclusive", "findings", "uncertain"),
}
_HEAD = f"""\
# A data set as radapt reads it: give this file wherever DATA or a target goes.
# Paths are relative to this file. A line that begins with # says nothing.

# the form of this file
schema = {TOML_SCHEMA}
"""


@dataclass(frozen=True, slots=True)
class Description:
    """A data set: where it is, and how it is read."""

    path: Path
    table: TableOptions = TableOptions()  # noqa: RUF009
    rules: ClassRules = ClassRules()  # noqa: RUF009
    patient_regex: str | None = None


def is_description(path: Path) -> bool:
    """Say whether a path is that of a description, by its extension."""
    return path.suffix.lower() == SUFFIX


def path_of(path: Path) -> Path:
    """Return the path of the data set that a description is of; any other path as it is."""
    return read_description(path).path if is_description(path) else path


def described(path: Path, options: LoadOptions) -> tuple[Path, LoadOptions]:
    """Return the path of a data set, and how it is read; of a description what that says.

    Raises
    ------
    AskedWrongly
        If the description is damaged, or the options are about what it says.
    UnknownName
        If it has a line of another name.
    """
    if not is_description(path):
        return path, options
    own = read_description(path)
    if options.table != TableOptions() or options.rules or options.patient_regex is not None:
        raise AskedWrongly(
            f"{path} says how its images are read, and options of tables and classes would contradict it. "
            "Leave them out, or change the file."
        )
    return own.path, replace(options, table=own.table, rules=own.rules, patient_regex=own.patient_regex)


def read_description(path: Path) -> Description:
    """Read a description.

    Raises
    ------
    AskedWrongly
        If it cannot be read, or a line is missing or of another kind.
    UnknownName
        If it has a line of another name.
    """
    values = read_toml(path)
    if type(values.get("schema")) is not int or values["schema"] != TOML_SCHEMA:
        raise AskedWrongly(
            f"{path} is no description of schema {TOML_SCHEMA}: it says {values.get('schema', 'none')}. "
            "`radapt data describe` writes one."
        )
    for name in values:
        if name not in _ABOUT and name != "schema":
            raise UnknownName(f"key in {path}", name, _ABOUT)
    if "path" not in values:
        raise AskedWrongly(f"{path} lacks the key path, which says where the images or their table are.")
    checked = {name: _checked(path, name, value) for name, value in values.items() if name != "schema"}
    for name in ("path", "root"):
        if name in checked:
            checked[name] = Path(os.path.normpath(path.absolute().parent / checked[name]))
    if is_description(checked["path"]):
        raise AskedWrongly(f"{path} names another description. path is a table, a folder, a store or a .npz.")
    of_table = {name: value for name, value in checked.items() if name in _OF_TABLES}
    rules = ClassRules(
        names=checked.get("classes", ()), drop=checked.get("drop", ()), positive=checked.get("positive")
    )
    return Description(
        path=checked["path"],
        table=TableOptions(**of_table, classes=checked.get("names"), exclude=checked.get("exclude", ())),
        rules=rules,
        patient_regex=checked.get("patient_regex"),
    )


def _checked(path: Path, name: str, value: Any) -> Any:
    """Return the value of a line as the options hold it."""
    if name in _TABLES:
        if isinstance(value, Mapping):
            pairs = [
                (key, each)
                for key, several in value.items()
                for each in (several if isinstance(several, list) else [several])
            ]
            if all(isinstance(each, str) for _, each in pairs):
                return tuple(pairs)
        raise AskedWrongly(f"{name} in {path} is a table of texts. Got {value!r}.")
    if name == "exclusive":
        if isinstance(value, bool):
            return value
        raise AskedWrongly(f"{name} in {path} is true or false. Got {value!r}.")
    if isinstance(value, str) and name not in _LISTS:
        return value
    is_texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if is_texts and (name in _LISTS or name == "label"):
        return tuple(value)
    kind = "a list of texts" if name in _LISTS else "a text"
    raise AskedWrongly(f"{name} in {path} is {kind}. Got {value!r}.")


def write_description(out: Path, description: Description) -> None:
    """Write a description as TOML that says what each line is for, whole or not at all.

    Raises
    ------
    AskedWrongly
        As for `radapt.files.check_new_toml`.
    """
    check_new_toml(out, "description")
    table = description.table
    values: dict[str, Any] = {name: getattr(table, name) for name in _OF_TABLES}
    values |= {
        "path": _relative(description.path, out),
        "root": None if table.root is None else _relative(Path(table.root), out),
        "drop": description.rules.drop,
        "positive": description.rules.positive,
        "patient_regex": description.patient_regex,
        "names": table.classes,
        "classes": _grouped(description.rules.names),
        "exclude": _grouped(table.exclude),
    }
    write_text(out, _HEAD + "".join(_line(name, about, values[name]) for name, about in _ABOUT.items()))


def _relative(path: Path, out: Path) -> str:
    try:
        return Path(os.path.relpath(path.absolute(), out.absolute().parent)).as_posix()
    except ValueError:  # on another drive
        return path.absolute().as_posix()


def _grouped(pairs: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _line(name: str, about: str, value: Any) -> str:
    """Return the line or table of a value, commented out if it says nothing; texts as in JSON."""
    if name in _TABLES:
        lines = [
            f"{toml_text(key)} = {toml_text(each[0] if name == 'classes' else each)}\n"
            for key, each in value.items()
        ]
        return f"\n# {about}\n{'' if value else '# '}[{name}]\n" + "".join(lines)
    has_value = value not in (None, (), False, "")
    example = "true" if name == "exclusive" else "[]" if name in _LISTS else '""'
    return f"\n# {about}\n" + (f"{name} = {toml_text(value)}\n" if has_value else f"# {name} = {example}\n")
