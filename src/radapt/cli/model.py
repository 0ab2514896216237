"""Commands about one model: train, adapt, predict, models, strategies."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.films import FilmOptions, load_films, takes_films, wanted, wanted_by
from radapt.cli.printing import estimate_table, print_table, say, say_floors, say_json
from radapt.counting import counted, passed_over, whole_number


@takes_films()
def train(
    data: options.Data,
    films: FilmOptions,
    out: options.Out = Path("runs/train"),
    model: options.Model = "compact",
    epochs: options.Epochs = None,
    steps: options.Steps = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=2)] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate")] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Weigh rare classes up.")] = False,
    augment: Annotated[str | None, typer.Option("--augment", help="none, mild, or a shift.")] = None,
    monitor: Annotated[str | None, typer.Option("--monitor", help="auroc, accuracy or loss.")] = None,
    pretrained: options.Pretrained = False,
    weights: options.Weights = None,
    fold: Annotated[
        str | None,
        typer.Option("--fold", help="As in 2/5: leave fold 2 of 5 of the train films out, score it."),
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = None,
) -> None:
    """Train a model on a data set, and score it on its test films."""
    from radapt.cli.progress import watcher
    from radapt.device import choose
    from radapt.domains import val_of_training
    from radapt.images.places import check_outside
    from radapt.jobs import train_model
    from radapt.models.table import check_model, default_size
    from radapt.recipe import recipe_for
    from radapt.shift.augment import parse_augmentation
    from radapt.shift.expression import resolved

    check_model(model)
    check_outside(data, out, "The run")
    asked: dict[str, Any] = {
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "balance": balance or None,
        "augment": augment and resolved(augment),
        "monitor": monitor,
    }
    recipe = replace(recipe_for(model), **{key: value for key, value in asked.items() if value is not None})
    parse_augmentation(recipe.augment)
    hardware, watch = choose(device, precision, threads), watcher()
    start = options.start_of(model, pretrained, weights, watch)
    dataset = load_films(data, wanted(films, size=default_size(model)))
    if unused := val_of_training(dataset):
        say(unused, error=True)
    record = train_model(
        dataset,
        out,
        model=model,
        recipe=recipe,
        seed=seed,
        hardware=hardware,
        weights=start,
        fold=_fold(fold),
        watch=watch,
    )
    took = f"{counted(record['trained_on'], 'film')} in {counted(record['epochs'], 'epoch')}"
    say(f"Trained {model} on {took}: {out}")
    _say_scores(out)


@takes_films(reading=False)
def adapt(
    base: Annotated[
        Path, typer.Argument(metavar="RUN", help="A trained model, or a Keras .hdf5 of the seed's CNN.")
    ],
    data: options.Data,
    films: FilmOptions,
    strategy: Annotated[
        str, typer.Option("--strategy", help="How, such as head, last-k, full; see `radapt strategies`.")
    ] = "head",
    k: Annotated[int | None, typer.Option("--k", min=1, help="Blocks, of last-k and first-k.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", help="The films that RUN learned from; replay and coral go back to them."),
    ] = None,
    weights: options.BegunFrom = None,
    out: options.Out = Path("runs/adapt"),
    shift: options.Shift = None,
    budget: Annotated[
        int | None, typer.Option("--budget", min=2, help="Labelled films to use; all without it.")
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
    from radapt.device import choose
    from radapt.images.places import check_outside
    from radapt.jobs import adapt_model
    from radapt.models.places import places
    from radapt.runs import is_done, read_record
    from radapt.shift.expression import resolved

    for folder in (data, source):
        check_outside(folder, out, "The run")
    strategy = strategy if k is None else f"{strategy}(k={k})"
    chosen, hardware = get_strategy(strategy), choose(device, precision, threads)
    classifier, watch = open_classifier(base), watcher()
    record = read_record(base) if is_done(base) else {}
    start = options.start_again(base, classifier.spec.model, [strategy], weights, watch)
    where = places(classifier)
    print_layers(classifier, lambda name: chosen.trains(where[name]))
    request = wanted_by(classifier, films)
    dataset = load_films(data, request)
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
        old_films=None if source is None else load_films(source, request),
        weights=start,
        base_run=base,
        watch=watch,
    )
    given = counted(record["films"], "labelled film") if record["films"] else "no label"
    say(f"Adapted by {strategy} with {given}: {out}")
    _say_scores(out)


def predict(
    run: options.Run,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR...", help="Films, or folders of films.")],
    as_json: options.Json = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Score single films; what cannot be read is named, the rest go on. Exits with 1 if nothing was read."""
    from radapt.device import choose
    from radapt.models.scoring import score_files

    result = score_files(open_classifier(run), files, choose(device, "fp32", threads))
    if as_json:
        say_json(result)
    else:
        classes = list(result["images"][0]["scores"]) if result["images"] else []
        doubted = any("doubt" in image for image in result["images"])
        rows = [
            [
                image["path"],
                image["label"],
                *(f"{image['scores'][name]:.3f}" for name in classes),
                *([image.get("doubt", "")] * doubted),
            ]
            for image in result["images"]
        ]
        print_table(["film", "called", *classes, *["DOUBTFUL"] * doubted], rows)
        for failed in result["failed"]:
            say(f"not read: {failed['path']} {failed['error']}")
        if result["passed"]:
            say(f"Passed over: {passed_over(result['passed'])}.")
        total = len(result["images"]) + len(result["failed"])
        say(f"{len(result['images'])} of {counted(total, 'film')} {'was' if total == 1 else 'were'} read.")
    if not result["images"]:
        raise typer.Exit(1)


