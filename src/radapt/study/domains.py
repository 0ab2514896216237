"""Source and target of a study: which images train, choose and test, on both sides."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.split import choose_budget, choose_patients, split_off
from radapt.runs.holdout import split_validation
from radapt.shift.expression import parse_shift
from radapt.shift.shifted import shift_images
from radapt.text import counted, listed, whole_number

TargetPatients = Literal["own", "shared"]

TARGET_PATIENTS: tuple[TargetPatients, ...] = ("own", "shared")

TARGET_SHARE = (
    0.5  # of the training images, by patient: the simulated target's, where it has patients of its own
)


@dataclass(frozen=True, slots=True, eq=False)
class Domains:
    """The images of a study by their parts."""

    source_train: ImageSet
    source_valid: ImageSet
    source_test: ImageSet
    target_pool: ImageSet  # the labelled target images that budgets are drawn from
    target_folder: ImageSet | None  # the `val` folder, shifted: a budget of its own
    target_test: ImageSet
    drawn: dict[str, NDArray[np.float64]] | None  # what the shift drew for each image of `target_test`


def shifted_domains(
    source: Dataset,
    shift: str,
    *,
    seed: int,
    patients: TargetPatients = "own",
    device: str | torch.device = "cpu",
) -> Domains:
    """Make the second hospital of the first one's images: the same test images, shifted once and for all.

    Its labelled images are of half of the training patients, who then have no part in the base model; with
    `patients` "shared" they are of all, and the base model was trained on the same images as they were.

    Raises
    ------
    AskedWrongly
        As `set_aside`.
    """
    kind = parse_shift(shift)
    first, second = divide(source["train"], patients, seed=seed)
    train, valid = split_validation(first, seed=seed)
    pool, _ = shift_images(second, kind, seed=seed, device=device)
    test, drawn = shift_images(source["test"], kind, seed=seed, device=device)
    folder = None
    if "val" in source.splits:
        folder, _ = shift_images(source["val"], kind, seed=seed, device=device)
    return Domains(train, valid, source["test"], pool, folder, test, drawn)


def real_domains(source: Dataset, target: Dataset, *, seed: int) -> Domains:
    """Take the second hospital as it is.

    Raises
    ------
    AskedWrongly
        If the two data sets have different classes.
    """
    if source.classes != target.classes or source.exclusive != target.exclusive:
        raise AskedWrongly(
            f"The source has the classes {listed(source.classes)}; "
            f"the target has {listed(target.classes)}. "
            "Both need the same class folders."
        )
    if source.origin.reading != target.origin.reading:
        raise AskedWrongly(
            f"The images of the two data sets were read differently: {source.origin.reading} and "
            f"{target.origin.reading}. Pack one of them again."
        )
    train, valid = split_validation(source["train"], seed=seed)
    return Domains(train, valid, source["test"], target["train"], None, target["test"], None)


def divide(images: ImageSet, patients: TargetPatients, *, seed: int) -> tuple[ImageSet, ImageSet]:
    """Divide training images between a source and the target simulated from it: by patient, or not at all.

    Raises
    ------
    AskedWrongly
        If it is said otherwise than as "own" or "shared".
    """
    if patients not in TARGET_PATIENTS:
        raise UnknownName("way to choose a target's patients", patients, TARGET_PATIENTS)
    return (images, images) if patients == "shared" else split_off(images, TARGET_SHARE, seed=seed)


def labelled_images(domains: Domains, budget: str, *, seed: int) -> ImageSet:
    """Give the labelled target images of a budget: "val", "all", how many, or as "16p" of how many patients.

    Raises
    ------
    AskedWrongly
        If there are not so many, or it is none of the three.
    """
    if budget == "all":
        return domains.target_pool
    if budget == "val":
        if domains.target_folder is None:
            raise AskedWrongly(
                "The budget 'val' needs a val folder in the source. Give --budget a number, or 'all'."
            )
        return domains.target_folder
    choose = choose_patients if budget.endswith("p") else choose_budget
    return choose(domains.target_pool, _count_of(budget), seed=seed)


def check_budget(budget: str) -> None:
    """Refuse a budget that is none, whatever the images are.

    Raises
    ------
    AskedWrongly
        If it is neither "val" nor "all", nor a number of images or patients.
    """
    if budget not in ("all", "val"):
        _count_of(budget)


def _count_of(budget: str) -> int:
    count = whole_number(budget.removesuffix("p"))
    if count is None:
        raise AskedWrongly(
            "A budget is a number of labelled images such as 64, of patients such as 64p, 'all' or 'val'. "
            f"Got {budget!r}."
        )
    return count


def val_of_study(data: Dataset, *, labelled: bool) -> str:
    """Say what part the val images of a hospital have in a study; "" where there are none.

    Parameters
    ----------
    labelled
        Whether they are the labelled images of a budget, under a shift.
    """
    if "val" not in data.splits:
        return ""
    images = f"The {counted(len(data['val']), 'val image')} of {data.origin.name}"
    are = "is" if len(data["val"]) == 1 else "are"
    if labelled:
        return f"{images}, shifted, {are} the labelled target images of the budget 'val'."
    return (
        f"{images} {are} not used: labelled target images and those that choose epochs are taken from train."
    )
