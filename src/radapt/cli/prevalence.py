"""The command prevalence."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_options_for, takes_data
from radapt.cli.models import open_classifier
from radapt.cli.printing import print_table, say, say_json
from radapt.cli.sections import DATA
from radapt.cli.unlabelled import MaxImages, Part, Target, learned_from, open_any, subsample
from radapt.errors import AskedWrongly
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.images.imageset import Dataset, ImageSet
    from radapt.images.load_options import LoadOptions
    from radapt.predictions import Predictions

MAX_IMAGES = 5000
SPLITS = ("train", "val", "test")

Labelled = Annotated[
    str | None,
    typer.Option(
        "--labelled",
        help="Labelled images like TARGET, to check the estimate with: a data set, or a part of TARGET. "
        "Without it: no check, and no corrected scores in --json.",
        rich_help_panel=DATA,
    ),
]


@takes_data(preprocessing=False)
def prevalence(
    run: options.Run,
    target: Target,
    images: DataOptions,
    labelled: Labelled = None,
    part: Part = None,
    shift: options.Shift = None,
    max_images: MaxImages = MAX_IMAGES,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Estimate the prevalence of each finding among images without labels, from a model's scores alone."""
    from radapt.device import select_device
    from radapt.evaluation.prevalence import estimate_prevalence
    from radapt.images.notice import as_rows
    from radapt.shift.expression import resolved
    from radapt.shift.shifted import shifted

    classifier = open_classifier(run)
    other = None if labelled in (None, *SPLITS) else Path(str(labelled))
    requests = load_options_for(classifier, images, [target] if other is None else [target, other])
    source, source_words = _source(run)
    dataset = open_any(target, requests[0], classifier, max_images, seed)
    own = dataset.origin.fingerprint in learned_from(run)
    sample = subsample(dataset, "test" if part is None and own else part, max_images, seed)
    known = None if labelled is None else _labelled(labelled, dataset, requests[-1], max_images, seed, run)
    if own:
        _refuse_learned(labelled, part)
        _refuse_shared(sample, source, source_words)
    _refuse_shared(known, source, source_words)
    change = shift and resolved(shift)
    sample = shifted(sample, change, seed)
    rows = estimate_prevalence(
        classifier,
        source,
        sample,
        labelled=None if known is None else shifted(known, change, seed),
        seed=seed,
        hardware=select_device(device, "fp32", threads),
    )
    if as_json:
        about = {
            "new": dataset.origin.name,
            "images": len(sample),
            "patients": len(set(sample.patients.tolist())),
            "source": source_words,
            "failed": len(dataset.origin.failed),
        }
        say_json({**about, "findings": rows, "notices": as_rows(dataset.origin.notices)})
    else:
        _print(rows, sample, source_words)


def _source(run: Path) -> "tuple[Predictions, str]":
    """Return the run's predictions for labelled source images that it was not trained on, and their name."""
    from radapt.artefacts import VALIDATION, predictions_file
    from radapt.predictions import Predictions

    files = {VALIDATION: "the validation images of the run", "source-test": "the test images of the run"}
    for name, words in files.items():
        path = predictions_file(run, name)
        if path.is_file():
            predictions = Predictions.load(path)
            patients = counted(len(set(predictions.patients.tolist())), "patient")
            return predictions, f"{words} ({counted(len(predictions), 'image')} of {patients})"
    raise AskedWrongly(
        f"{run} has no predictions for labelled source images to compare the scores with. "
        "Give a run that `radapt train` wrote."
    )


def _labelled(
    text: str, target: "Dataset", request: "LoadOptions", max_images: int, seed: int, run: Path
) -> "ImageSet":
    """Return images to check with: a part of TARGET, or of another data set all or, if RUN knows it, test."""
    if text in SPLITS:
        return subsample(target, text, max_images, seed)
    data = load_images(Path(text), request, target.classes)
    own = data.origin.fingerprint in learned_from(run)
    return subsample(data, "test" if own else None, max_images, seed)


def _refuse_learned(*parts: str | None) -> None:
    if "train" in parts:
        raise AskedWrongly(
            "RUN was trained on the train images of this data set, and is more certain of them than of "
            "others. Give --part and --labelled val or test."
        )


def _refuse_shared(images: "ImageSet | None", source: "Predictions", words: str) -> None:
    shared = set() if images is None else set(images.patients.tolist()) & set(source.patients.tolist())
    if shared:
        raise AskedWrongly(
            f"{counted(len(shared), 'patient')} of these images {'is' if len(shared) == 1 else 'are'} among "
            f"{words}, with which they would be compared. Give images of other patients, as by --part."
        )


def _print(rows: list[dict[str, Any]], sample: "ImageSet", words: str) -> None:
    from radapt.stats.estimate import Estimate

    patients = counted(len(set(sample.patients.tolist())), "patient")
    say(f"{counted(len(sample), 'image')} of {patients}, by scores alone, against {words}.")
    print_table(
        ["finding", "in the source", "in the target, 95 % interval"],
        [
            [row["finding"], "", "left out"]
            if "left_out" in row
            else [row["finding"], f"{row['source']:.3f}", str(Estimate.from_dict(row["prevalence"]))]
            for row in rows
        ],
    )
    for row in rows:
        name = f"{row['finding']}: "
        if "left_out" in row:
            say(f"left out: {name}{row['left_out']}", error=True)
        elif row["check"]["passed"]:
            say(f"{name}{row['check']['text']}")
        else:
            kind = "WARNING" if row["check"]["passed"] is False else "UNCHECKED"
            say(f"{kind}: {name}{row['check']['text']}", error=True)
    if any(row.get("check", {}).get("passed", True) is None for row in rows):
        say("To check it, give labelled images like these to --labelled.", error=True)
