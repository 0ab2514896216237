"""Images set aside: for validation, and what is recorded of a data set."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from radapt.errors import AskedWrongly
from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.images.split import split_off
from radapt.text import counted

VALIDATION_SHARE = 0.1  # of the source images, by patient: they choose the base model's best epoch

TARGET_VALIDATION = 0.2  # of a budget, by patient

MIN_FOR_VALIDATION = 100  # labelled target images; with fewer all are trained on and the last epoch is kept


def split_validation(images: ImageSet, *, seed: int) -> tuple[ImageSet, ImageSet]:
    """Set the validation images of a base model aside, by patient.

    Raises
    ------
    AskedWrongly
        If there are too few patients for each class to have some on both sides.
    """
    rest, valid = split_off(images, VALIDATION_SHARE, seed=seed)
    if not (_has_all(rest) and _has_all(valid)):
        raise AskedWrongly(
            "Every class needs two training patients at least, one of them to choose the best epoch by. "
            f"Got {counted(len(images), 'image')} of "
            f"{counted(len(set(images.patients.tolist())), 'patient')}: "
            f"{images.counts()}."
        )
    return rest, valid


def _has_all(images: ImageSet) -> bool:
    """Say whether a set has an image of every class; of findings one of any, since some are rare."""
    counts = images.counts().values()
    return all(counts) if images.exclusive else any(counts)


def chooses_epochs(valid: ImageSet) -> bool:
    """Say whether val images are many enough to choose the best epoch of a training by."""
    return len(valid) >= MIN_FOR_VALIDATION


def val_of_training(data: Dataset) -> str:
    """Say that the val images have no part in a training, being too few; "" where they have, or are none."""
    valid = data.splits.get("val")
    if valid is None or chooses_epochs(valid):
        return ""
    return (
        f"The val images of {data.origin.name} are not used: {len(valid):,} are too few to choose an "
        f"epoch by ({MIN_FOR_VALIDATION} would do). {VALIDATION_SHARE:.0%} of the training patients "
        "choose it."
    )


def split_off_validation(images: ImageSet, *, seed: int) -> tuple[ImageSet, ImageSet | None]:
    """Set aside validation images of a budget, by patient, where there are enough of every class."""
    if len(images) < MIN_FOR_VALIDATION:
        return images, None
    rest, valid = split_off(images, TARGET_VALIDATION, seed=seed)
    return (rest, valid) if _has_all(valid) else (images, None)


@dataclass(frozen=True, slots=True)
class ImageCount:
    """The number of images, of their patients, and of the images of each class."""

    images: int
    patients: int
    classes: Mapping[str, int]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ImageCount":
        """Return what `count_images` gave, from values that may hold more than that."""
        return cls(int(values["images"]), int(values["patients"]), dict(values["classes"]))


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """What runs and studies record of a data set."""

    origin: DataProvenance
    splits: Mapping[str, ImageCount]
    shared_patients: int  # patients with images in two splits

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DatasetRecord":
        """Return what `describe_dataset` gave."""
        splits = {name: ImageCount.from_dict(count) for name, count in values["splits"].items()}
        return cls(DataProvenance.from_dict(values), splits, values["shared_patients"])


def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    """Return where images came from, how many each split has, and how many patients are in two; for JSON."""
    splits = {name: count_images(images) for name, images in dataset.splits.items()}
    whose = Counter(name for images in dataset.splits.values() for name in set(images.patients.tolist()))
    shared = sum(count > 1 for count in whose.values())
    return {**asdict(dataset.origin), "splits": splits, "shared_patients": shared}


def count_images(images: ImageSet) -> dict[str, Any]:
    """Count images, their patients, and the images of each class, ready for JSON."""
    return {"images": len(images), "patients": len(set(images.patients.tolist())), "classes": images.counts()}
