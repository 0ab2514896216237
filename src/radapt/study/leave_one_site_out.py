"""Leave one site out: every site in turn is the target, and the others are the source.

It shows how a model of pooled sites does at a hospital that it has not seen (internal-external validation,
Steyerberg & Harrell 2016, J. Clin. Epidemiol. 69:245).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.images.columns import SITE
from radapt.images.imageset import Dataset, ImageSet
from radapt.study.multi_target import Member, check_models, check_same_images, folder_name
from radapt.study.plan import Plan
from radapt.text import counted

MIN_PATIENTS = 5  # of each class, in train and in test

Rows = NDArray[np.bool_]


def site_members(plans: Sequence[Plan], data: Mapping[str, Dataset]) -> tuple[list[Member], list[str]]:
    """Return a study for each model and site, and sentences on the images and sites that are left out.

    Parameters
    ----------
    plans
        A plan for each model, without a shift.
    data
        The images as each model reads them, by the model's name; with a column of sites.

    Raises
    ------
    AskedWrongly
        If the images have no sites, no site has enough patients, or two models read different images.
    """
    check_same_images([[each] for each in data.values()])
    check_models(plans, data)
    first = data[plans[0].model]
    sites, left_out = large_sites(first)
    members = [
        Member(plan, folder_name(site), partial(leave_out, data[plan.model], site), shares_base=False)
        for plan in plans
        for site in sites
    ]
    return members, left_out


def large_sites(data: Dataset) -> tuple[list[str], list[str]]:
    """Return the sites with enough patients of every class, and a sentence on each that has too few.

    Both the site and the others together need `MIN_PATIENTS` patients of every class in train and in test;
    of findings that is needed of one, with and without it.

    Raises
    ------
    AskedWrongly
        If the images have no sites, or none of them has enough patients.
    """
    names = sorted({site for images in data.splits.values() for site in _sites(images).tolist()} - {""})
    if len(names) < 2:
        raise AskedWrongly(
            f"Leaving one site out needs images of two sites or more. {data.origin.name} has "
            f"{counted(len(names), 'site')}: give --site the name of the table's column of sites."
        )
    reasons = {site: _too_few(data, site) for site in names}
    large = [site for site, reason in reasons.items() if not reason]
    sentences = [f"The site '{site}' is left out as a target: {why}." for site, why in reasons.items() if why]
    if not large:
        raise AskedWrongly(f"No site of {data.origin.name} can be left out: {next(iter(reasons.values()))}.")
    unknown = sum(int((_sites(images) == "").sum()) for images in data.splits.values())
    if unknown:
        sentences.append(f"{counted(unknown, 'image')} of an unknown site are not used.")
    return large, sentences


def leave_out(data: Dataset, site: str) -> tuple[Dataset, Dataset]:
    """Return the images of all other sites, the source, and those of one site, the target.

    Both keep the splits of the data set. Patients of the site do not count to the source, wherever their
    images were taken.
    """
    return _part(data, site, own=False), _part(data, site, own=True)


def _part(data: Dataset, site: str, *, own: bool) -> Dataset:
    name = f"{data.origin.name}, {'' if own else 'without '}site {site}"
    splits = {split: images.take(rows) for split, images, rows in _rows(data, site, own=own) if rows.any()}
    fingerprint = hashlib.sha256(f"{data.origin.fingerprint}\0{site}\0{own}".encode()).hexdigest()
    return Dataset(splits, replace(data.origin, name=name, fingerprint=fingerprint))


def _rows(data: Dataset, site: str, *, own: bool) -> list[tuple[str, ImageSet, Rows]]:
    """Return which images of each split are of a site, or of the others."""
    at = {split: _sites(images) == site for split, images in data.splits.items()}
    if own:
        return [(split, images, at[split]) for split, images in data.splits.items()]
    theirs = {name for split, images in data.splits.items() for name in images.patients[at[split]].tolist()}
    return [
        (split, images, (_sites(images) != "") & ~np.isin(images.patients, sorted(theirs)))
        for split, images in data.splits.items()
    ]


def _too_few(data: Dataset, site: str) -> str:
    """Return a sentence on the class of which a site, or the other sites, have too few patients, or ""."""
    for own, whose in ((True, f"'{site}' has"), (False, f"without '{site}' the other sites have")):
        parts = {split: (images, rows) for split, images, rows in _rows(data, site, own=own)}
        for split in ("train", "test"):
            images, rows = parts.get(split, (None, np.zeros(0, dtype=np.bool_)))
            lacking = f"no {split} images" if images is None else _lacking(images, rows)
            if lacking:
                where = "" if images is None else f" in {split}"
                return f"{whose} {lacking}{where}, and {MIN_PATIENTS} of each are needed"
    return ""


def _lacking(images: ImageSet, rows: Rows) -> str:
    """Name the class with too few patients among some images; "" if there is none."""
    labels, patients = images.labels[rows], images.patients[rows]
    if images.exclusive:
        counts = {name: _count(patients[labels == label]) for label, name in enumerate(images.classes)}
        fewest = min(counts, key=lambda name: counts[name])
        return f"{counted(counts[fewest], 'patient')} of {fewest}" if counts[fewest] < MIN_PATIENTS else ""
    both = [
        min(_count(patients[labels[:, column] == value]) for value in (0, 1))
        for column in range(len(images.classes))
    ]
    most = max(both)
    return f"at most {counted(most, 'patient')} with and without a finding" if most < MIN_PATIENTS else ""


def _count(patients: NDArray[np.str_]) -> int:
    return len(np.unique(patients))


def _sites(images: ImageSet) -> NDArray[np.str_]:
    return images.columns.get(SITE, np.full(len(images), ""))
