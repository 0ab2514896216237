"""Hold out the test images by date or by site, with whole patients."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.images.columns import DATE, SITE
from radapt.images.identify import IdentifiedListing
from radapt.images.load_options import HeldOut
from radapt.images.split import split_by_patient
from radapt.labels import label_array, stratify
from radapt.text import counted, listed

BEGINNING = "Held out for testing: "  # of the note on what was left out

_DAY = re.compile(r"(\d{4})[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])(?!\d)")  # a time may follow

SHARES = {"train": 7 / 8, "val": 1 / 8}  # of the images that are not held out


def day_of(text: str) -> str:
    """Return the day in a text such as 20240701 or 2024-07-01 12:30, as 2024-07-01; "" if there is none."""
    return "-".join(day.groups()) if (day := _DAY.match(text)) else ""


def hold_out(identified: IdentifiedListing, rule_of_test: HeldOut, *, seed: int) -> IdentifiedListing:
    """Split a listing anew: test images as asked, the others 7 to 1 into train and val, by patient.

    A patient with any test image is tested: his or her other images (earlier ones, or of other sites) are
    left out, and so are images without a date or site. A note counts both.

    Parameters
    ----------
    identified
        The images, with dates or a column of sites.
    seed
        Seed of the division into train and val.

    Raises
    ------
    AskedWrongly
        If the images have no dates or sites, a site has no image, or no image is left on a side.
    """
    values = _values(identified, rule_of_test)
    known = values != ""
    tested = known & (
        np.isin(values, rule_of_test.sites) if rule_of_test.sites else values > (rule_of_test.after or "")
    )
    patients = np.array(identified.patients, dtype=np.str_)
    of_tested = np.isin(patients, np.unique(patients[tested]))
    learned = known & ~of_tested
    where = f"of {listed(rule_of_test.sites)}" if rule_of_test.sites else f"dated after {rule_of_test.after}"
    for rows, whose in ((tested, where), (learned, f"of patients without an image {where}")):
        if not rows.any():
            raise AskedWrongly(f"There is no image {whose}, so nothing is left to train or to test on.")
    splits = np.full(len(values), "test", dtype="<U5")
    rows = np.flatnonzero(learned)
    labels = stratify(label_array([identified.listing.entries[row].label for row in rows]))
    sites = _column(identified.columns, SITE, rows)
    splits[rows] = split_by_patient(labels, patients[rows], fractions=SHARES, seed=seed, sites=sites)
    kept = np.flatnonzero(tested | learned)
    others = of_tested & known & ~tested
    what = "of other sites" if rule_of_test.sites else "earlier"
    note = (
        f"{BEGINNING}images {where}. Left out: {counted(int(others.sum()), 'image')} {what} of "
        f"{counted(len(np.unique(patients[others])), 'patient')} with test images, and "
        f"{counted(int((~known).sum()), 'image')} without a {'site' if rule_of_test.sites else 'date'}."
    )
    rule = f"test images {where}, by patient; of the others 7 to 1 train and val, seed {seed}"
    return _take(identified, kept, splits, rule, note)


def _values(identified: IdentifiedListing, rule_of_test: HeldOut) -> NDArray[np.str_]:
    """Return the site or the date of each image, "" where it is not known."""
    dates = [day_of(text) for text in identified.columns.get(DATE, identified.dates)]
    values = np.array(identified.columns.get(SITE, ()) if rule_of_test.sites else dates, dtype=np.str_)
    if not values.size and rule_of_test.sites:
        raise AskedWrongly("These images have no sites. Name the table's column of sites (site).")
    if not (values != "").any():
        raise AskedWrongly(
            "These images have no dates, or none like 2024-07-01 or 20240701. Name the table's column of "
            "dates (date); DICOM files have a StudyDate."
        )
    if missing := [site for site in rule_of_test.sites if site not in values]:
        raise AskedWrongly(
            f"No image is of {listed(missing)}. The sites are: {listed(sorted(set(values) - {''}))}."
        )
    return values


def _column(
    columns: Mapping[str, Sequence[str]], name: str, rows: NDArray[np.intp]
) -> NDArray[np.str_] | None:
    return np.array(columns[name], dtype=np.str_)[rows] if name in columns else None


def _take(
    identified: IdentifiedListing, rows: NDArray[np.intp], splits: NDArray[np.str_], rule: str, note: str
) -> IdentifiedListing:
    """Return the images of these rows with their splits."""
    listing = identified.listing
    entries = tuple(replace(listing.entries[row], split=str(splits[row])) for row in rows)
    return replace(
        identified,
        listing=replace(listing, entries=entries, is_split=True, split_rule=rule),
        ids=[identified.ids[row] for row in rows],
        patients=[identified.patients[row] for row in rows],
        columns={name: tuple(column[row] for row in rows) for name, column in identified.columns.items()},
        dates=(),
        notes=(*identified.notes, note),
    )
