"""Print the result of an evaluation: scores, subgroups, performance at a threshold, recalibration."""

from typing import Any

from radapt.cli.printing import (
    estimate_table,
    notices_of_scores,
    print_table,
    say,
    say_baselines,
    say_groups,
    say_notices,
    say_occlusion,
)
from radapt.images.notice import from_rows
from radapt.text import counted

_IDEAL = (
    "A calibration intercept of 0 and a slope of 1 are ideal. By chance, a calibrated model would have an "
    "expected calibration error of {chance:.3f} ({bins})."
)


def say_evaluation(result: dict[str, Any], name: str) -> None:
    """Print the scores and all else that was asked for, of the images of a data set or table of this name."""
    estimate_table(result["estimates"])
    say("")
    part = result["part"]
    say(
        f"On {counted(result['images'], 'image')} of {counted(result['patients'], 'patient')}: "
        f"{'all' if part == 'all' else f'the {part} images'} of {name}."
    )
    say_baselines(result)
    say_occlusion(result)
    for groups in result.get("subgroups", ()):
        say_groups(groups)
    if "recalibration" in result:
        _say_recalibration(result)
    else:
        for row in result.get("performance", ()):
            _say_performance(row)
    of_map = result.get("recalibration", {}).get("warnings", ())
    say_notices([*notices_of_scores(result), *from_rows(of_map)])


def _say_recalibration(result: dict[str, Any]) -> None:
    """Print the calibration of each finding before and after; of a multi-class model the scores after."""
    from radapt.metrics.table import metric

    after = result["recalibration"]
    say("")
    say(f"Recalibrated by {after['map']['method']}, fitted on {after['map']['fitted_on']}:")
    if not after["performance"]:
        estimate_table(after["estimates"])
    for before_row, after_row in zip(result["performance"], after["performance"], strict=True):
        head = f"{before_row['finding']}, {before_row['images']:,} images"
        print_table([head, "before", "after"], _columns(before_row, after_row))
        threshold = after_row["threshold"]
        say(f"Thresholds: {threshold['chosen_on']}. {_IDEAL.format(**after_row['expected_error'])}")
    for row in after["changes"]:
        say(f"Change in {metric(row['metric']).words}: {_interval(row)} (below 0 is better).")


def _columns(*sides: dict[str, Any]) -> list[list[str]]:
    """Return the rows of a table: the name of a measure, and its value on each side."""
    values = [
        {
            "threshold": f"{side['threshold']['value']:.3g}",
            "calibration intercept": _interval(side["calibration"]["intercept"]),
            "calibration slope": _interval(side["calibration"]["slope"]),
            "expected calibration error": f"{side['expected_error']['value']:.3f}",
            **{row["metric"]: _interval(row) for row in side["estimates"]},
        }
        for side in sides
    ]
    return [[name, *(side[name] for side in values)] for name in values[0]]


def _interval(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "not defined"
    if row["low"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _say_performance(row: dict[str, Any]) -> None:
    threshold = row["threshold"]
    say(f"{row['finding']}, positive from {threshold['value']:.3g} on ({threshold['chosen_on']}):")
    print_table(["metric", "value"], [[each["metric"], _interval(each)] for each in row["estimates"]])
    slope, error = row["calibration"]["slope"], row["expected_error"]
    if slope["value"] is not None:
        say(f"Calibration slope {slope['value']:.2f} [{slope['low']:.2f}, {slope['high']:.2f}] (1 is ideal).")
    say(
        f"Expected calibration error {error['value']:.3f} ({error['bins']}); a calibrated model would have "
        f"{error['chance']:.3f} by chance."
    )
    if row["cross_check"]:
        say(row["cross_check"])
