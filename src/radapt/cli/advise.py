"""The command that says what to expect of adapting, before anything is spent on it."""

from pathlib import Path
from typing import Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, takes_data, wanted_by
from radapt.cli.models import open_classifier
from radapt.cli.printing import estimate_table, say, say_json
from radapt.text import counted


@takes_data(reading=False)
def advise(
    base: options.Run,
    data: options.Data,
    images: DataOptions,
    labels: Annotated[int, typer.Option("--labels", min=4, help="Images whose labels are used.")] = 32,
    source: Annotated[
        Path | None, typer.Option("--source", help="The images that RUN learned from, to compare with.")
    ] = None,
    strategies: Annotated[
        str | None, typer.Option("--strategies", help="Other ones to try, with commas.")
    ] = None,
    weights: options.InitialisedFrom = None,
    metric: Annotated[str, typer.Option("--metric", help="What the advice follows.")] = "balanced-accuracy",
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Say what adapting promises, from a hospital's train images and a handful of their labels."""
    from radapt.cli.progress import watcher
    from radapt.cli.study import parted
    from radapt.device import select_device
    from radapt.metrics.table import metric as known
    from radapt.study.advice import DEFAULT_STRATEGIES, AdviceOptions
    from radapt.study.advice import advise as ask

    known(metric)
    tried = DEFAULT_STRATEGIES if strategies is None else parted(strategies)
    classifier, hardware, watch = open_classifier(base), select_device(device, "fp32", threads), watcher()
    start = options.start_again(base, classifier.spec.model, tried, weights, watch)
    request = wanted_by(classifier, images)
    old = None if source is None else load_images(source, request)["train"]
    found = ask(
        classifier,
        load_images(data, request)["train"],
        AdviceOptions(tried, labels, seed, metric),
        hardware=hardware,
        old=old,
        weights=start,
        watch=watch,
    )
    if as_json:
        say_json(found)
        return
    if found["labels"] < labels:
        there = counted(found["unlabelled"], "labelled image")
        say(f"{labels:,} labels were asked for. There are {there}, and all were used.", error=True)
    estimate_table(found["estimates"])
    if "told_apart" in found:
        say(
            f"Source images and new are told apart with an AUROC of {found['told_apart']:.3f} (0.5: "
            f"not at all)."
        )
    say(f"From {found['labels']} labels and {found['unlabelled']:,} images. {found['recommendation']}")
