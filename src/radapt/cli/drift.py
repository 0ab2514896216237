"""The command drift."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_options_for, takes_data
from radapt.cli.models import open_classifier
from radapt.cli.printing import left_out_counts, print_table, say, say_json
from radapt.cli.sections import DATA, EVALUATION, OUTPUT
from radapt.cli.unlabelled import MaxImages, Part, Target, learned_from, open_any, subsample

if TYPE_CHECKING:
    from radapt.device import Hardware
    from radapt.drift.features import DriftFeatures
    from radapt.images.load_options import LoadOptions
    from radapt.models.classifier import Classifier

MAX_IMAGES = 1000  # of the reference, and the default for the new images
EXIT_CODES = {"images": 1, "both": 1, "mixture": 3, "nothing": 0}  # under --strict, by verdict

Reference = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        help="Compare TARGET with these images. Without it: with the validation images of RUN.",
        rich_help_panel=DATA,
    ),
]
Alpha = Annotated[
    float,
    typer.Option(
        "--alpha",
        min=0.01,
        max=0.5,
        help="Significance level: the rate of false alarms.",
        rich_help_panel=EVALUATION,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Exit with 1 if the images differ, and with 3 if only the mixture of classes does. Without it: "
        "with 0.",
        rich_help_panel=OUTPUT,
    ),
]


@takes_data(preprocessing=False)
def drift(
    run: options.Run,
    target: Target,
    images: DataOptions,
    reference: Reference = None,
    part: Part = None,
    shift: options.Shift = None,
    max_images: MaxImages = MAX_IMAGES,
    alpha: Alpha = 0.05,
    strict: Strict = False,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Test whether images differ from those that a model was made for; with labels, also its performance.

    A difference between images is kept apart from another mixture of classes: with labels by comparing
    within classes, without them by the mixture that the model's scores suggest.
    """
    from radapt.device import select_device
    from radapt.drift.features import extract_features
    from radapt.drift.monitor import find_drift
    from radapt.drift.reference import read_reference
    from radapt.images.notice import as_rows
    from radapt.shift.expression import resolved
    from radapt.shift.shifted import shifted

    classifier, hardware = open_classifier(run), select_device(device, "fp32", threads)
    requests = load_options_for(classifier, images, [target] if reference is None else [target, reference])
    if reference is None:
        known, against = read_reference(run, classifier), f"the reference of {run.name}"
    else:
        known, against = _features_of(reference, requests[-1], classifier, hardware, seed)
    dataset = open_any(target, requests[0], classifier, max_images, seed)
    if part is None and dataset.origin.fingerprint in learned_from(run):
        part = "test"
    sample = shifted(subsample(dataset, part, max_images, seed), shift and resolved(shift), seed)
    features = extract_features(classifier, sample, hardware)
    result = find_drift(known, features, sample.ids.tolist(), alpha=alpha, seed=seed)
    if as_json:
        about = {
            "new": dataset.origin.name,
            "against": against,
            "failed": len(dataset.origin.failed),
            "notes": list(dataset.origin.notes),
            "notices": as_rows(dataset.origin.notices),
            **left_out_counts(dataset.origin),
        }
        say_json({**result, **about})
    else:
        _print(result, against)
    if strict:
        raise typer.Exit(EXIT_CODES[result["verdict"]])


def _features_of(
    reference: Path, request: "LoadOptions", classifier: "Classifier", hardware: "Hardware", seed: int
) -> "tuple[DriftFeatures, str]":
    """Return the features of a reference data set, of its test or val images if it has any, and its name."""
    from radapt.drift.features import extract_features

    dataset = open_any(reference, request, classifier, MAX_IMAGES, seed)
    part = next((name for name in ("test", "val") if name in dataset.splits), None)
    sample = subsample(dataset, part, MAX_IMAGES, seed)
    return extract_features(classifier, sample, hardware), dataset.origin.name


def _print(result: dict[str, Any], against: str) -> None:
    from radapt.drift.monitor import TESTS

    images, patients = result["images"], result["patients"]
    say(
        f"{images['new']:,} new images were compared with {images['reference']:,}: {against}. The tests use "
        f"one image of each patient: {patients['new']:,} new patients and {patients['reference']:,} of the "
        "reference."
    )
    rows = [
        [
            TESTS[test["name"]],
            f"{test['statistic']:.3f}",
            f"{test['adjusted']:.2g}",
            "differs" if test["differs"] else "",
        ]
        for test in result["tests"]
    ]
    print_table(["compared", "statistic", "p, corrected", ""], rows)
    for sentence in result["words"]:
        say(sentence)
    _print_outliers(result)
    if result["performance_change"] is not None:
        say("")
        _print_performance_change(result["performance_change"])


def _print_outliers(result: dict[str, Any]) -> None:
    outliers = result["outliers"]
    say("")
    say(
        f"{outliers['share']:.1%} of the new images are farther from the reference than 95 % of its own "
        "images."
    )
    say("This share and the images below are not corrected for a different mixture of classes.")
    print_table(
        ["farthest", "distance"],
        [[image["id"], f"{image['distance']:.1f}"] for image in outliers["images"]],
    )
    say("")
    print_table(
        ["least like the reference", "probability of being new"],
        [[image["id"], f"{image['probability']:.3f}"] for image in result["least_similar"]],
    )


def _print_performance_change(rows: list[dict[str, Any]]) -> None:
    from radapt.stats.estimate import Estimate

    sides = ("new", "reference", "difference")
    print_table(
        ["score", *sides, ""],
        [
            [row["metric"], *(str(Estimate.from_dict(row[side])) for side in sides), row["verdict"]]
            for row in rows
        ],
    )
