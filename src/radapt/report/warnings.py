"""The warnings at the top of a page: limits of its results."""

from collections.abc import Sequence
from dataclasses import replace

from radapt.images.notice import Notice, from_rows, in_order
from radapt.report import wording
from radapt.report.folder import Study
from radapt.runs.holdout import DatasetRecord
from radapt.study.comparison import Difference
from radapt.text import counted

MAX_FILES = 20  # unreadable files that are named; the rest are counted


def study_warnings(study: Study) -> list[Notice]:
    """Return the notices of a study, the most harmful first; those of thresholds are apart."""
    notices = []
    if study.plan.protocol == "original":
        text = (
            "This study repeats the original demonstration, in which the test images also chose the "
            "epoch of every model. On images that were not used for this choice, expect lower scores. "
            f"{_original_claim(study.differences)}"
        )
        notices.append(Notice("optimistic", "invalid", text))
    notices += data_notices(study)
    notices += () if study.registered is None else study.registered.notices
    notices += study.shortcut_checks.warnings
    for row in study.occlusions:
        of = f"Of {wording.model(row['strategy'], row['budget'])}, on the {wording.DOMAINS[row['domain']]}: "
        notices += [_of_model(notice, of) for notice in from_rows(row["occlusion_warnings"])]
    for data in study.datasets:
        notices += [*unknown_patients(data), *unreadable_files(data)]
    if study.plan.seeds == 1:
        text = (
            "The intervals include the uncertainty of the test set, but not that of the training seed. "
            "Trained again with another seed, scores may differ by more than the intervals say."
        )
        notices.append(Notice("one-seed", "note", text))
    return in_order(notices)


def data_notices(study: Study) -> list[Notice]:
    """Return the notices of the data sets of a study, which a command prints when it reads them."""
    return [notice for data in study.datasets for notice in data.origin.notices]


def files_of(study: Study) -> dict[Notice, tuple[tuple[str, str], ...]]:
    """Return the files that notices of a study are about, each with the reason, and at most `MAX_FILES`."""
    return {
        notice: data.origin.failed[:MAX_FILES] for data in study.datasets for notice in unreadable_files(data)
    }


def unknown_patients(data: DatasetRecord) -> list[Notice]:
    """Warn where the patients of some or all images are unknown."""
    origin = data.origin
    if origin.patient_rule == "file":
        whose, each = f"The patients of {origin.name} are unknown.", "Each file"
    elif origin.unnamed:
        images = "1 image" if origin.unnamed == 1 else f"{origin.unnamed:,} images"
        whose = f"The table of {origin.name} names no patient for {images}."
        each = "It" if origin.unnamed == 1 else "Each of these"
    else:
        return []
    text = (
        f"{whose} {each} was counted as a patient of its own. If one patient has several images, these may "
        "be on both sides of a split, and the intervals are too narrow."
    )
    return [Notice("unknown-patients", "caution", text)]


def _of_model(notice: Notice, of: str) -> Notice:
    """Begin a notice with the model and the images that it is about."""
    return replace(notice, text=f"{of}{notice.text[:1].lower()}{notice.text[1:]}")


def unreadable_files(data: DatasetRecord) -> list[Notice]:
    """Warn of files that were left out because they could not be read."""
    failed = data.origin.failed
    if not failed:
        return []
    more = f" The first {MAX_FILES} of them:" if len(failed) > MAX_FILES else ""
    they, were, them = ("It", "was", "it") if len(failed) == 1 else ("They", "were", "them")
    text = (
        f"{counted(len(failed), 'file')} of {data.origin.name} could not be read. "
        f"{they} {were} left out, so no number below includes {them}.{more}"
    )
    return [Notice("unreadable", "note", text)]


def _original_claim(differences: Sequence[Difference]) -> str:
    """Return whether the original's claim, that training the last layers further helps, holds here."""
    row = next(
        (
            row
            for row in differences
            if (row.strategy, row.against, row.domain, row.metric) == ("head", "none", "target", "accuracy")
        ),
        None,
    )
    if row is None:
        return ""
    claim = "The claim of the original, that training the last layers further helps,"
    shown = wording.change("accuracy", row.estimate)
    text = f"{shown.value} points {shown.interval} of accuracy on the shifted images"
    if row.verdict == "better":
        return f"{claim} holds here: the gain is {text}. But the same images also chose the epoch."
    if row.verdict == "worse":
        return f"{claim} does not hold here: the change is {text}."
    return (
        f"{claim} is not confirmed here: the gain is {text}. On this test set, a gain below "
        f"{wording.size('accuracy', row.detectable)} points would probably have been missed."
    )
