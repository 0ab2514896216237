"""Commands about stores: pack."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, left_out, say_what_is_left_out, takes_data, wanted
from radapt.cli.printing import say, say_json
from radapt.text import counted


@takes_data()
def pack(
    data: options.Data,
    images: DataOptions,
    out: Annotated[
        Path | None, typer.Option("--out", help="The store to write, or to bring up to date.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read the whole store and compare it with its sums.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Decode images into a store that every command takes as DATA; again, only those that have changed."""
    from radapt.cli.progress import packing
    from radapt.errors import AskedWrongly
    from radapt.images.load import packed
    from radapt.images.store.store import is_store, open_store, verify_store

    if out is None and not (verify and is_store(data)):
        raise AskedWrongly("Say where the store is to be, with --out. (--verify alone checks a store.)")
    decoded, started = [0, 0], time.perf_counter()
    store = data
    if out is not None:
        with packing(data) as progress:

            def heard(done: int, total: int) -> None:
                decoded[0] = decoded[0] or total - done
                decoded[1] = total
                progress(done, total)

            store = packed(data, wanted(images, size=128), out=out, progress=heard)
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
        "decoded": decoded[0],
        "seconds": seconds,
        "failed": [{"path": name, "error": reason} for name, reason in dataset.origin.failed],
        **left_out(dataset.origin),
        "verified": verify,
    }
    if as_json:
        say_json(about)
        return
    say_what_is_left_out(dataset)
    splits = ", ".join(f"{name} {count:,}" for name, count in about["splits"].items())
    size, mib = about["reading"]["size"], about["bytes"] / 2**20
    say(f"{store}: {counted(about['images'], 'image')} of {size} x {size} ({splits}), {mib:,.0f} MiB.")
    if about["columns"]:
        say(f"Known of each beside its label and its patient: {', '.join(about['columns'])}.")
    if decoded[0]:
        rate = f"{decoded[0] / seconds:,.0f} images/s"
        say(f"Decoded {decoded[0]:,} of {counted(decoded[1], 'file')} in {seconds:.1f} s ({rate}).")
    elif out is not None:
        say("Nothing has changed since it was packed." if not decoded[1] else "No image had to be decoded.")
    if verify:
        say("Every byte is as it was written.")
