"""The command that says how common a finding is among images without labels: prevalence."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, takes_data, wanted_by
from radapt.cli.models import open_classifier
from radapt.cli.printing import print_table, say, say_json
from radapt.cli.unlabelled import Most, New, Part, learned_from, open_any, some_of
from radapt.errors import AskedWrongly
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.images.imageset import Dataset, ImageSet
    from radapt.images.load import LoadOptions
    from radapt.predictions import Predictions

MOST = 5000  # images


@takes_data(reading=False)
def prevalence(
    run: options.Run,
    new: New,
    images: DataOptions,
    labelled: Annotated[
        str | None,
        typer.Option(
            "--labelled",
            help="Labelled images like NEW, to check the estimate by: a data set, or a part of NEW; "
            "without them --json gives no map.",
        ),
    ] = None,
    part: Part = None,
    shift: options.Shift = None,
    most: Most = MOST,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Estimate how common each finding is among images without labels, from a model's scores alone."""
    from radapt.device import select_device
    from radapt.evaluation.prevalence import estimate_prevalence
    from radapt.shift.expression import resolved
    from radapt.shift.shifted import shifted

    classifier = open_classifier(run)
    request = wanted_by(classifier, images)
    source, words = _source(run)
    dataset = open_any(new, request, classifier, most, seed)
    own = dataset.origin.fingerprint in learned_from(run)
    chosen = some_of(dataset, "test" if part is None and own else part, most, seed)
    known = None if labelled is None else _labelled(labelled, dataset, request, most, seed, run)
    if own:
        _refuse_learned(labelled, part)
        _refuse_shared(chosen, source, words)
    _refuse_shared(known, source, words)
    changed = shift and resolved(shift)
    seen = shifted(chosen, changed, seed)
    rows = estimate_prevalence(
        classifier,
        source,
        seen,
        labelled=None if known is None else shifted(known, changed, seed),
        seed=seed,
        hardware=select_device(device, "fp32", threads),
    )
    if as_json:
        told = {
            "new": dataset.origin.name,
            "images": len(seen),
            "patients": len(set(seen.patients.tolist())),
            "source": words,
            "failed": len(dataset.origin.failed),
        }
        say_json({**told, "findings": rows, "notices": list(dataset.origin.notices)})
    else:
        _print(rows, seen, words)


def _source(run: Path) -> "tuple[Predictions, str]":
    """Read the run's answers for labelled images that it did not learn from, and say which these are."""
    from radapt.artefacts import VALIDATION, predictions_file
    from radapt.predictions import Predictions

    there = {VALIDATION: "the validation images of the run", "source-test": "the test images of the run"}
    for name, words in there.items():
        path = predictions_file(run, name)
        if path.is_file():
            found = Predictions.load(path)
            people = counted(len(set(found.patients.tolist())), "patient")
            return found, f"{words} ({counted(len(found), 'image')} of {people})"
    raise AskedWrongly(
        f"{run} kept no answers for labelled images of where it was trained, which scores are held against. "
        "Give a run that `radapt train` wrote."
    )


def _labelled(
    text: str, new: "Dataset", request: "LoadOptions", most: int, seed: int, run: Path
) -> "ImageSet":
    """Give images to check by: a part of the new data set or another one, or the run's test images."""
    if text in ("train", "val", "test"):
        return some_of(new, text, most, seed)
    data = load_images(Path(text), request)
    own = data.origin.fingerprint in learned_from(run)
    return some_of(data, "test" if own else None, most, seed)


def _refuse_learned(*parts: str | None) -> None:
    if "train" in parts:
        raise AskedWrongly(
            "RUN learned from the train images of this data set, and is surer of them than of others. "
            "Give --part and --labelled val or test."
        )


def _refuse_shared(images: "ImageSet | None", source: "Predictions", words: str) -> None:
    shared = set() if images is None else set(images.patients.tolist()) & set(source.patients.tolist())
    if shared:
        raise AskedWrongly(
            f"{counted(len(shared), 'patient')} of these images {'is' if len(shared) == 1 else 'are'} among "
            f"{words}, against which they would be held. Give images of other patients, as by --part."
        )


def _print(rows: list[dict[str, Any]], seen: "ImageSet", words: str) -> None:
    from radapt.stats.estimate import Estimate

    people = counted(len(set(seen.patients.tolist())), "patient")
    say(f"{counted(len(seen), 'image')} of {people}, by scores alone, against {words}.")
    print_table(
        ["finding", "in the source", "here, 95 % interval"],
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
        elif row["likeness"]["alike"]:
            say(f"{name}{row['likeness']['text']}")
        else:
            kind = "WARNING" if row["likeness"]["alike"] is False else "UNCHECKED"
            say(f"{kind}: {name}{row['likeness']['text']}", error=True)
    if any(row.get("likeness", {}).get("alike", True) is None for row in rows):
        say("Labelled images like these go to --labelled.", error=True)
