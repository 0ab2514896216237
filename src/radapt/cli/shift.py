"""Commands about shifts: shift, stress, shifts."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, takes_data, wanted, wanted_by
from radapt.cli.printing import print_table, say, say_json
from radapt.text import counted, whole_number

if TYPE_CHECKING:
    from radapt.device import Hardware

Severities = Annotated[
    str | None, typer.Option("--severities", help="Of 1 to 5, with commas; all without it.")
]


@takes_data()
def shift(
    data: Annotated[
        list[Path], typer.Argument(metavar="DATA", help="A data set; with --estimate two: SOURCE TARGET.")
    ],
    images: DataOptions,
    preset: Annotated[
        str | None,
        typer.Option("--preset", "--shift", help="As in 'phone-photo@3', 'rotation(10) + noise(3)', x.toml."),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Estimate the shift from the first data set to the second.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder to write; with --estimate the .toml, not there yet."),
    ] = None,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Write what a shift makes of a data set, as images and a table; or estimate the shift between two."""
    from radapt.errors import AskedWrongly
    from radapt.images.store.location import check_outside

    for folder in data:
        check_outside(
            folder, out or (Path("shift.toml") if estimate else Path("runs/shifted")), "What is written"
        )
    if len(data) != (2 if estimate else 1) or (preset is None) != estimate:
        raise AskedWrongly(
            "A shift is of one data set and has a --preset; --estimate is of two, without a preset. "
            f"Got {counted(len(data), 'data set')}{'' if preset is None else ' and a preset'}."
        )
    if estimate:
        _estimate(data[0], data[1], images, out or Path("shift.toml"), seed, as_json)
    else:
        from radapt.device import select_device

        hardware = select_device(device, "fp32", threads)
        _write(data[0], images, str(preset), out or Path("runs/shifted"), seed, hardware, as_json)


def _write(
    data: Path, images: DataOptions, preset: str, out: Path, seed: int, hardware: "Hardware", as_json: bool
) -> None:
    from radapt.cli.progress import watcher
    from radapt.shift.export import kept_columns, write_shifted
    from radapt.shift.expression import parse_shift, resolved

    asked = parse_shift(resolved(preset))
    dataset = load_images(data, wanted(images, size=224))
    count = write_shifted(dataset, asked, out, seed=seed, device=hardware.device, watch=watcher())
    if as_json:
        say_json({"images": count, "shift": str(asked), "seed": seed, "out": str(out)})
        return
    say(f"{counted(count, 'image')} under {asked}: {out}. What each one got: {out / 'shift.parquet'}")
    words = ["--images", "file", "--patient", "patient", "--split", "split", "--label", _labels(dataset)]
    named = {name: f"--{name}" for name in ("site", "age", "sex", "view")}
    for name, column in kept_columns(next(iter(dataset.splits.values()))).items():
        words += [named.get(name, "--column"), column]
    say(f"To train on them: {shlex.join(['radapt', 'train', str(out / 'images.csv'), *words])}")


def _estimate(source: Path, target: Path, images: DataOptions, out: Path, seed: int, as_json: bool) -> None:
    from radapt.errors import AskedWrongly
    from radapt.shift.estimate import estimate_shift, words, write_shift

    if out.suffix.lower() != ".toml":
        raise AskedWrongly(
            f"The estimated shift is written as TOML: give --out a name that ends in .toml. Got {out}."
        )
    if out.exists():
        raise AskedWrongly(f"There is already something at {out}. Give --out a name that is not there yet.")
    request = wanted(images, size=128)
    one, other = (load_images(data, request) for data in (source, target))
    say("Estimating; this takes up to a minute.", error=True)
    found = estimate_shift(_largest(one), _largest(other), seed=seed)
    write_shift(out, found.shift, f"estimated from {one.origin.name} to {other.origin.name}")
    if as_json:
        about = {"before": dict(found.before), "after": dict(found.after), "split_half": found.split_half}
        say_json({"shift": str(found.shift), "closed": found.closed, **about, "out": str(out)})
        return
    for sentence in words(found):
        say(sentence)
    say(f"Written: {out}. Ask for it with --shift {out}.")


def _largest(dataset: Any) -> Any:
    return max(dataset.splits.values(), key=len)