def models(
    run: Annotated[Path | None, typer.Argument(metavar="[RUN]", help="A trained model to lay out.")] = None,
    as_json: options.Json = False,
) -> None:
    """List the models there are, or the layers of a trained one."""
    if run is None:
        from radapt.models.table import MODELS

        about = {name: kind.about for name, kind in MODELS.items()}
        about["timm:NAME"] = "any image network of timm, with one grey channel, such as timm:resnet18"
        if as_json:
            say_json({"models": about})
        else:
            print_table(["model", "what it is"], [[name, text] for name, text in about.items()])
        return
    classifier = open_classifier(run)
    if as_json:
        from dataclasses import asdict

        from radapt.models.layers import layers

        rows = [asdict(layer) for layer in layers(classifier)]
        say_json({"spec": classifier.spec.as_dict(), "blocks": classifier.blocks, "layers": rows})
    else:
        print_layers(classifier, lambda _: True)
        say(f"Blocks from the input side on: {', '.join(classifier.blocks)}; then the head.")


def strategies(as_json: options.Json = False) -> None:
    """List the ways to adapt a model, what each needs, and its options."""
    from radapt.adapt.table import STRATEGIES, options_of

    if as_json:
        listed = [
            {
                "name": name,
                "needs": each.needs,
                "source": each.source,
                "about": each.about,
                **options_of(each),
            }
            for name, each in STRATEGIES.items()
        ]
        say_json({"strategies": listed})
        return
    rows = []
    for name, each in STRATEGIES.items():
        needs = {"nothing": "nothing", "unlabelled": "films", "labelled": "labels"}[each.needs]
        own = ", ".join(f"{option}={value:g}" for option, value in options_of(each).items())
        rows.append([name, f"{needs}, old films" if each.source else needs, each.about, own])
    print_table(["strategy", "needs", "what it does", "options"], rows)


def _fold(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    which, _, folds = text.partition("/")
    fold, of = whole_number(which), whole_number(folds)
    if fold is None or of is None:
        from radapt.errors import AskedWrongly

        raise AskedWrongly(f"A fold is written as in 2/5, the second of five. Got {text!r}.")
    return fold, of


def open_classifier(path: Path) -> Any:
    """Open a run folder, or a file of Keras weights of the seed's CNN."""
    if path.suffix in (".hdf5", ".h5", ".keras"):
        from radapt.models.keras import load_keras

        return load_keras(path)
    from radapt.models.checkpoint import load_classifier

    return load_classifier(path)


def print_layers(classifier: Any, trains: Any) -> None:
    """Print a model's layers with their shapes, parameters and whether they train."""
    from radapt.models.layers import layers

    found = layers(classifier, trains)
    rows = [
        [
            layer.name,
            layer.kind,
            " x ".join(map(str, layer.shape)),
            f"{layer.parameters:,}" if layer.parameters else "",
            ("trains" if layer.trains else "frozen") if layer.parameters else "",
        ]
        for layer in found
    ]
    print_table(["layer", "kind", "gives", "parameters", ""], rows)
    total = sum(tensor.numel() for tensor in classifier.parameters())
    training = sum(tensor.numel() for name, tensor in classifier.named_parameters() if trains(name))
    statistics = sum(layer.statistics for layer in found)
    say(f"{total:,} parameters, of which {training:,} train, and {statistics:,} statistics.")


def _say_scores(out: Path) -> None:
    from radapt.files import read_json

    scores = read_json(out / "scores.json")
    estimate_table(scores["estimates"])
    say_floors(scores)
    for suspicion in scores.get("suspicions", ()):
        say(f"DOUBTFUL: {suspicion}", error=True)
