"""The command adapt."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_options_for, takes_data
from radapt.cli.models import open_classifier, print_layers
from radapt.cli.printing import say, say_scores
from radapt.cli.sections import ADAPTATION, DATA
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.models.classifier import Classifier

Base = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="A run folder, Keras weights (.hdf5) of the original CNN, or hf:OWNER/NAME, a model on a hub.",
        callback=options.fetched,
    ),
]
StrategyName = Annotated[
    str,
    typer.Option(
        "--strategy",
        help="How to adapt, such as head, last-k or full; see `radapt strategies`.",
        rich_help_panel=ADAPTATION,
    ),
]
Blocks = Annotated[
    int | None,
    typer.Option(
        "--k",
        min=1,
        help="How many blocks the strategy last-k or first-k trains. Without it: 1.",
        rich_help_panel=ADAPTATION,
    ),
]
SourceImages = Annotated[
    Path | None,
    typer.Option(
        "--source",
        help="The images that RUN was trained on; only the strategies replay and coral need "
        "them. Without it: none.",
        rich_help_panel=DATA,
    ),
]
LabelledImages = Annotated[
    int | None,
    typer.Option(
        "--budget",
        min=2,
        help="How many labelled images to use. Without it: all.",
        rich_help_panel=ADAPTATION,
    ),
]


@takes_data(preprocessing=False)
def adapt(
    base: Base,
    data: options.Data,
    images: DataOptions,
    strategy: StrategyName = "head",
    k: Blocks = None,
    source: SourceImages = None,
    weights: options.InitialisedFrom = None,
    out: options.Out = Path("runs/adapt"),
    shift: options.Shift = None,
    budget: LabelledImages = None,
    epochs: options.Epochs = None,
    steps: options.Steps = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = None,
) -> None:
    """Adapt a trained model to another data set; prints which layers are trained and which are frozen."""
    from radapt.adaptation.strategy import check_source
    from radapt.adaptation.table import get_strategy
    from radapt.cli.progress import watcher
    from radapt.device import select_device
    from radapt.images.store.location import check_outside
    from radapt.runs.adapt import AdaptOptions, BaseOrigin, adapt_model
    from radapt.runs.folder import is_finished, read_record
    from radapt.shift.expression import resolved

    for folder in (data, source):
        check_outside(folder, out, "The run")
    strategy = strategy if k is None else f"{strategy}(k={k})"
    check_source(strategy, get_strategy(strategy), source is not None)
    hardware, classifier, watch = select_device(device, precision, threads), open_classifier(base), watcher()
    base_record = read_record(base) if is_finished(base) else {}
    start = options.initial_weights_of_run(base, classifier.spec, [strategy], weights, watch)
    _print_trained_layers(classifier, strategy)
    classes = classifier.spec.classes
    requests = load_options_for(classifier, images, [data] if source is None else [data, source])
    source_images = None if source is None else load_images(source, requests[-1], classes)
    record = adapt_model(
        classifier,
        load_images(data, requests[0], classes),
        out,
        AdaptOptions(strategy, shift and resolved(shift), budget, seed, epochs, steps),
        hardware=hardware,
        origin=BaseOrigin(base, base_record.get("source"), source_images, start),
        watch=watch,
    )
    labelled = counted(record["images"], "labelled image") if record["images"] else "no label"
    say(f"Adapted by {strategy} with {labelled}: {out}")
    say_scores(out)


def _print_trained_layers(classifier: "Classifier", strategy: str) -> None:
    from radapt.adaptation.table import get_strategy
    from radapt.models.parameter_info import parameter_info

    info, chosen = parameter_info(classifier), get_strategy(strategy)
    print_layers(classifier, lambda name: chosen.trains(info[name]))
