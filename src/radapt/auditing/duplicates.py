"""Find duplicate images, byte for byte or saved again, and those with conflicting labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radapt.auditing.collection import Pool
from radapt.auditing.finding import Finding
from radapt.auditing.near_duplicates import Match, candidates, descriptors, matches
from radapt.progress import SILENT, Watch
from radapt.text import joined

Groups = list[NDArray[np.intp]]  # groups of two or more rows


def find_duplicates(pool: Pool, watch: Watch = SILENT) -> list[Finding]:
    """Find identical images and suspected duplicates, and those of them with conflicting labels.

    Between two data sets, only duplicates across them are reported.
    """
    same = _identical(pool.digests)
    findings = []
    for rows in same:
        if _is_reported(pool, rows):
            findings += _identical_findings(pool, rows)
    for rows, found_matches in _near_duplicates(pool, watch):
        findings += _near_findings(pool, rows, found_matches)
    return findings


def _identical(digests: NDArray[np.bytes_]) -> Groups:
    """Group the rows of equal digests."""
    order = np.argsort(digests, kind="stable")
    cuts = np.flatnonzero(digests[order][1:] != digests[order][:-1]) + 1
    return [np.sort(rows) for rows in np.split(order, cuts) if len(rows) > 1]


def _near_duplicates(pool: Pool, watch: Watch) -> list[tuple[NDArray[np.intp], list[Match]]]:
    """Group images that are probably the same picture in different files, with the matches that link them."""
    kinds, owner = np.unique(pool.digests, return_inverse=True)
    if pool.is_between:
        found_matches = _between(pool, watch)
    else:
        kept = np.sort(np.unique(pool.digests, return_index=True)[1])  # one row of each digest
        described = descriptors(pool.collections[0].pixels)
        if len(kept) < len(described):
            described = described[kept]
        pairs = candidates(described, watch=watch)
        pairs[:, :2] = kept[pairs[:, :2]]
        found_matches = list(matches(pairs, pool.image, pool.image, watch))
    links = [(int(owner[match.first]), int(owner[match.second]), match) for match in found_matches]
    return _connected(owner, len(kinds), links)


def _between(pool: Pool, watch: Watch) -> list[Match]:
    first, second = pool.collections
    pairs = candidates(descriptors(first.pixels), descriptors(second.pixels), watch)
    pairs[:, 1] += len(first)
    pairs = pairs[pool.digests[pairs[:, 0]] != pool.digests[pairs[:, 1]]]
    return list(matches(pairs, pool.image, pool.image, watch))


def _connected(
    owner: NDArray[np.intp], count: int, links: Sequence[tuple[int, int, Match]]
) -> list[tuple[NDArray[np.intp], list[Match]]]:
    """Return the connected components of the links, with identical files added."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not links:
        return []
    ends = np.array([(one, other) for one, other, _ in links])
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    part = connected_components(graph, directed=False)[1]
    grouped: dict[int, list[Match]] = {}
    for one, _, match in links:
        grouped.setdefault(int(part[one]), []).append(match)
    return [(np.flatnonzero(part[owner] == group), found_matches) for group, found_matches in grouped.items()]


def _is_reported(pool: Pool, rows: NDArray[np.intp]) -> bool:
    return not pool.is_between or len(set(pool.places[rows].tolist())) > 1


def _identical_findings(pool: Pool, rows: NDArray[np.intp]) -> list[Finding]:
    paths, places = _paths(pool, rows), _places(pool, rows)
    what = "The same file, byte for byte" if pool.collections[0].files else "The same pixels"
    severity = "error" if len(places) > 1 else "warning"
    findings = [Finding("duplicate", severity, paths, f"{what}, {_where(places, len(rows))}.")]
    if pool.conflict(rows.tolist()):
        detail = f"{what}, is labelled {_labels(pool, rows)}."
        findings.append(Finding("conflicting-labels", "error", paths, detail))
    return findings


def _near_findings(pool: Pool, rows: NDArray[np.intp], found_matches: Sequence[Match]) -> list[Finding]:
    paths, places = _paths(pool, rows), _places(pool, rows)
    lowest = min(match.agreement for match in found_matches)
    how = "".join(
        f", {word}" if all(flags) else f", some of them {word}" if any(flags) else ""
        for word, flags in (
            ("mirrored", [match.mirrored for match in found_matches]),
            ("as a negative", [match.negative for match in found_matches]),
        )
    )
    what = f"Suspected to be the same image saved again{how}"
    correlation = f"Their fine detail correlates at {lowest:.2f}."
    detail = f"{what}, {_where(places, len(rows))}. {correlation}"
    findings = [Finding("near-duplicate", "warning", paths, detail)]
    if pool.conflict(rows.tolist()):
        detail = f"{what}, yet labelled {_labels(pool, rows)}. {correlation}"
        findings.append(Finding("conflicting-labels", "warning", paths, detail))
    return findings


def _paths(pool: Pool, rows: NDArray[np.intp]) -> tuple[str, ...]:
    return tuple(pool.paths[rows].tolist())


def _places(pool: Pool, rows: NDArray[np.intp]) -> list[str]:
    return list(dict.fromkeys(pool.places[rows].tolist()))


def _where(places: Sequence[str], count: int) -> str:
    if len(places) > 1:
        return f"in {joined(places)}"
    return f"{'twice' if count == 2 else f'{count} times'} in {places[0]}"


def _labels(pool: Pool, rows: NDArray[np.intp]) -> str:
    return joined(dict.fromkeys(pool.labels_of(row) for row in rows.tolist()))
