"""Images that may have labels or none, as the commands take them that ask how new images differ."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli.data_options import load_images, say_what_is_left_out
from radapt.cli.printing import say

if TYPE_CHECKING:
    from radapt.images.imageset import Dataset, ImageSet
    from radapt.images.load import LoadOptions
    from radapt.models.classifier import Classifier

New = Annotated[
    Path, typer.Argument(metavar="NEW", help="A folder of images without labels, or any data set.")
]
Part = Annotated[
    str | None,
    typer.Option("--part", help="Of a data set: train, val or test; all without it, or RUN's own test."),
]
Most = Annotated[
    int, typer.Option("--most", min=20, help="Images of NEW that are looked at, by whole patients.")
]


def open_any(path: Path, request: "LoadOptions", classifier: "Classifier", most: int, seed: int) -> "Dataset":
    """Open images that may or may not have labels, and refuse labels that are not the model's."""
    from radapt.cli.progress import packing
    from radapt.images.unlabelled import is_labelled, read_unlabelled
    from radapt.models.inference import check_classes

    classes = classifier.spec.classes
    if is_labelled(path, classes):
        dataset = load_images(path, request)
        check_classes(classifier, dataset)
        return dataset
    say(f"{path} has no folders of {', '.join(classes)}: its images are taken without labels.", error=True)
    with packing(path) as progress:
        dataset = read_unlabelled(path, request, classes, most=most, seed=seed, progress=progress)
    say_what_is_left_out(dataset)
    return dataset


def some_of(dataset: "Dataset", part: str | None, most: int, seed: int) -> "ImageSet":
    """Give the images of a part, or all, but no more than `most`."""
    from radapt.images.subsample import sample_images

    parts = list(dataset.splits.values()) if part is None else [dataset[part]]
    return sample_images(parts, most, seed=seed)


def learned_from(run: Path) -> set[str]:
    """Give the fingerprints of the data sets that a run knows."""
    from radapt.runs.folder import is_finished, read_record

    record = read_record(run) if is_finished(run) else {}
    return {str(record[name]) for name in ("data", "source") if record.get(name)}
