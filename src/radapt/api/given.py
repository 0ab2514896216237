"""What callers may give in several forms: a model, a data set, and the images of a split."""

from pathlib import Path
from typing import Any

from radapt.errors import AskedWrongly
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.load import load_dataset
from radapt.images.load_options import LoadOptions
from radapt.images.reclassify import aligned
from radapt.models.classifier import Classifier
from radapt.progress import SILENT, Watch
from radapt.report.folder import Run

AnyModel = Classifier | Run | Path | str  # a run by its folder or as `radapt.read_run` gives it, or a model
AnyData = Dataset | Path | str  # a data set, or where it lies


def data_of(data: AnyData, options: LoadOptions, watch: Watch = SILENT) -> Dataset:
    """Return a data set, loaded with these options where its path is given.

    Raises
    ------
    AskedWrongly
        If it is neither; or as `radapt.images.load.load_dataset`.
    """
    if isinstance(data, Path | str):
        return load_dataset(data, options, watch=watch)
    if not isinstance(data, Dataset):
        raise AskedWrongly(
            "Give a data set, as load_dataset returns it, or the path of one. "
            f"Got {_a(data)}. A Dataset is made of image sets by split."
        )
    return data


def data_for(model: Classifier, data: AnyData, watch: Watch = SILENT) -> Dataset:
    """Return a data set with the model's classes, read as the model reads images where its path is given."""
    reading = LoadOptions(**model.spec.reading.as_dict())
    return aligned(data_of(data, reading, watch), model.spec.classes)


def check_images(images: ImageSet) -> None:
    """Refuse what is no image set.

    Raises
    ------
    AskedWrongly
        If it is something else, such as a whole data set.
    """
    if not isinstance(images, ImageSet):
        raise AskedWrongly(f"Give the images of one split, as data['test']. Got {_a(images)}.")


def _a(value: Any) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}"


def model_of(model: AnyModel) -> Classifier:
    """Return a model, read from its folder where that is given.

    Raises
    ------
    WrongFolder, BadArtefact
        As for `radapt.load_classifier`.
    """
    if isinstance(model, Classifier):
        return model
    return model.model if isinstance(model, Run) else model_at(Path(model))


def model_at(path: Path) -> Classifier:
    """Read a model from a run folder, or from a file of Keras weights of the original CNN."""
    from radapt.cli.models import open_classifier

    classifier: Classifier = open_classifier(path)
    return classifier


def folder_of(model: AnyModel) -> Path | None:
    """Return the folder of a finished run; None of a model without one."""
    from radapt.runs.folder import is_finished

    if isinstance(model, Classifier):
        return None
    folder = model.folder if isinstance(model, Run) else Path(model)
    return folder if is_finished(folder) else None
