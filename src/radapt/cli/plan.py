"""The command plan."""

from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import split_commas
from radapt.cli.printing import print_table, say, say_json
from radapt.cli.sections import COMPARISON, DATA
from radapt.text import whole_number

Points = Annotated[
    str,
    typer.Option(
        "--points",
        help="The differences to detect, in percentage points, separated by commas.",
        rich_help_panel=COMPARISON,
    ),
]
Pilot = Annotated[
    Path | None,
    typer.Option(
        "--pilot",
        help="A finished study to plan from. Without it: --score and --prevalence are needed.",
        rich_help_panel=DATA,
    ),
]
Patients = Annotated[
    str | None,
    typer.Option(
        "--patients",
        help="Numbers of test patients to give the power for, separated by commas. Without it: 50 to 800.",
        rich_help_panel=DATA,
    ),
]
Prevalence = Annotated[
    float | None,
    typer.Option(
        "--prevalence",
        help="Assumed: share of the patients with the finding, such as 0.3. Without it: that of --pilot.",
        rich_help_panel=DATA,
    ),
]
Score = Annotated[
    float | None,
    typer.Option(
        "--score",
        help="Assumed: the metric without adaptation, such as 0.8. Without it: that of --pilot.",
        rich_help_panel=COMPARISON,
    ),
]
ImagesPerPatient = Annotated[
    float | None,
    typer.Option(
        "--images-per-patient",
        help="Assumed: mean number of images of a patient.  [default: 1]",
        rich_help_panel=DATA,
    ),
]
Correlation = Annotated[
    float | None,
    typer.Option(
        "--correlation",
        help="Assumed: correlation of the errors on two images of a patient.  [default: 0.5]",
        rich_help_panel=DATA,
    ),
]
ModelCorrelation = Annotated[
    float | None,
    typer.Option(
        "--model-correlation",
        help="Assumed: correlation of the errors of the two models on an image.  [default: 0.5]",
        rich_help_panel=COMPARISON,
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        "--metric",
        help="Assumed: balanced-accuracy, accuracy, sensitivity, specificity or auroc.  [default: "
        "balanced-accuracy]",
        rich_help_panel=COMPARISON,
    ),
]


def plan(
    points: Points = "5",
    pilot: Pilot = None,
    patients: Patients = None,
    prevalence: Prevalence = None,
    score: Score = None,
    images_per_patient: ImagesPerPatient = None,
    correlation: Correlation = None,
    model_correlation: ModelCorrelation = None,
    metric: Metric = None,
    as_json: options.Json = False,
) -> None:
    """Say how many test patients and labelled images show a difference, from a pilot or from assumptions."""
    from radapt.errors import AskedWrongly
    from radapt.study.sample_size import DEFAULT_PATIENTS, plan_from_assumptions, plan_from_pilot

    differences = _differences(points)
    counts = DEFAULT_PATIENTS if patients is None else _counts(patients)
    values = {
        "metric": metric,
        "score": score,
        "prevalence": prevalence,
        "images_per_patient": images_per_patient,
        "correlation": correlation,
        "model_correlation": model_correlation,
    }
    assumed = {name: value for name, value in values.items() if value is not None}
    if pilot is not None:
        if assumed:
            option = next(iter(assumed)).replace("_", "-")
            raise AskedWrongly(
                f"The pilot study gives the value of --{option}: leave --{option} or --pilot out."
            )
        result = plan_from_pilot(pilot, differences, counts)
    elif score is None or prevalence is None:
        raise AskedWrongly("Give a finished study (--pilot), or what to assume: --score and --prevalence.")
    else:
        result = plan_from_assumptions(_assumptions(assumed), differences, counts)
    say_json(result) if as_json else _print(result)


def _assumptions(assumed: dict[str, Any]) -> Any:
    from radapt.metrics.table import metric as find_metric
    from radapt.stats.power import Assumptions
    from radapt.study.comparison import PRIMARY

    return Assumptions(**{**assumed, "metric": find_metric(assumed.get("metric", PRIMARY)).name})


def _differences(text: str) -> list[float]:
    from radapt.errors import AskedWrongly

    try:
        return [float(part) / 100 for part in split_commas(text) or ()] or [float(text)]
    except ValueError:
        raise AskedWrongly(f"Points are numbers, such as 5 or 3,5,10. Got {text!r}.") from None


def _counts(text: str) -> list[int]:
    from radapt.errors import AskedWrongly

    counts = [whole_number(part) for part in split_commas(text) or ()]
    known = [count for count in counts if count is not None]
    if not known or len(known) < len(counts):
        raise AskedWrongly(f"--patients takes numbers, such as 100,200. Got {text!r}.")
    return known


def _print(result: dict[str, Any]) -> None:
    from radapt.metrics.table import metric as find_metric

    say(result["about"])
    say("")
    say(f"Power to show a difference in {find_metric(result['metric']).words}:")
    counts = {row["patients"]: row["images"] for row in result["power"]}
    power = {(row["points"], row["patients"]): row["power"] for row in result["power"]}
    print_table(
        ["points", *(f"{count:,} patients" for count in counts), "80 % power takes"],
        [
            [
                f"{row['points']:g}",
                *(f"{100 * power[row['points'], count]:.0f} %" for count in counts),
                "more training seeds"
                if row["patients"] is None
                else f"{row['patients']:,} patients ({row['images']:,} images)",
            ]
            for row in result["required"]
        ],
    )
    if result["labelled"]:
        _print_labelled(result["labelled"])


def _print_labelled(rows: list[dict[str, Any]]) -> None:
    say("")
    say("Labelled images with which the pilot's learning curves lie so far above no adaptation:")
    lines = [[row["strategy"], f"{row['points']:g}", _reach(row)] for row in rows]
    print_table(["strategy", "points", "labelled images"], lines)


def _reach(row: dict[str, Any]) -> str:
    if row["images"] is None:
        return f"not by {2 * max(row['tried']):,}"
    high = "more than was tried" if row["high"] is None else f"{row['high']:,}"
    return f"{row['images']:,} [{row['low']:,}, {high}]"
