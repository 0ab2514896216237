"""The command pack."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import (
    DataOptions,
    load_options,
    say_what_is_left_out,
    takes_data,
)
from radapt.cli.printing import left_out_counts, say, say_json
from radapt.cli.sections import OUTPUT
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.images.load_options import LoadOptions

Store = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The store to write, or to bring up to date. Only --verify of a store does without it.",
        rich_help_panel=OUTPUT,
    ),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify", help="Read the whole store and compare it with its checksums.", rich_help_panel=OUTPUT
    ),
]


@takes_data(size="that of a store, else 128")
def pack(
    data: options.Data,
    images: DataOptions,
    out: Store = None,
    verify: Verify = False,
    as_json: options.Json = False,
) -> None:
    """Decode images into a store that every command takes as DATA; later, only those that have changed."""
    from radapt.errors import AskedWrongly
    from radapt.images.store.store import is_store, open_store, verify_store

    if out is None and not (verify and is_store(data)):
        raise AskedWrongly("Name the store to write with --out. (--verify alone checks a store.)")
    started, store, decoded, files = time.perf_counter(), data, 0, 0
    if out is not None:
        store, decoded, files = _pack(data, load_options(images, [data], size=128)[0], out)
    seconds = time.perf_counter() - started
    if verify:
        verify_store(store)
    dataset = open_store(store)
    about: dict[str, Any] = {
        "store": str(store),
        "images": sum(map(len, dataset.splits.values())),
        "splits": {name: len(part) for name, part in dataset.splits.items()},
        "columns": list(next(iter(dataset.splits.values())).columns),
        "reading": dataset.origin.reading.as_dict(),
        "bytes": sum(file.stat().st_size for file in store.iterdir()),
        "decoded": decoded,
        "seconds": seconds,
        "failed": [{"path": name, "error": reason} for name, reason in dataset.origin.failed],
        **left_out_counts(dataset.origin),
        "verified": verify,
    }
    if as_json:
        say_json(about)
        return
    say_what_is_left_out(dataset)
    _print(about, files, is_packed=out is not None)


def _pack(data: Path, request: "LoadOptions", out: Path) -> tuple[Path, int, int]:
    """Pack images into a store; return its path, how many files were decoded, and of how many."""
    from radapt.cli.progress import Reading
    from radapt.images.load import packed

    reading = Reading(data)
    store = packed(data, request, out=out, watch=reading)
    return store, reading.total - max(reading.before, 0), reading.total


def _print(about: dict[str, Any], files: int, *, is_packed: bool) -> None:
    splits = ", ".join(f"{name} {count:,}" for name, count in about["splits"].items())
    size, mib = about["reading"]["size"], about["bytes"] / 2**20
    images = counted(about["images"], "image")
    say(f"{about['store']}: {images} of {size} x {size} ({splits}), {mib:,.0f} MiB.")
    if about["columns"]:
        say(f"Columns besides the label and the patient: {', '.join(about['columns'])}.")
    if about["decoded"]:
        decoded, seconds = about["decoded"], about["seconds"]
        rate = f"{decoded / seconds:,.0f} images/s"
        say(f"Decoded {decoded:,} of {counted(files, 'file')} in {seconds:.1f} s ({rate}).")
    elif is_packed:
        say("Nothing has changed since it was packed." if not files else "No image had to be decoded.")
    if about["verified"]:
        say("All files match their checksums.")
