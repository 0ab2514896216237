"""Find patients by file names, so that no patient is in two splits."""

import re
from collections.abc import Sequence

from radapt.errors import AskedWrongly
from radapt.images.notice import Notice
from radapt.text import counted

EACH_FILE = "file"  # the rule by which each file counts as a patient of its own
PUBLISHED = ("kermany", "nih")  # rules whose patient numbers are unique across folders

# A column of patients, and none of what is known of them, such as "Patient Age".
_NAMES_PATIENTS = re.compile(
    r"(?i)(patient|subject)(?!.*(age|sex|gender|birth[ _]?date|weight|size|position|orientation)$)"
)

# The matched groups, joined by "-", are the patient.
PATIENT_RULES: dict[str, str] = {
    # Kermany et al. 2018, Cell 172:1122. Numbers are given per type: person1_bacteria and person1_virus are
    # two children, so the type is part of the key. The third form is the names of their later release.
    "kermany": (
        r"^(?:(?=person\d+_(bacteria|virus)_\d)(person\d+)_"
        r"|((?:NORMAL2-)?IM-\d+)-\d+"
        r"|((?:BACTERIA|VIRUS|NORMAL)-\d+)-\d+)"
    ),
    # Wang et al. 2017, ChestX-ray8: PATIENT_FOLLOWUP.
    "nih": r"^(\d{8})_\d{3}(?!\d)",
    # The demo images of radapt.phantom.drawing: PATIENT_IMAGE.
    "phantom": r"^(phantom-\d+)_\d+",
}


def patients_of(
    names: Sequence[str], pattern: str | None = None, *, ids: Sequence[str] | None = None
) -> tuple[list[str], str, list[str]]:
    r"""Find the patient of every file by its name.

    Without a pattern, the built-in rule that matches the most names is used if it matches at least half of
    them; otherwise each file is a patient of its own.

    Parameters
    ----------
    names
        The path of each file inside its class folder, parts separated by "/". Built-in rules match the file
        name; the user's pattern is searched in the whole path, so that it may use folders.
    pattern
        A regular expression whose group named `patient`, or else all of its groups joined by "-", or else the
        whole match, is the patient: `^(\d+)_`. Also the name of a built-in rule, or "file": each file is its
        own patient.
    ids
        A unique id for each file, which is also the patient of a file that the rule does not match; by
        default the names.

    Returns
    -------
    tuple
        The patient of each file; the rule ("kermany", "nih", "phantom", "regex PATTERN" or "file"); and
        notes, sentences for the reader of the results.

    Raises
    ------
    AskedWrongly
        If the pattern is not a regular expression, or matches none of the names.
    """
    file_ids = names if ids is None else ids
    rule, expression, subjects = _choose(names, pattern)
    if expression is None:
        return list(file_ids), rule, [_each_file(len(names))] if names else []
    patients_found = [_patient(expression.search(subject)) for subject in subjects]
    missed = sum(patient is None for patient in patients_found)
    if missed == len(patients_found) > 0:
        raise AskedWrongly(
            f"The patient pattern {pattern!r} fits none of the {len(names)} file names, "
            f"such as {names[0]!r}. Give one that does, or leave it out."
        )
    notes = []
    if missed:
        notes.append(
            f"{missed} of {len(names)} file names do not fit the patient rule ({rule}); "
            "each of these files counts as one patient."
        )
    patients = [file_ids[row] if patient is None else patient for row, patient in enumerate(patients_found)]
    return patients, rule, notes


def column_of_patients(columns: Sequence[str]) -> str:
    """Return the first column of a table whose name looks as if it named the patients; "" if none does."""
    return next((name for name in columns if _NAMES_PATIENTS.search(name)), "")


def unused_patients(column: str) -> Notice:
    """Return the notice that a column of a table may name the patients, and is not used."""
    text = f"The column {column!r} is not used: --patient {column} says whose the images are."
    return Notice("unused-patients", "caution", text)


def _choose(names: Sequence[str], pattern: str | None) -> tuple[str, re.Pattern[str] | None, Sequence[str]]:
    """Return the rule's name, its expression (None: each file is a patient), and the texts to search in."""
    last = [name.rpartition("/")[2] for name in names]
    if pattern is None:
        fits = {
            rule: sum(re.search(expression, name) is not None for name in last)
            for rule, expression in PATIENT_RULES.items()
        }
        rule = max(fits, key=lambda name: fits[name])
        if fits[rule] == 0 or 2 * fits[rule] < len(names):
            return "file", None, names
        return rule, re.compile(PATIENT_RULES[rule]), last
    if pattern == EACH_FILE:
        return "file", None, names
    if pattern in PATIENT_RULES:
        return pattern, re.compile(PATIENT_RULES[pattern]), last
    try:
        return f"regex {pattern}", re.compile(pattern), names
    except (re.error, RecursionError, OverflowError) as error:
        raise AskedWrongly(
            f"The patient pattern {pattern!r} is not a regular expression: {error}. "
            r"One that is: '^(\d+)_'."
        ) from None


def _patient(match: re.Match[str] | None) -> str | None:
    if match is None:
        return None
    if "patient" in match.re.groupindex:
        return match["patient"] or None
    if match.re.groups:
        return "-".join(group for group in match.groups() if group) or None
    return match[0] or None


def _each_file(count: int) -> str:
    return (
        f"The file names identify no patient, so each of the {counted(count, 'file')} counts as "
        "one patient. If some patients have several images, intervals are too narrow and splits may share a "
        "patient; "
        r"--patient-regex names the part that is the patient, as in '^(\d+)_'."
    )
