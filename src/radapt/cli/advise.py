"""The command advise."""

from pathlib import Path
from typing import Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_options_for, takes_data
from radapt.cli.models import open_classifier
from radapt.cli.printing import estimate_table, say, say_json
from radapt.cli.sections import ADAPTATION, DATA
from radapt.text import counted

Labels = Annotated[
    int,
    typer.Option("--labels", min=4, help="How many labelled images to use.", rich_help_panel=ADAPTATION),
]
SourceImages = Annotated[
    Path | None,
    typer.Option(
        "--source",
        help="The images that RUN was trained on, to measure how well they can be distinguished from DATA. "
        "Without it: not measured.",
        rich_help_panel=DATA,
    ),
]
Strategies = Annotated[
    str | None,
    typer.Option(
        "--strategies",
        help="The strategies to try, separated by commas. Without it: none, norm-refresh, recalibrate, "
        "refresh-recalibrate, linear-probe and last-k.",
        rich_help_panel=ADAPTATION,
    ),
]


@takes_data(preprocessing=False)
def advise(
    base: options.Run,
    data: options.Data,
    images: DataOptions,
    labels: Labels = 32,
    source: SourceImages = None,
    strategies: Strategies = None,
    weights: options.InitialisedFrom = None,
    metric: options.Metric = "balanced-accuracy",
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Estimate what adapting would gain, from the target's train images and a few of their labels."""
    from radapt.adaptation.table import suitable_for
    from radapt.cli.progress import watcher
    from radapt.cli.study import split_list
    from radapt.device import select_device
    from radapt.metrics.table import metric as find_metric
    from radapt.study import advice

    metric = find_metric(metric).name
    classifier, hardware, watch = open_classifier(base), select_device(device, "fp32", threads), watcher()
    spec = classifier.spec
    tried = suitable_for(spec, advice.ADVICE_STRATEGIES) if strategies is None else split_list(strategies)
    start = options.initial_weights_of_run(base, spec, tried, weights, watch)
    classes = spec.classes
    requests = load_options_for(classifier, images, [data] if source is None else [data, source])
    source_images = None if source is None else load_images(source, requests[-1], classes)["train"]
    result = advice.advise(
        classifier,
        load_images(data, requests[0], classes)["train"],
        advice.AdviceOptions(tried, labels, seed, metric),
        hardware=hardware,
        old=source_images,
        weights=start,
        watch=watch,
    )
    if as_json:
        say_json(result)
        return
    if result["labels"] < labels:
        available = counted(result["unlabelled"], "labelled image")
        say(f"{labels:,} labels were asked for. There are {available}, and all were used.", error=True)
    estimate_table(result["estimates"])
    if "domain_classifier_auroc" in result:
        say(
            f"A linear classifier distinguishes source from target images with an AUROC of "
            f"{result['domain_classifier_auroc']:.3f} (0.5: not at all)."
        )
    say(f"From {result['labels']} labels and {result['unlabelled']:,} images. {result['recommendation']}")
    say(advice.next_step(result, str(base), str(data), metric))
