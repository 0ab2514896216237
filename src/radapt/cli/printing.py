"""Printing to standard output and standard error."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from radapt.artefacts import SCHEMA, SCORES
from radapt.images.notice import Notice, from_rows, in_order
from radapt.text import counted, visible

if TYPE_CHECKING:
    from radapt.images.imageset import DataProvenance


class Detail(IntEnum):
    """How much a command prints."""

    QUIET = 0  # results, warnings and errors
    NORMAL = 1  # progress too, a line a task
    VERBOSE = 2  # a line a part of a task too


@dataclass(slots=True)
class Settings:
    """What `--quiet`, `--verbose` and `--log` say, for the whole process."""

    detail: Detail = Detail.NORMAL
    log: TextIO | None = None


settings = Settings()


@contextmanager
def printing(*, quiet: bool, verbose: bool, log: Path | None) -> Iterator[None]:
    """Print more or less during the block, and append what is printed to a file.

    Raises
    ------
    AskedWrongly
        If the command is to be quiet and verbose, or the file cannot be written.
    """
    from radapt.errors import AskedWrongly

    if quiet and verbose:
        raise AskedWrongly("A command is either --quiet or --verbose. Leave one out.")
    before = settings.detail
    try:
        file = None if log is None else log.open("a", encoding="utf-8")
    except OSError as error:
        raise AskedWrongly(f"--log {log} cannot be written: {error.strerror}. Give another file.") from None
    try:
        settings.detail = Detail.QUIET if quiet else Detail.VERBOSE if verbose else before
        settings.log = file
        yield
    finally:
        settings.detail, settings.log = before, None
        if file is not None:
            file.close()


def write_log(text: str) -> None:
    """Append a line with the time to the log, if there is one."""
    if settings.log is not None:
        print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {text}", file=settings.log, flush=True)


FEW_MODELS = 3  # whose scores stand side by side, with a line for each metric


def say(text: str, *, error: bool = False) -> None:
    """Print a line, with control characters escaped."""
    print(visible(text), file=sys.stderr if error else sys.stdout)
    write_log(visible(text))


def note(text: str) -> None:
    """Print a line about the work on standard error, unless the command is to be quiet."""
    if settings.detail > Detail.QUIET:
        say(text, error=True)


def say_notices(notices: Iterable[Notice]) -> None:
    """Print notices, the most harmful first: severity, title and text."""
    for notice in in_order(notices):
        say(f"{notice.severity.upper()}: {notice.title} {notice.text}", error=True)


def notices_of_scores(result: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Return the notices about the scores in a result, and about what occlusion showed."""
    return from_rows([*result["warnings"], *result.get("occlusion_warnings", ())])


def say_json(value: Mapping[str, Any]) -> None:
    """Print a document of strict JSON, in which undefined numbers (NaN, infinite) are null."""
    document = _defined({"schema": SCHEMA, **value})
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, numbers to the right; on a terminal with a bold head."""
    if not rows:
        return
    lines = [[visible(cell) for cell in row] for row in [head, *rows]]
    if sys.stdout.isatty() and settings.log is None:
        _print_rich_table(lines)
        return
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    numeric = [all(_is_number(row[column]) for row in rows) for column in range(len(head))]
    for line in lines:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        say("  ".join(cells).rstrip())


def _print_rich_table(lines: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    head, *rows = lines
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column, name in enumerate(head):
        right = all(_is_number(row[column]) for row in rows)
        table.add_column(Text(name), justify="right" if right else "left", no_wrap=column < 2)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def estimate_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print estimates: of a few models a line for each metric, of more a line for each model."""
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    models: dict[tuple[str, int, str], dict[str, str]] = {}
    for row in rows:
        key = (row["strategy"], row["budget"], row["domain"])
        models.setdefault(key, {})[row["metric"]] = interval_words(row)
    if len(models) <= FEW_MODELS:
        lines = [[metric, *(cells.get(metric, "") for cells in models.values())] for metric in metrics]
        print_table(["metric", *_columns(list(models))], lines)
        return
    print_table(
        ["strategy", "labels", "tested on", *metrics],
        [
            [strategy, str(budget), domain, *(cells.get(metric, "") for metric in metrics)]
            for (strategy, budget, domain), cells in models.items()
        ],
    )


def _columns(models: Sequence[tuple[str, int, str]]) -> list[str]:
    """Name each model by what differs between them: its strategy and labels, and the images of its test."""
    if len(models) == 1:
        return ["score"]
    strategies, domains = ({model[place] for model in models} for place in (0, 2))
    columns = []
    for strategy, budget, domain in models:
        name = f"{strategy}, {counted(budget, 'label')}" if budget else strategy
        parts = [name if len(strategies) > 1 else "", domain if len(domains) > 1 else ""]
        columns.append(", ".join(filter(None, parts)))
    return columns


def say_baselines(result: Mapping[str, Any]) -> None:
    """Print the scores of the shortcut baselines."""
    rows = [
        [row["name"], f"{row['auroc']:.3f} [{row['low']:.3f}, {row['high']:.3f}]", row["about"]]
        for row in result["baselines"]
    ]
    if rows:
        say("")
        say("Shortcut baselines, which do not look at the lungs:")
        print_table(["input", "AUROC", "features of a logistic regression"], rows)


