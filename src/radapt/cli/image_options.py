"""The options about images, by the fields that they fill."""

from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli.sections import DATA


def _option(kind: Any, *names: str, default: Any = None, help: str, **limits: Any) -> tuple[Any, Any]:
    """Return the annotation of an option about images, and its default."""
    return Annotated[kind, typer.Option(*names, help=help, rich_help_panel=DATA, **limits)], default


def size_option(default: str) -> tuple[Any, Any]:
    """Return the option --size, with what its default is."""
    text = f"Side of the square images in pixels. Without it: {default}."
    return _option(int | None, "--size", min=16, max=2048, help=text)


PREPROCESSING = {  # a trained model prescribes these for its images
    "size": size_option("as the model takes them"),
    "resize": _option(
        str | None, "--resize", help="How images become square: squash or pad.  [default: squash]"
    ),
    "intensity": _option(
        str | None,
        "--intensity",
        help="Grey levels: window (as the file prescribes) or percentile.  [default: window]",
    ),
    "trim": _option(
        bool | None,
        "--trim/--no-trim",
        help="Crop uniform borders (collimation, scanner frames).  [default: no-trim]",
    ),
}
OF_HEADER = "Without it: as the published table or the DICOM header says, if it does."
SELECTION = {
    "label": _option(
        str | None,
        "--label",
        help="Tables: the column of classes or of a finding (1 or 0), or a finding of a published table; "
        "several findings separated by commas. Without it: as a description (.toml) says.",
    ),
    "images": _option(
        str | None,
        "--images",
        help="Tables: the column that names the image: a file, or a UID or number of its header. Without "
        "it: as a published table has it.",
    ),
    "join": _option(
        str | None,
        "--join",
        help="Tables: what --images holds: file, SOPInstanceUID, StudyInstanceUID, AccessionNumber or "
        "PatientID. Without it: found by comparing the values with the files.",
    ),
    "patient": _option(
        str | None,
        "--patient",
        help="Tables: the column of patient ids. Without it: as the published table, the DICOM headers or "
        "the file names say.",
    ),
    "split": _option(
        str | None,
        "--split",
        help="Tables: the column of train, val and test. Without it: as the published table says, or split "
        "by patient at random.",
    ),
    "site": _option(
        str | None,
        "--site",
        help="Tables: the column of sites, over which splits are balanced. Without it: no sites.",
    ),
    "test_after": _option(
        str | None,
        "--test-after",
        help="Test on the images dated after this day, such as 2024-07-01 (StudyDate of DICOM, or --date), "
        "and train on the others. Without it: as --split.",
    ),
    "test_site": _option(
        list[str] | None,
        "--test-site",
        help="Test on the images of this site (--site), and train on the others; repeatable. Without it: as "
        "--split.",
    ),
    "age": _option(str | None, "--age", help=f"Tables: the column of ages in years. {OF_HEADER}"),
    "sex": _option(str | None, "--sex", help=f"Tables: the column of sexes. {OF_HEADER}"),
    "view": _option(str | None, "--view", help=f"Tables: the column of views. {OF_HEADER}"),
    "date": _option(
        str | None,
        "--date",
        help="Tables: the column of dates. Without it: --test-after uses the StudyDate of DICOM.",
    ),
    "column": _option(
        list[str] | None,
        "--column",
        help="Tables: another column to keep with the images; repeatable. Without it: none.",
    ),
    "root": _option(
        Path | None,
        "--root",
        help="Tables: the folder that file names are relative to. Without it: the folder of the table.",
    ),
    "views": _option(
        str | None,
        "--views",
        help="Tables and DICOM: the views to use, such as PA,AP, or all. Without it: the frontal ones of a "
        "published table, else all.",
    ),
    "exclude": _option(
        list[str] | None,
        "--exclude",
        help="Tables: leave out the rows with this COLUMN=VALUE; repeatable. Without it: none.",
    ),
    "classes": _option(
        str | None,
        "--classes",
        help="The class of each label, as normal=NORMAL,viral=PNEUMONIA; or, for tables, names of classes in "
        "order. Without it: the labels themselves.",
    ),
    "drop": _option(
        list[str] | None, "--drop", help="Leave out images of this label; repeatable. Without it: none."
    ),
    "positive": _option(
        str | None,
        "--positive",
        help="The class, of two, that is the finding; its probability is the --score of a table of scores. "
        "Without it: the class that is not called normal or the like, else the second.",
    ),
    "exclusive": _option(
        bool,
        "--exclusive",
        default=False,
        help="Tables: the --label columns are classes that exclude one another: exactly one of them is 1.",
    ),
    "findings": _option(
        str | None,
        "--findings",
        help="Published tables that give --label twice, in a list and in a column: list or columns says "
        "which to use. Without it: the list, if both agree.",
    ),
    "uncertain": _option(
        str | None,
        "--uncertain",
        help="Tables: what uncertain labels (-1) become: ignore (left out), ones, zeros or multi-class (a "
        "third class of one finding).  [default: ignore]",
    ),
    "patient_regex": _option(
        str | None,
        "--patient-regex",
        help="Regular expression that finds the patient in a file name: its group `patient`, or all groups; "
        "or file, each file a patient. Without it: known forms of file names.",
    ),
    "unsafe_image_split": _option(
        bool,
        "--unsafe-image-split",
        default=False,
        help="Split by image although patients are known, which makes scores too high; every report says so.",
    ),
}

OF_ONE_SET = frozenset(SELECTION) - {
    "unsafe_image_split",
    "test_after",
    "test_site",
}  # what a description says in their place
OF_TABLES = OF_ONE_SET - {"views", "classes", "drop", "positive", "patient_regex"}
