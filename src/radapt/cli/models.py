"""The commands models and strategies."""

from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.printing import print_table, say, say_json


def models(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="A run whose layers to list. Without it: all models."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the available models, or the layers of a trained one."""
    if run is None:
        from radapt.models.table import MODELS

        about = {name: kind.about for name, kind in MODELS.items()}
        about["timm:NAME"] = (
            "any image network of timm, such as timm:resnet18 or timm:vit_small_patch14_dinov2"
        )
        about["hf:DIR"] = "a vision encoder in a Hugging Face folder, such as RAD-DINO (extra hf)"
        about["onnx:FILE"] = "a frozen encoder in ONNX, of which the head alone is trained (extra onnx)"
        if as_json:
            say_json({"models": about})
        else:
            print_table(["model", "what it is"], [[name, text] for name, text in about.items()])
        return
    classifier = open_classifier(run)
    if as_json:
        from dataclasses import asdict

        from radapt.models.summary import layers

        rows = [asdict(layer) for layer in layers(classifier)]
        say_json({"spec": classifier.spec.as_dict(), "blocks": classifier.blocks, "layers": rows})
    else:
        print_layers(classifier, lambda _: True)
        say(f"Blocks, from the input on: {', '.join(classifier.blocks)}; then the head.")


def strategies(as_json: options.Json = False) -> None:
    """List the adaptation strategies, what each needs, and its options."""
    from radapt.adaptation.table import STRATEGIES, options_of

    if as_json:
        entries = [
            {
                "name": name,
                "needs": each.needs,
                "source": each.source,
                "about": each.about,
                **options_of(each),
            }
            for name, each in STRATEGIES.items()
        ]
        say_json({"strategies": entries})
        return
    rows = []
    for name, each in STRATEGIES.items():
        needs = {"nothing": "nothing", "unlabelled": "images", "labelled": "labels"}[each.needs]
        own = ", ".join(f"{option}={value:g}" for option, value in options_of(each).items())
        rows.append([name, f"{needs}, source images" if each.source else needs, each.about, own])
    print_table(["strategy", "needs", "what it does", "options"], rows)


def open_classifier(path: Path) -> Any:
    """Load the model of a run folder, or a file of Keras weights of the original CNN."""
    if path.suffix in (".hdf5", ".h5", ".keras"):
        from radapt.models.keras import load_keras

        return load_keras(path)
    from radapt.models.checkpoint import load_classifier

    return load_classifier(path)


def print_layers(classifier: Any, trains: Any) -> None:
    """Print a model's layers with their output shapes, parameters and whether they are trained."""
    from radapt.models.summary import layers

    listed = layers(classifier, trains)
    rows = [
        [
            layer.name,
            layer.kind,
            " x ".join(map(str, layer.shape)),
            f"{layer.parameters:,}" if layer.parameters else "",
            ("trains" if layer.trains else "frozen") if layer.parameters else "",
        ]
        for layer in listed
    ]
    print_table(["layer", "kind", "output", "parameters", ""], rows)
    total = sum(tensor.numel() for tensor in classifier.parameters())
    training = sum(tensor.numel() for name, tensor in classifier.named_parameters() if trains(name))
    statistics = sum(layer.statistics for layer in listed)
    say(f"{total:,} parameters, of which {training:,} train, and {statistics:,} statistics.")
