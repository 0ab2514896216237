"""The commands shift and shifts."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_options, takes_data
from radapt.cli.printing import note, print_table, say, say_json
from radapt.cli.sections import DATA, OUTPUT
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.device import Hardware

DataSets = Annotated[
    list[Path], typer.Argument(metavar="DATA", help="A data set; with --estimate two: SOURCE TARGET.")
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        "--shift",
        help="The shift to apply, such as 'phone-photo@3', 'rotation(10) + noise(3)' or a .toml; see `radapt "
        "shifts`. Needed without --estimate.",
        rich_help_panel=DATA,
    ),
]
Estimate = Annotated[
    bool,
    typer.Option(
        "--estimate",
        help="Estimate the shift from the first data set to the second.",
        rich_help_panel=DATA,
    ),
]
FolderOrFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The folder to write, or with --estimate the .toml. Without it: runs/shifted, or shift.toml.",
        rich_help_panel=OUTPUT,
    ),
]
Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="A shift whose severities to list. Without it: all shifts."),
]


@takes_data(size="that of a store, else 224, or 128 with --estimate")
def shift(
    data: DataSets,
    images: DataOptions,
    preset: Preset = None,
    estimate: Estimate = False,
    out: FolderOrFile = None,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Write a data set under a shift, as images and a table; or estimate the shift between two data sets."""
    from radapt.errors import AskedWrongly
    from radapt.images.store.location import check_outside

    for folder in data:
        check_outside(
            folder, out or (Path("shift.toml") if estimate else Path("runs/shifted")), "What is written"
        )
    if len(data) != (2 if estimate else 1) or (preset is None) != estimate:
        raise AskedWrongly(
            "A shift needs one data set and a --preset; --estimate needs two, without a preset. "
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

    shift = parse_shift(resolved(preset))
    dataset = load_images(data, load_options(images, [data], size=224)[0])
    count = write_shifted(dataset, shift, out, seed=seed, device=hardware.device, watch=watcher())
    if as_json:
        say_json({"images": count, "shift": str(shift), "seed": seed, "out": str(out)})
        return
    say(f"{counted(count, 'image')} under {shift}: {out}. Drawn for each image: {out / 'shift.parquet'}")
    words = ["--images", "file", "--patient", "patient", "--split", "split", "--label", _labels(dataset)]
    named = {name: f"--{name}" for name in ("site", "age", "sex", "view")}
    for name, column in kept_columns(next(iter(dataset.splits.values()))).items():
        words += [named.get(name, "--column"), column]
    say(f"To train on them: {shlex.join(['radapt', 'train', str(out / 'images.csv'), *words])}")


def _estimate(source: Path, target: Path, images: DataOptions, out: Path, seed: int, as_json: bool) -> None:
    from radapt.files import check_new_toml
    from radapt.shift.estimate import estimate_shift, words, write_shift

    check_new_toml(out, "estimated shift")
    paths = (source, target)
    one, other = map(load_images, paths, load_options(images, paths, size=128))
    note("Estimating; this takes up to a minute.")
    estimated = estimate_shift(_largest(one), _largest(other), seed=seed)
    write_shift(out, estimated.shift, f"estimated from {one.origin.name} to {other.origin.name}")
    if as_json:
        about = {
            "before": dict(estimated.before),
            "after": dict(estimated.after),
            "split_half": estimated.split_half,
        }
        say_json({"shift": str(estimated.shift), "closed": estimated.closed, **about, "out": str(out)})
        return
    for sentence in words(estimated):
        say(sentence)
    say(f"Written: {out}. Ask for it with --shift {out}.")


def _largest(dataset: Any) -> Any:
    return max(dataset.splits.values(), key=len)


def shifts(
    name: Name = None,
    as_json: options.Json = False,
) -> None:
    """List the simulated shifts, or the severities of one."""
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
            print_table(["shift", "cause", "description"], [[key, *text] for key, text in about.items()])
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


def _labels(dataset: Any) -> str:
    return "label" if dataset.exclusive else ",".join(dataset.classes)