def say_occlusion(result: Mapping[str, Any]) -> None:
    """Print a model's scores with parts of the images hidden, if they were measured."""
    if "occlusion" not in result:
        return
    masks: dict[str, list[str]] = {}
    for row in result["occlusion"]:
        masks.setdefault(row["mask"], [row["mask"]]).extend(
            [interval_words(row), interval_words(row["change"])]
        )
    say("")
    say("With parts of the images hidden:")
    metrics = dict.fromkeys(row["metric"] for row in result["occlusion"])
    print_table(["visible", *(each for name in metrics for each in (name, "change"))], list(masks.values()))
    if any(row["value"] is None for row in result["occlusion"]):
        say("An AUROC is not defined without images of two classes, or with and without the finding.")
    if result["corner_permutation"]:
        _say_corners(result["corner_permutation"])


def _say_corners(rows: Sequence[Mapping[str, Any]]) -> None:
    say("")
    say("With one corner taken from an image of another class:")
    lines = [[row["corner"], interval_words(row)] for row in rows]
    print_table(["corner", "share of the full effect"], lines)
    for reason in dict.fromkeys(row["method"] for row in rows if row["value"] is None):
        say(f"A share is {reason}.")


def say_groups(result: Mapping[str, Any]) -> None:
    """Print the scores of the groups of a column, their gaps, and the groups that are too small."""
    say("")
    say(f"By {result['column']}:")
    metrics = list(dict.fromkeys(row["metric"] for each in result["groups"] for row in each["estimates"]))
    rows = [
        [each["group"], str(each["images"]), str(each["patients"]), *map(interval_words, each["estimates"])]
        for each in result["groups"]
    ]
    print_table(["group", "images", "patients", *metrics], rows)
    for gap in result["gaps"]:
        say(
            f"{gap['metric']}: {gap['best']} above {gap['worst']} by {gap['value']:.3f} "
            f"[{gap['low']:.3f}, {gap['high']:.3f}]"
        )
    say_too_small(result["too_small"])


def say_subgroups(subgroups: Sequence[Mapping[str, Any]]) -> None:
    """Print the scores of each strategy of a study for the groups of its columns, and those too small."""
    for column in dict.fromkeys(row["column"] for row in subgroups):
        rows = [row for row in subgroups if row["column"] == column]
        say("")
        say(f"Target images by {column}:")
        lines = [
            [
                *(str(group[name]) for name in ("group", "images", "patients")),
                *(row["strategy"], str(row["budget"])),
                *map(interval_words, group["estimates"]),
            ]
            for groups in zip(*(row["groups"] for row in rows), strict=True)
            for row, group in zip(rows, groups, strict=True)
        ]
        if lines:
            metrics = [each["metric"] for each in rows[0]["groups"][0]["estimates"]]
            print_table(["group", "images", "patients", "strategy", "labels", *metrics], lines)
        say_too_small(rows[0]["too_small"])


def say_too_small(groups: Sequence[Mapping[str, Any]]) -> None:
    """Print the groups that are too small to be scored."""
    for each in groups:
        size = f"{each['images']} images, {each['patients']} patients"
        say(f"too small: {each['group']} ({size}): {each['reason']}")


def left_out_counts(origin: "DataProvenance") -> dict[str, Any]:
    """Return the counts that `radapt.cli.data_options.say_passed` prints, for JSON."""
    return {
        "rows": origin.rows,
        "passed": dict(origin.passed),
        "left_out": dict(origin.left_out),
        "uncertain": dict(origin.uncertain),
        "outside": origin.outside,
    }


def interval_words(row: Mapping[str, Any]) -> str:
    """Write an estimate as JSON has it: `0.912 [0.884, 0.936]`."""
    from radapt.stats.estimate import Estimate

    return str(Estimate.from_dict({name: row[name] for name in ("value", "low", "high", "n", "patients")}))


def _defined(value: Any) -> Any:
    """Return a value for JSON, with None in place of NaN and infinite numbers."""
    if isinstance(value, dict):
        return {name: _defined(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_defined(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdecimal() or not cell


def _say_changes(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what adapting changed, a line for each metric."""
    from radapt.metrics.table import metric as find_metric
    from radapt.stats.estimate import points

    if rows:
        say("")
        say("After adapting less before it, on the same test images, of this training run:")
    for row in rows:
        if row["value"] is not None:
            change = points(row["value"], row["low"], row["high"])
            say(f"  {find_metric(row['metric']).words}: {change}")


def _say_tested_on(out: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print on which images a run was scored, and at which threshold."""
    from radapt.artefacts import RECORD
    from radapt.files import read_document

    name = read_document(out / RECORD)["data_set"]["name"]
    whole = next((row for row in rows if row["metric"] == "accuracy"), rows[0])
    images, patients = counted(whole["n"], "test image"), counted(whole["patients"], "patient")
    say(f"On {images} of {patients} of {name}, at a threshold of 0.5:")


def say_scores(out: Path) -> None:
    """Print the scores of a run folder, and the notices about them."""
    from radapt.files import read_document

    scores = read_document(out / SCORES)
    _say_tested_on(out, scores["estimates"])
    estimate_table(scores["estimates"])
    _say_changes(scores.get("changes", ()))
    say_baselines(scores)
    say_notices(notices_of_scores(scores))
