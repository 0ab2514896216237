"""The command adapt."""

from pathlib import Path
from typing import Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, takes_data, wanted_by
from radapt.cli.models import open_classifier, print_layers
from radapt.cli.printing import say, say_scores
from radapt.text import counted


@takes_data(reading=False)
def adapt(
    base: Annotated[
        Path, typer.Argument(metavar="RUN", help="A trained model, or a Keras .hdf5 of the original CNN.")
    ],
    data: options.Data,
    images: DataOptions,
    strategy: Annotated[
        str, typer.Option("--strategy", help="How, such as head, last-k, full; see `radapt strategies`.")
    ] = "head",
    k: Annotated[int | None, typer.Option("--k", min=1, help="Blocks, of last-k and first-k.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", help="The images that RUN learned from; replay and coral go back to them."),
    ] = None,
    weights: options.InitialisedFrom = None,
    out: options.Out = Path("runs/adapt"),
    shift: options.Shift = None,
    budget: Annotated[
        int | None, typer.Option("--budget", min=2, help="Labelled images to use; all without it.")
    ] = None,
    epochs: options.Epochs = None,
    steps: options.Steps = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = None,
) -> None:
    """Adapt a trained model to another data set; says what trains and what is frozen."""
    from radapt.adapt.table import get_strategy
    from radapt.cli.progress import watcher
    from radapt.device import select_device
    from radapt.images.store.location import check_outside
    from radapt.models.parameter_info import parameter_info
    from radapt.runs.adapt import adapt_model
    from radapt.runs.folder import is_finished, read_record
    from radapt.shift.expression import resolved

    for folder in (data, source):
        check_outside(folder, out, "The run")
    strategy = strategy if k is None else f"{strategy}(k={k})"
    chosen, hardware = get_strategy(strategy), select_device(device, precision, threads)
    classifier, watch = open_classifier(base), watcher()
    record = read_record(base) if is_finished(base) else {}
    start = options.start_again(base, classifier.spec.model, [strategy], weights, watch)
    where = parameter_info(classifier)
    print_layers(classifier, lambda name: chosen.trains(where[name]))
    request = wanted_by(classifier, images)
    dataset = load_images(data, request)
    record = adapt_model(
        classifier,
        dataset,
        out,
        strategy=strategy,
        shift=shift and resolved(shift),
        budget=budget,
        seed=seed,
        epochs=epochs,
        steps=steps,
        hardware=hardware,
        source=record.get("source"),
        source_images=None if source is None else load_images(source, request),
        weights=start,
        base_run=base,
        watch=watch,
    )
    given = counted(record["images"], "labelled image") if record["images"] else "no label"
    say(f"Adapted by {strategy} with {given}: {out}")
    say_scores(out)
