"""Write what a model says of DICOM images as DICOM files, one for each image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radapt.errors import BadImage
from radapt.evaluation.thresholds import Threshold
from radapt.files import atomic
from radapt.images.dicom.header import guarded
from radapt.pacs.identity import ModelIdentity
from radapt.pacs.source import encoded, read_source
from radapt.pacs.structured_report import ImageResult, ScoredClass, structured_report
from radapt.progress import SILENT, Steps, Watch

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Make = Callable[[Path, Mapping[str, Any]], "Dataset"]  # of a file and what is known of its image
_EACH = 0.5  # from which probability on a finding is predicted without a threshold of its own


@dataclass(slots=True)
class Written:
    """Which DICOM files were written."""

    folder: Path
    new: int = 0
    kept: int = 0  # that were there before, and stay as they are
    failed: list[dict[str, str]] = field(default_factory=list)  # "path" of the image and "error"

    def save(self, uid: str, content: bytes) -> None:
        """Write an object under its identifier, which names no patient, unless it is there already."""
        path = self.folder / f"{uid}.dcm"
        if path.is_file():
            self.kept += 1
            return
        with atomic(path) as temporary:
            temporary.write_bytes(content)
        self.new += 1


def write_reports(
    images: Sequence[Mapping[str, Any]],
    thresholds: Mapping[str, Threshold],
    model: ModelIdentity,
    folder: Path,
    *,
    files: Sequence[Path],
    findings: bool,
    watch: Watch = SILENT,
) -> Written:
    """Write a Structured Report on each image.

    Parameters
    ----------
    images
        As `radapt.models.predict_files.score_files` returns them.
    thresholds
        Those that the labels were given at, by class.
    model
        The model that scored them.
    folder
        Where the files go; those that are there stay as they are.
    files
        The file of each image: names that are no text are printed otherwise than they are.
    findings
        Whether an image can have several of the classes.
    """

    def report(path: Path, image: Mapping[str, Any]) -> "Dataset":
        source, result = read_source(path), result_of(image, thresholds, findings=findings)
        return guarded(lambda: structured_report(source, result, model))

    return write_each(images, files, report, folder, doing="writing reports", watch=watch)


def write_each(
    images: Sequence[Mapping[str, Any]],
    files: Sequence[Path],
    make: Make,
    folder: Path,
    *,
    doing: str,
    watch: Watch = SILENT,
) -> Written:
    """Write an object for each image; images that none can be made of are named, and the rest go on.

    Parameters
    ----------
    images
        With the "path" of each, as it is printed.
    files
        The file of each.
    make
        Makes the object from a file and what is known of its image. Errors but for `BadImage` are not the
        file's, and end the work.
    """
    written = Written(folder)
    step = Steps(watch, doing, len(images), "image")
    for path, image in zip(files, images, strict=True):
        try:
            uid, content = _encoded(make(path, image))
        except BadImage as error:
            written.failed.append({"path": image["path"], "error": str(error)})
        else:
            written.save(uid, content)
        step()
    step.end()
    return written


def _encoded(made: "Dataset") -> tuple[str, bytes]:
    """Return the identifier of an object and the bytes of its file; errors quote nothing of it."""
    return guarded(lambda: (str(made.SOPInstanceUID), encoded(made)))


def result_of(
    image: Mapping[str, Any], thresholds: Mapping[str, Threshold], *, findings: bool
) -> ImageResult:
    """Return what a model says of an image, as a report takes it."""
    scores: Mapping[str, float] = image["scores"]
    limits = {name: each.value for name, each in thresholds.items()}
    if findings:
        limits = {name: limits.get(name, _EACH) for name in scores}
        has = {name: score >= limits[name] for name, score in scores.items()}
    else:
        has = {name: name == image["label"] for name in scores}
    decided = [f"{name} from {each.value:.3g} on, {each.chosen_on}" for name, each in thresholds.items()]
    otherwise = f"each finding from {_EACH} on" if findings else "the likeliest class"
    return ImageResult(
        tuple(ScoredClass(name, score, has[name], limits.get(name)) for name, score in scores.items()),
        "; ".join(decided) or otherwise,
        image.get("warning", ""),
    )
