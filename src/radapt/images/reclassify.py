"""Change the classes of a data set that is read already: by rules, or to those of another one."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from radapt.images.class_rules import ClassRules, dropped, matching
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.spelling import refuse_lone_image
from radapt.text import reasons


def reclassified(dataset: Dataset, rules: ClassRules) -> Dataset:
    """Return a data set whose labels are read by these rules; findings of an image are only renamed.

    Raises
    ------
    AskedWrongly
        If findings that may occur together are to be dropped or joined, or a third class has one image.
    UnknownName
        If the rules name a class that is not there.
    """
    if not rules:
        return dataset
    if not dataset.exclusive:
        names = rules.rename_findings(dataset.classes)
        renamed = {split: replace(each, classes=names) for split, each in dataset.splits.items()}
        return _with(dataset, renamed, rules)
    assigned = rules.assign(dataset.classes)
    classes = rules.in_order(assigned)
    class_of = [assigned[label] for label in dataset.classes]
    new = np.array([-1 if name is None else classes.index(name) for name in class_of], dtype=np.int64)
    left_out = Counter(dataset.origin.left_out)
    splits = {}
    for split, images in dataset.splits.items():
        left_out.update(
            {dropped(label): n for label, n in images.counts().items() if assigned[label] is None}
        )
        labels = new[images.labels.astype(np.int64)]
        if (labels >= 0).any():
            kept = images if (labels >= 0).all() else images.take(labels >= 0)
            splits[split] = replace(kept, labels=labels[labels >= 0], classes=classes)
    refuse_lone_image({name: sum(each.counts()[name] for each in splits.values()) for name in classes})
    gone = {why: n for why, n in left_out.items() if n > dataset.origin.left_out.get(why, 0)}
    notes = [f"Images that were left out: {reasons(gone)}."] if gone else []
    origin = replace(dataset.origin, left_out=dict(+left_out), notes=(*dataset.origin.notes, *notes))
    return _with(replace(dataset, origin=origin), splits, rules)


def _with(dataset: Dataset, splits: dict[str, ImageSet], rules: ClassRules) -> Dataset:
    """Return the data set with other splits, and a fingerprint that says so."""
    digest = hashlib.sha256(repr((dataset.origin.fingerprint, rules)).encode()).hexdigest()
    return Dataset(splits, replace(dataset.origin, fingerprint=digest))


def aligned(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """Return a data set with the classes in the order and spelling of others.

    Names are matched without regard to case and white space. A data set of other classes is
    returned as it is.
    """
    own = [matching(name) for name in dataset.classes]
    others = [matching(name) for name in classes]
    if tuple(classes) == dataset.classes or sorted(own) != sorted(others):
        return dataset
    places = np.array([others.index(name) for name in own], dtype=np.intp)
    splits = {
        name: replace(
            images,
            labels=places.astype(np.int64)[images.labels]
            if images.exclusive
            else images.labels[:, np.argsort(places)],
            classes=tuple(classes),
        )
        for name, images in dataset.splits.items()
    }
    return replace(dataset, splits=splits)
