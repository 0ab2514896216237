"""Scores of every strategy of a study for each value of a column of the target images."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from radapt.evaluation.scores import Outcome
from radapt.evaluation.subgroups import score_groups, values_of
from radapt.images.imageset import ImageSet


def subgroup_rows(outcomes: Sequence[Outcome], images: ImageSet, by: Sequence[str]) -> list[dict[str, Any]]:
    """Score the target images of each value of some columns, for JSON.

    Parameters
    ----------
    images
        The target test images, with these columns.
    by
        The columns, as for `radapt.evaluation.subgroups.values_of`.

    Returns
    -------
    list
        For each column and outcome "strategy", "budget" (labelled target images) and what
        `radapt.evaluation.subgroups.Groups` holds.

    Raises
    ------
    AskedWrongly
        If the images have no such column.
    """
    rows = []
    for column in by:
        group_of = dict(zip(images.ids.tolist(), values_of(images.columns, column).tolist(), strict=True))
        for outcome in outcomes:
            runs = outcome.predictions["target"]
            values = np.array([group_of[image] for image in runs[0].ids.tolist()])
            groups = score_groups(runs, values, column)
            rows.append({"strategy": outcome.strategy, "budget": outcome.budget, **groups.as_dict()})
    return rows
