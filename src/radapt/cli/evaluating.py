"""Commands that score a trained model: evaluate."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.films import FilmOptions, load_films, say_stamps, takes_films, wanted
from radapt.cli.model import open_classifier
from radapt.cli.printing import estimate_table, print_table, say, say_floors, say_groups, say_occlusion


@takes_films(reading=False)
def evaluate(
    run: options.Run,
    data: options.Data,
    films: FilmOptions,
    part: Annotated[str, typer.Option("--part", help="The films to score: train, val or test.")] = "test",
    shift: options.Shift = None,
    occlusion: Annotated[
        bool,
        typer.Option(
            "--occlusion", help="Score it with border, centre and corners of the films hidden, too."
        ),
    ] = False,
    threshold: Annotated[
        str | None,
        typer.Option(
            "--threshold",
            help="0.5, youden, sensitivity=0.95, specificity=0.9, cost=FN:FP: appraise it there.",
        ),
    ] = None,
    prevalence: Annotated[
        float | None, typer.Option("--prevalence", help="How common the finding is where it would be used.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", help="Score groups apart: view, sex, age, site, device, a --column; repeatable."
        ),
    ] = None,
    fewest: Annotated[
        int, typer.Option("--fewest", min=2, help="Films that a group of --by needs; half as many patients.")
    ] = 20,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
) -> None:
    """Score a trained model on a data set, with 95 % intervals drawn by patient, beside cheap classifiers."""
    from radapt.appraisal import Terms
    from radapt.device import choose
    from radapt.evaluating import evaluate_model
    from radapt.runs import is_done, read_record
    from radapt.shift.expression import resolved
    from radapt.thresholds import parse_threshold

    terms = None
    if threshold is not None or prevalence is not None:
        terms = Terms(parse_threshold(threshold or "0.5"), prevalence)
    classifier = open_classifier(run)
    record: dict[str, Any] = read_record(run) if is_done(run) else {}
    dataset = load_films(
        data, replace(wanted(films, size=classifier.spec.size), chosen=classifier.spec.reading.as_dict())
    )
    found = evaluate_model(
        classifier,
        record,
        dataset,
        split=part,
        shift=shift and resolved(shift),
        seed=seed,
        occlusion=occlusion,
        terms=terms,
        chosen_on=_validation(run),
        by=tuple(dict.fromkeys(by or ())),
        fewest=fewest,
        hardware=choose(device, "fp32"),
    )
    own = [str(stamp) for stamp in record.get("stamps", ())]  # of the films that it was trained on
    say_stamps(stamp for stamp in own if stamp not in dataset.origin.stamps)
    if as_json:
        stamps = list(dict.fromkeys([*own, *dataset.origin.stamps]))
        say(json.dumps({**found, "stamps": stamps}, indent=2))
        return
    estimate_table(found["estimates"])
    say_floors(found)
    say_occlusion(found)
    for groups in found.get("subgroups", ()):
        say_groups(groups)
    for row in found.get("appraisal", ()):
        _say_appraisal(row)


def _validation(run: Path) -> Any:
    """Read the run's answers for its validation films, if it kept some."""
    from radapt.predictions import Predictions
    from radapt.runs import VALIDATION

    path = run / "predictions" / f"{VALIDATION}.parquet"
    return Predictions.load(path) if path.is_file() else None


def _say_appraisal(row: dict[str, Any]) -> None:
    at = row["threshold"]
    say(f"{row['finding']}, called from {at['value']:.3g} on ({at['chosen_on']}):")
    print_table(
        ["metric", "value"],
        [
            [one["metric"], "not defined"]
            if one["value"] is None
            else [one["metric"], f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"]
            for one in row["estimates"]
        ],
    )
    slope, error = row["calibration"]["slope"], row["expected_error"]
    if slope["value"] is not None:
        say(f"Calibration slope {slope['value']:.2f} [{slope['low']:.2f}, {slope['high']:.2f}] (1 is right).")
    say(
        f"Expected calibration error {error['value']:.3f} ({error['bins']}; {error['chance']:.3f} by chance)."
    )
    if row["cross_check"]:
        say(row["cross_check"])
