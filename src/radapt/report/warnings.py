"""The warnings at the top of a page: limits of its results."""

from collections.abc import Sequence
from dataclasses import dataclass

from radapt.images.load import UNSAFE
from radapt.images.uncertain import BEGINNING
from radapt.report import wording
from radapt.report.folder import Study
from radapt.runs.holdout import DatasetRecord
from radapt.study.comparison import Difference
from radapt.text import counted

MAX_FILES = 20  # unreadable files that are named; the rest are counted


@dataclass(frozen=True, slots=True)
class PageWarning:
    """A limit of the results."""

    title: str
    text: str
    files: tuple[tuple[str, str], ...] = ()  # (file, reason)
    grave: bool = False  # whether it is shown in red


def study_warnings(study: Study) -> list[PageWarning]:
    """Return the warnings of a study, the gravest first."""
    warnings = []
    if study.plan.protocol == "original":
        warnings.append(
            PageWarning(
                "These scores are optimistic.",
                "This study repeats the original demonstration, in which the test images also chose the "
                "epoch of every model. On images that were not used for this choice, expect lower scores. "
                f"{_original_claim(study.differences)}",
                grave=True,
            )
        )
    warnings += [notice(text) for data in study.datasets for text in data.origin.notices]
    if study.registered is not None:
        warnings += [
            PageWarning("Not the registered protocol.", text, grave=True) for text in study.registered.notices
        ]
    warnings += [baseline_warning(text) for text in study.shortcut_checks.warnings]
    for row in study.occlusions:
        model = wording.model(row["strategy"], row["budget"])
        of = f"Of {model}, on the {wording.DOMAINS[row['domain']]}: "
        warnings += [suspected_shortcut(text, of) for text in row["occlusion_warnings"]]
    for data in study.datasets:
        warnings += [*unknown_patients(data), *unreadable_files(data)]
    if study.plan.seeds == 1:
        warnings.append(
            PageWarning(
                "Every model was trained once.",
                "The intervals hold the uncertainty of the test set and not that of the training seed: "
                "trained again with another seed, scores may move further than the intervals say.",
            )
        )
    return warnings


def unknown_patients(data: DatasetRecord) -> list[PageWarning]:
    """Warn where the patients of some or all images are unknown."""
    origin = data.origin
    if origin.patient_rule == "file":
        title, each = f"The patients of {origin.name} are unknown.", "Each file"
    elif origin.unnamed:
        images = "1 image" if origin.unnamed == 1 else f"{origin.unnamed:,} images"
        title = f"The table of {origin.name} names no patient for {images}."
        each = "It" if origin.unnamed == 1 else "Each of these"
    else:
        return []
    return [
        PageWarning(
            title,
            f"{each} was counted as a patient of its own. If one patient has several images, these may be "
            "on both sides of a split, and the intervals are too narrow.",
        )
    ]


def notice(text: str) -> PageWarning:
    """Return a notice of a data set as a warning."""
    title = "Test images among the training images."
    if text == UNSAFE:
        title = "Unsafe split."
    elif text.startswith(BEGINNING):
        title = "Uncertain labels were taken as certain."
    return PageWarning(title, text, grave=True)


def baseline_warning(text: str) -> PageWarning:
    """Return the sentence on a score that is not clearly above a shortcut baseline as a warning."""
    return PageWarning("Not clearly better than a shortcut baseline.", text)


def suspected_shortcut(sentence: str, of: str = "") -> PageWarning:
    """Return a suspected shortcut as a warning; `of` names the model and the images."""
    title, _, text = sentence.partition(": ")
    return PageWarning(f"{title}.", f"{of}{text}" if of else f"{text[:1].upper()}{text[1:]}")


def unreadable_files(data: DatasetRecord) -> list[PageWarning]:
    """Warn of files that were left out because they could not be read."""
    failed = data.origin.failed
    if not failed:
        return []
    files = failed[:MAX_FILES]
    more = f" The first {len(files)} of them:" if len(files) < len(failed) else ""
    they, were, them = ("It", "was", "it") if len(failed) == 1 else ("They", "were", "them")
    return [
        PageWarning(
            f"{counted(len(failed), 'file')} of {data.origin.name} could not be read.",
            f"{they} {were} left out, so no number below includes {them}.{more}",
            files,
        )
    ]


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
        return f"{claim} holds here: the gain is {text}; but the images that show it also chose the epoch."
    if row.verdict == "worse":
        return f"{claim} does not hold here: it cost accuracy, {text}."
    return (
        f"{claim} is not confirmed here: the gain is {text}, and on this test set a gain below "
        f"{wording.size('accuracy', row.detectable)} points would probably not have been found."
    )
