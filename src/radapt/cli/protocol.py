"""Commands about a study's protocol: protocol init."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, as_words, listed, load_images, takes_data, wanted
from radapt.cli.printing import say

if TYPE_CHECKING:
    from radapt.study.protocol import Protocol


@takes_data()
def init(
    data: options.Data,
    images: DataOptions,
    out: Annotated[Path, typer.Option("--out", help="The file to write; none is written over.")] = Path(
        "protocol.toml"
    ),
    shift: options.Shift = None,
    target: Annotated[
        Path | None, typer.Option("--target", help="The images of the second hospital.")
    ] = None,
    model: options.Model = "compact",
    pretrained: options.Pretrained = False,
    weights: options.Weights = None,
    strategies: Annotated[
        str | None,
        typer.Option("--strategies", help="All that are compared, with commas; without it the usual."),
    ] = None,
    strategy: Annotated[
        str, typer.Option("--strategy", help="The one that something is claimed of.")
    ] = "head",
    budget: Annotated[
        str | None,
        typer.Option("--budget", help="Its labelled target images: a number (usually 64), all, or val."),
    ] = None,
    metric: Annotated[
        str, typer.Option("--metric", help="auroc, accuracy, and others: what it is judged by.")
    ] = "auroc",
    superiority: Annotated[
        float, typer.Option("--superiority", help="By more than this it is better on the target images.")
    ] = 0.0,
    non_inferiority: Annotated[
        float, typer.Option("--non-inferiority", help="By less than this it is worse on the source images.")
    ] = 0.02,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many times each model is trained.")] = 3,
    seed: options.Seed = 0,
) -> None:
    """Write down what a study is to show, before it reads a test label."""
    from radapt.adapt.table import get_strategy
    from radapt.cli.progress import watcher
    from radapt.errors import AskedWrongly
    from radapt.models.table import default_size
    from radapt.provenance import now
    from radapt.shift.expression import resolved
    from radapt.study.plan import Plan
    from radapt.study.protocol import NO_LABELS, Protocol, check_free, of_images, write_protocol

    if (shift is None) == (target is None):
        raise AskedWrongly("A protocol needs a second hospital: give either --shift NAME or --target DIR.")
    check_free(out)
    usual = "64" if get_strategy(strategy).needs == "labelled" else NO_LABELS
    compared = listed(strategies) or tuple(dict.fromkeys((*Plan(shift=None).strategies, strategy)))
    start = options.start_of(model, pretrained, weights, watcher())
    asked = Protocol(  # what is wrong is said before any image is read
        created=now().isoformat(timespec="seconds"),
        source=data.name,
        source_fingerprint="",
        target=None if target is None else target.name,
        target_fingerprint=None if target is None else "",
        shift=shift and resolved(shift),
        model=model,
        weights=None if start is None else start.name,
        strategies=compared,
        strategy=strategy,
        budget=usual if budget is None else budget.strip(),
        metric=metric,
        superiority_margin=superiority,
        noninferiority_margin=non_inferiority,
        seeds=seeds,
        seed=seed,
    )
    request = wanted(images, size=default_size(model))
    source = load_images(data, request)
    protocol = of_images(asked, source, None if target is None else load_images(target, request))
    write_protocol(out, protocol)
    _say(protocol, out)
    words = ["radapt", "study", str(data), *(["--target", str(target)] if target else [])]
    words += ["--weights", str(weights)] if weights else ["--pretrained"] if pretrained else []
    say(f"Next: {shlex.join([*words, '--protocol', str(out), *as_words(images)])}")


def _say(protocol: "Protocol", out: Path) -> None:
    from radapt.study.protocol import digest

    for name, value in protocol.as_dict().items():
        if value is not None:
            say(f"{name:<21} {', '.join(value) if isinstance(value, list) else value}")
    say(f"Written: {out}, digest {digest(protocol)[:12]}. Change it as you like until a study was given it.")
