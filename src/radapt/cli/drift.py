"""The command that says whether new images look like those that a model was made for."""

from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, takes_data, wanted_by
from radapt.cli.models import open_classifier
from radapt.cli.printing import print_table, say, say_json
from radapt.cli.unlabelled import Most, New, Part, learned_from, open_any, some_of

MOST = 1000  # images of either side
GATES = {"images": 1, "both": 1, "mixture": 3, "nothing": 0}  # exit codes under --strict


@takes_data(reading=False)
def drift(
    run: options.Run,
    new: New,
    images: DataOptions,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="Hold NEW against these images, not against RUN's own reference."),
    ] = None,
    part: Part = None,
    shift: options.Shift = None,
    most: Most = MOST,
    alpha: Annotated[
        float, typer.Option("--alpha", min=0.01, max=0.5, help="How often it may raise a false alarm.")
    ] = 0.05,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Exit with 1 if images differ, with 3 if no more than the mixture of classes does.",
        ),
    ] = False,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Say whether new images differ from those that a model was made for; with labels, what that costs.

    That images differ is told from that classes are merely mixed otherwise: with labels by comparing within
    classes, without by the mixture that the model's scores suggest.
    """
    from radapt.device import select_device
    from radapt.drift.features import extract_features
    from radapt.drift.monitor import find_drift
    from radapt.drift.reference import read_reference
    from radapt.shift.expression import resolved
    from radapt.shift.shifted import shifted

    classifier, hardware = open_classifier(run), select_device(device, "fp32", threads)
    request = wanted_by(classifier, images)
    if reference is None:
        known, against = read_reference(run, classifier), f"the reference of {run.name}"
    else:
        old = open_any(reference, request, classifier, MOST, seed)
        held_out = next((name for name in ("test", "val") if name in old.splits), None)
        known = extract_features(classifier, some_of(old, held_out, MOST, seed), hardware)
        against = old.origin.name
    dataset = open_any(new, request, classifier, most, seed)
    if part is None and dataset.origin.fingerprint in learned_from(run):
        part = "test"
    seen = shifted(some_of(dataset, part, most, seed), shift and resolved(shift), seed)
    looks, ids = extract_features(classifier, seen, hardware), seen.ids.tolist()
    found = find_drift(known, looks, ids, alpha=alpha, seed=seed)
    if as_json:
        said = {
            "new": dataset.origin.name,
            "against": against,
            "failed": len(dataset.origin.failed),
            "notes": list(dataset.origin.notes),
            "notices": list(dataset.origin.notices),
        }
        say_json({**found, **said})
    else:
        _print(found, against)
    if strict:
        raise typer.Exit(GATES[found["verdict"]])


def _print(found: dict[str, Any], against: str) -> None:
    from radapt.drift.monitor import TESTS

    images, patients = found["images"], found["patients"]
    say(
        f"{images['new']:,} images against {images['reference']:,}: {against}. Images were compared "
        f"by an image each of {patients['new']:,} new patients and {patients['reference']:,} of the "
        f"reference."
    )
    rows = [
        [
            TESTS[test["name"]],
            f"{test['statistic']:.3f}",
            f"{test['adjusted']:.2g}",
            "differs" if test["differs"] else "",
        ]
        for test in found["tests"]
    ]
    print_table(["compared", "statistic", "p, corrected", ""], rows)
    for sentence in found["words"]:
        say(sentence)
    far = found["unusual"]
    say("")
    say(f"Farther from the reference than 95 % of its own images: {far['share']:.1%} of the new ones.")
    say("Neither this share nor the images named below allow for another mixture of classes.")
    print_table(
        ["farthest", "distance"], [[image["id"], f"{image['distance']:.1f}"] for image in far["images"]]
    )
    say("")
    print_table(
        ["least like the reference", "taken for new"],
        [[image["id"], f"{image['probability']:.3f}"] for image in found["least_alike"]],
    )
    if found["harm"] is not None:
        say("")
        _print_harm(found["harm"])


def _print_harm(rows: list[dict[str, Any]]) -> None:
    from radapt.stats.estimate import Estimate

    sides = ("new", "reference", "difference")
    print_table(
        ["score", *sides, ""],
        [
            [row["metric"], *(str(Estimate.from_dict(row[side])) for side in sides), row["verdict"]]
            for row in rows
        ],
    )
