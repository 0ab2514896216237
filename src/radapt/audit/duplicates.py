"""The same image twice: byte for byte, or saved again; and whether it has one label."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radapt.audit.collection import Pool
from radapt.audit.finding import Finding, joined
from radapt.audit.near_duplicates import Match, candidates, descriptions, matches
from radapt.progress import SILENT, Watch

Groups = list[NDArray[np.intp]]  # rows that belong together, two or more in each


def find_duplicates(pool: Pool, watch: Watch = SILENT) -> list[Finding]:
    """Find identical and suspected duplicates, and those of them whose labels disagree.

    Of two data sets only what is in both is found.
    """
    same = _identical(pool.digests)
    findings = []
    for rows in same:
        if _counts(pool, rows):
            findings += _identical_findings(pool, rows)
    for rows, found in _nearly(pool, watch):
        findings += _near_findings(pool, rows, found)
    return findings


def _identical(digests: NDArray[np.bytes_]) -> Groups:
    """Group the rows of one digest."""
    order = np.argsort(digests, kind="stable")
    cuts = np.flatnonzero(digests[order][1:] != digests[order][:-1]) + 1
    return [np.sort(rows) for rows in np.split(order, cuts) if len(rows) > 1]


def _nearly(pool: Pool, watch: Watch) -> list[tuple[NDArray[np.intp], list[Match]]]:
    """Group the images that seem to be one picture though their files differ, with what shows it."""
    kinds, owner = np.unique(pool.digests, return_inverse=True)
    if pool.is_between:
        found = _between(pool, watch)
    else:
        kept = np.sort(np.unique(pool.digests, return_index=True)[1])  # one of each digest
        described = descriptions(pool.collections[0].pixels)
        if len(kept) < len(described):
            described = described[kept]
        pairs = candidates(described, watch=watch)
        pairs[:, :2] = kept[pairs[:, :2]]
        found = list(matches(pairs, pool.image, pool.image))
    links = [(int(owner[match.first]), int(owner[match.second]), match) for match in found]
    return _connected(owner, len(kinds), links)


def _between(pool: Pool, watch: Watch) -> list[Match]:
    first, second = pool.collections
    pairs = candidates(descriptions(first.pixels), descriptions(second.pixels), watch)
    pairs[:, 1] += len(first)
    pairs = pairs[pool.digests[pairs[:, 0]] != pool.digests[pairs[:, 1]]]
    return list(matches(pairs, pool.image, pool.image))


def _connected(
    owner: NDArray[np.intp], count: int, links: Sequence[tuple[int, int, Match]]
) -> list[tuple[NDArray[np.intp], list[Match]]]:
    """Put together what is linked, directly or by others; files that are identical come along."""
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
    return [(np.flatnonzero(part[owner] == group), found) for group, found in grouped.items()]


def _counts(pool: Pool, rows: NDArray[np.intp]) -> bool:
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


def _near_findings(pool: Pool, rows: NDArray[np.intp], found: Sequence[Match]) -> list[Finding]:
    paths, places = _paths(pool, rows), _places(pool, rows)
    least = min(match.agreement for match in found)
    how = "".join(
        f", {word}" if all(flags) else f", some of them {word}" if any(flags) else ""
        for word, flags in (
            ("mirrored", [match.mirrored for match in found]),
            ("as a negative", [match.negative for match in found]),
        )
    )
    what = f"Suspected to be the same image saved again{how}"
    shown = f"Their fine detail correlates at {least:.2f}."
    detail = f"{what}, {_where(places, len(rows))}. {shown}"
    findings = [Finding("near-duplicate", "warning", paths, detail)]
    if pool.conflict(rows.tolist()):
        detail = f"{what}, yet labelled {_labels(pool, rows)}. {shown}"
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
