"""Check whether images reveal the site where they were taken."""

import numpy as np

from radapt.auditing.collection import Collection
from radapt.auditing.finding import Finding
from radapt.images.columns import SITE
from radapt.shortcuts.baselines import thumbnail
from radapt.shortcuts.site_prediction import WARN_ABOVE, predict_sites, rows_of_large_sites
from radapt.stats.estimate import Estimate
from radapt.text import joined


def find_sites(collection: Collection) -> list[Finding]:
    """Report how well 8 x 8 grey levels predict the site, if images are of several sites."""
    columns = [images.columns.get(SITE) for images in collection.sets.values()]
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        return []
    sites = np.concatenate(known)
    rows = rows_of_large_sites(sites, collection.patients)
    if not len(rows):
        return []
    prediction = predict_sites(thumbnail(collection.pixels[rows]), sites[rows], collection.patients[rows])
    names = joined(np.unique(sites[rows]).tolist())
    detail = (
        f"From 8 x 8 grey levels alone, a logistic regression predicts the site of an image ({names}) with "
        f"an AUROC of {prediction}, cross-validated by patient. {_conclusion(prediction)}"
    )
    is_warning = prediction.low > 0.5 and prediction.value > WARN_ABOVE
    return [Finding("site", "warning" if is_warning else "note", (), detail)]


def _conclusion(prediction: Estimate) -> str:
    if prediction.low <= 0.5:
        return "So it is not shown that these images reveal their site: chance is 0.5."
    return "So these images reveal their site."
