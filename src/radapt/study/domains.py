"""Split the source and target images of a study into training, validation and test sets."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.characteristics import characteristics
from radapt.images.imageset import Dataset, ImageSet, join_sets
from radapt.images.reclassify import aligned
from radapt.images.split import choose_budget, choose_patients, split_off
from radapt.runs.holdout import split_validation
from radapt.shift.expression import parse_shift
from radapt.shift.shifted import shift_images
from radapt.text import counted, listed, whole_number

TargetPatients = Literal["own", "shared"]

TARGET_PATIENTS: tuple[TargetPatients, ...] = ("own", "shared")

TARGET_SHARE = 0.5  # share of the training patients that go to a simulated target, with `patients` "own"


@dataclass(frozen=True, slots=True, eq=False)
class Domains:
    """The image sets of a study."""

    source_train: ImageSet
    source_valid: ImageSet
    source_test: ImageSet
    target_pool: ImageSet  # labelled target images that budgets are sampled from
    target_folder: ImageSet | None  # the shifted `val` folder: the budget "val"
    target_test: ImageSet
    drawn: dict[str, NDArray[np.float64]] | None  # random shift parameters by name, for `target_test`
    # (n,), the fold of each image of `target_test`, from 1; the pool is then empty, see `of_fold`
    folds: NDArray[np.intp] | None = None

    def of_fold(self, fold: int | None) -> "Domains":
        """Return the sets of models tested on one fold: their pool is the others. None changes nothing."""
        if fold is None or self.folds is None:
            return self
        images, inside = self.target_test, self.folds == fold
        return replace(self, target_pool=images.take(~inside), target_test=images.take(inside), folds=None)


def shifted_domains(
    source: Dataset,
    shift: str,
    *,
    seed: int,
    patients: TargetPatients = "own",
    device: str | torch.device = "cpu",
) -> Domains:
    """Simulate a target by shifting source images; its test images are the shifted source test images.

    Its labelled images come from half of the training patients, on whom the base model is then not trained.
    With `patients` "shared" they come from all, and the base model is trained on the same images, unshifted.

    Raises
    ------
    AskedWrongly
        As `divide`, or if the shift does not exist or there are too few patients to split.
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


def real_domains(source: Dataset, target: Dataset, *, seed: int, in_folds: bool = False) -> Domains:
    """Use a real data set as the target; with `in_folds` its splits are folds, see `radapt.study.folds`.

    Raises
    ------
    AskedWrongly
        If the two data sets have different classes, were read with different preprocessing, or are the same.
    """
    target = aligned(target, source.classes)
    if source.classes != target.classes or source.exclusive != target.exclusive:
        raise AskedWrongly(
            f"The source has the classes {listed(source.classes)}; "
            f"the target has {listed(target.classes)}. "
            "Both need the same classes: classes (--classes THEIRS=OURS) says which is which."
        )
    if source.origin.reading != target.origin.reading:
        raise AskedWrongly(
            f"The images of the two data sets were read differently: {source.origin.reading} and "
            f"{target.origin.reading}. Pack one of them again."
        )
    if target.origin.fingerprint == source.origin.fingerprint:
        raise AskedWrongly(
            f"The target has the same images as the source, {source.origin.name}. Give those of another "
            "hospital, or a shift (--shift) that simulates one."
        )
    train, valid = split_validation(source["train"], seed=seed)
    if not in_folds:
        return Domains(train, valid, source["test"], target["train"], None, target["test"], None)
    parts = list(target.splits.values())
    images = join_sets(parts)
    folds = np.repeat(np.arange(1, len(parts) + 1), [len(part) for part in parts])
    return Domains(train, valid, source["test"], images.take([]), None, images, None, folds)


def divide(images: ImageSet, patients: TargetPatients, *, seed: int) -> tuple[ImageSet, ImageSet]:
    """Return (source, target) training images: split by patient, or with "shared" all of them twice.

    Raises
    ------
    AskedWrongly
        If `patients` is neither "own" nor "shared".
    """
    if patients not in TARGET_PATIENTS:
        raise UnknownName("way to choose a target's patients", patients, TARGET_PATIENTS)
    return (images, images) if patients == "shared" else split_off(images, TARGET_SHARE, seed=seed)


def labelled_images(domains: Domains, budget: str, *, seed: int) -> ImageSet:
    """Return the labelled target images of a budget: "val", "all", "64" images or "16p" patients.

    Raises
    ------
    AskedWrongly
        If there are fewer, or the budget is none of these.
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
    """Check the format of a budget; how many images there are is not checked.

    Raises
    ------
    AskedWrongly
        If it is not "val", "all", or a number of images or patients.
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
    """Return a sentence on the use of the val images in a study; "" if there are none.

    Parameters
    ----------
    labelled
        Whether, shifted, they are the labelled target images of the budget "val".
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


def describe_roles(roles: dict[str, ImageSet], pool: ImageSet) -> dict[str, Any]:
    """Describe the images of a study, with standardised differences between target and source."""
    if roles["source validation"] is roles["source test"]:  # as the original has it: no image counts twice
        roles = {name: images for name, images in roles.items() if name != "source validation"}
    test = roles.pop("target test")
    groups = {**roles, "target train": pool, "target test": test}
    sides = [[name for name in groups if name.startswith(side)] for side in ("source", "target")]
    return characteristics(groups, *sides)
