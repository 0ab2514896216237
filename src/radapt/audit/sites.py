"""Whether images give away where they were taken."""

import numpy as np

from radapt.audit.collection import Collection
from radapt.audit.finding import Finding, joined
from radapt.images.columns import SITE
from radapt.shortcuts.baselines import thumbnail
from radapt.shortcuts.site_prediction import WARN_ABOVE, predict_sites, rows_of_large_sites
from radapt.stats.estimate import Estimate


def find_sites(radiographs: Collection) -> list[Finding]:
    """Say how well the site of an image is told from 8 x 8 grey levels, where images are of several sites."""
    columns = [images.columns.get(SITE) for images in radiographs.sets.values()]
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        return []
    sites = np.concatenate(known)
    rows = rows_of_large_sites(sites, radiographs.patients)
    if not len(rows):
        return []
    found = predict_sites(thumbnail(radiographs.pixels[rows]), sites[rows], radiographs.patients[rows])
    detail = (
        "A logistic regression that sees only 8 x 8 grey levels tells the site of an image "
        f"({joined(np.unique(sites[rows]).tolist())}) with an AUROC of {found}, cross-validated by patient. "
        f"{_shown(found)}"
    )
    grave = found.low > 0.5 and found.value > WARN_ABOVE
    return [Finding("site", "warning" if grave else "note", (), detail)]


def _shown(found: Estimate) -> str:
    if found.low <= 0.5:
        return "So these images are not shown to give away where they were taken: chance has 0.5."
    return "So these images give away where they were taken."
