"""Images with or without labels, as the commands drift and prevalence take them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli.data_options import load_images, say_what_is_left_out
from radapt.cli.printing import say
from radapt.cli.sections import DATA

if TYPE_CHECKING:
    from radapt.images.imageset import Dataset, ImageSet
    from radapt.images.load_options import LoadOptions
    from radapt.models.classifier import Classifier

Target = Annotated[
    Path, typer.Argument(metavar="TARGET", help="A folder of images without labels, or any data set.")
]
Part = Annotated[
    str | None,
    typer.Option(
        "--part",
        help="The part of TARGET to use: train, val or test. Without it: all, or test if RUN was trained on "
        "TARGET.",
        rich_help_panel=DATA,
    ),
]
MaxImages = Annotated[
    int,
    typer.Option(
        "--max-images",
        min=20,
        help="Maximum number of images of TARGET to use; more are sampled at random, by whole patients.",
        rich_help_panel=DATA,
    ),
]


def open_any(
    path: Path, request: "LoadOptions", classifier: "Classifier", max_images: int, seed: int
) -> "Dataset":
    """Open images with or without labels; labels of other classes than the model's are refused."""
    from radapt.cli.progress import Reading
    from radapt.images.description import described
    from radapt.images.unlabelled import is_labelled, read_unlabelled
    from radapt.models.inference import check_classes

    classes = classifier.spec.classes
    path, request = described(path, request)
    if is_labelled(path, classes, request.rules):
        dataset = load_images(path, request, classes)
        check_classes(classifier, dataset)
        return dataset
    say(f"{path} has no folders of {', '.join(classes)}: its images are read without labels.", error=True)
    dataset = read_unlabelled(path, request, classes, max_images=max_images, seed=seed, watch=Reading(path))
    say_what_is_left_out(dataset)
    return dataset


def subsample(dataset: "Dataset", part: str | None, max_images: int, seed: int) -> "ImageSet":
    """Return at most `max_images` images of a part, or of all parts, sampled by whole patients."""
    from radapt.images.subsample import sample_images

    parts = list(dataset.splits.values()) if part is None else [dataset[part]]
    return sample_images(parts, max_images, seed=seed)


def learned_from(run: Path) -> set[str]:
    """Return the fingerprints of the data sets that a run and its base model were trained on."""
    from radapt.runs.folder import is_finished, read_record

    record = read_record(run) if is_finished(run) else {}
    return {str(record[name]) for name in ("data", "source") if record.get(name)}
