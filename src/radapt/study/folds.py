"""Divide a target data set into folds, so that all its patients are tested, each by models of the others."""

from collections.abc import Sequence
from dataclasses import replace

from radapt.images.columns import SITE
from radapt.images.imageset import Dataset, ImageSet, join_sets
from radapt.images.leaks import count_copies, with_leaks_between
from radapt.images.notice import Notice
from radapt.images.split import fold_of
from radapt.text import counted


def divide_into_folds(source: Dataset, target: Dataset, folds: int, *, seed: int) -> Dataset:
    """Return all images of a target, its splits being folds by patient, stratified by class and site.

    Notices about the target's own splits are left out, since these are not used. Notices of images that are
    in two folds, and of leaks between source and target, are added.

    Parameters
    ----------
    source
        The source, whose images the models of all folds learn from.
    folds
        The number of folds, 2 or more.

    Raises
    ------
    AskedWrongly
        If a class has fewer patients than there are folds.
    """
    images = join_sets(list(target.splits.values()))
    which = fold_of(images, folds, seed=seed)
    parts = [images.take(which == fold) for fold in range(folds)]
    by = "by patient and site" if SITE in images.columns else "by patient"
    rule = f"{by}: {folds} folds, each tested by models of the others, seed {seed}"
    origin = replace(target.origin, split_rule=rule, notices=_without_leaks(target))
    both = Dataset({"train": images, "test": images}, origin)  # all are learned from and tested
    notices = (*with_leaks_between(source, both).origin.notices, *_copies(parts, origin.name))
    return Dataset(
        {f"fold {number}": part for number, part in enumerate(parts, 1)}, replace(origin, notices=notices)
    )


def _without_leaks(target: Dataset) -> tuple[Notice, ...]:
    """Return the notices about a data set that do not concern its splits."""
    of_splits = ("leak", "unsafe-split")
    return tuple(notice for notice in target.origin.notices if notice.kind not in of_splits)


def _copies(parts: Sequence[ImageSet], name: str) -> list[Notice]:
    """Return a notice of the images that are also in another fold; none if there are none."""
    copies = count_copies(parts)
    if not copies:
        return []
    have = "has" if copies == 1 else "have"
    text = (
        f"{counted(copies, 'image')} of {name} {have} the same pixels as one of another fold. "
        "Scores on them look better than they are."
    )
    return [Notice("leak", "invalid", text)]