@takes_data(reading=False)
def stress(
    run: options.Run,
    data: options.Data,
    images: DataOptions,
    suite: Annotated[
        str, typer.Option("--suite", help="all, medmnist-c, chexphoto, or names of shifts with commas.")
    ] = "all",
    severities: Severities = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            help="The images to score: train, val, test, all; else test, or all of what has no splits.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to write; in the run's own without it.")
    ] = None,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Score a model under every shift of a suite, and rank what hurts."""
    from radapt.cli.evaluate import say_learned, scored_part
    from radapt.cli.models import open_classifier
    from radapt.cli.progress import watcher
    from radapt.device import select_device
    from radapt.evaluation.stress import shifts_of, stress_model
    from radapt.images.store.location import check_outside
    from radapt.report.render import write_report
    from radapt.runs.folder import is_finished

    check_outside(data, out, "The stress test")
    levels = levels_of(severities)
    shifts_of(suite, levels)
    classifier, hardware = open_classifier(run), select_device(device, "fp32", threads)
    request = wanted_by(classifier, images)
    dataset = load_images(data, request)
    part = scored_part(dataset, part, run)
    dataset = dataset.with_all() if part == "all" else dataset
    seen = dataset[part]
    known = say_learned(dataset, part, run)
    result = stress_model(
        classifier,
        seen,
        out or run / f"stress-{suite.replace(',', '-')}",
        suite=suite,
        severities=levels,
        seed=seed,
        about={"data": dataset.origin.name, "part": part},
        hardware=hardware,
        watch=watcher(),
    )
    if as_json:
        counts = {"images": len(seen), "patients": len(set(seen.patients.tolist()))}
        say_json({**result, **counts, **known})
        return
    _print(result)
    if out is None and is_finished(run):
        say(f"Report: {write_report(run)}")


def shifts(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A shift to lay out.")] = None,
    as_json: options.Json = False,
) -> None:
    """List the shifts there are, or the severities of one."""
    from radapt.shift.chain import written
    from radapt.shift.expression import at, names
    from radapt.shift.original import OriginalShift
    from radapt.shift.presets import about_shifts
    from radapt.shift.table import SEVERITIES

    about = about_shifts()
    if name is None:
        if as_json:
            say_json({"shifts": {key: text for key, (_, text) in about.items()}})
        else:
            print_table(["shift", "cause", "what it is"], [[key, *text] for key, text in about.items()])
        return
    if name not in names():
        from radapt.errors import UnknownName
        from radapt.shift.table import CORRUPTIONS

        if name in CORRUPTIONS and not as_json:
            say(f"A cause of published suites, with its options: {written(CORRUPTIONS[name]())}")
            return
        raise UnknownName("shift", name, names())
    if name == OriginalShift.name:
        rows = [[name, written(OriginalShift())]]
    else:
        rows = [[f"{name}@{severity}", str(at(name, severity))] for severity in SEVERITIES]
    if as_json:
        say_json({"name": name, "about": about[name][1], "severities": dict(rows)})
    else:
        say(about[name][1])
        print_table(["severity", "is"], rows)


def levels_of(text: str | None) -> tuple[int, ...]:
    """Read severities as they are asked for."""
    from radapt.errors import AskedWrongly
    from radapt.shift.table import SEVERITIES

    if text is None:
        return SEVERITIES
    asked = {whole_number(part) for part in text.split(",")}
    if not asked <= set(SEVERITIES):
        raise AskedWrongly(f"Severities are of 1 to 5, with commas between. Got {text!r}.")
    return tuple(severity for severity in SEVERITIES if severity in asked)


def _labels(dataset: Any) -> str:
    return "label" if dataset.exclusive else ",".join(dataset.classes)


def _print(result: dict[str, Any]) -> None:
    clean = ", ".join(f"{row['metric']} {_level(row['value'])}" for row in result["clean"])
    say(f"As they are: {clean}.")
    severities = sorted({row["severity"] for row in result["cells"]})
    cells = {(row["shift"], row["severity"]): row for row in result["cells"] if row["metric"] == "accuracy"}
    rows = []
    for ranked in result["ranking"]:
        name, from_on = ranked["shift"], ranked["hurts_from"]
        drops = [_points(cells.get((name, severity))) for severity in severities]
        rows.append([name, *drops, _harm(from_on)])
    print_table(
        ["change of accuracy", *(f"@{severity}" if severity else "" for severity in severities), ""], rows
    )


def _level(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _harm(from_on: int | None) -> str:
    return "no harm shown" if from_on is None else f"hurts from {from_on}" if from_on else "hurts"


def _points(row: dict[str, Any] | None) -> str:
    return "" if row is None or row["drop"]["value"] is None else f"{100 * row['drop']['value']:+.1f}"
