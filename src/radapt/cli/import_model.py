"""The command import."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import (
    DataOptions,
    load_images,
    load_options_for,
    split_commas,
    takes_data,
)
from radapt.cli.image_options import PREPROCESSING, SELECTION
from radapt.cli.printing import estimate_table, say, say_json, say_notices
from radapt.cli.sections import EVALUATION, MODEL
from radapt.images.notice import from_rows
from radapt.text import counted, listed

if TYPE_CHECKING:
    from radapt.models.classifier import Classifier, Spec
    from radapt.runs.imported import ImportOptions, Scaling

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="TorchScript, torch.export (.pt2), ONNX, a state dict (.safetensors or torch.save), or Keras "
        "weights of the original CNN.",
    ),
]
Classes = Annotated[
    str,
    typer.Option(
        "--classes",
        help="The classes in the order of the model's outputs, such as NORMAL,PNEUMONIA.",
        rich_help_panel=MODEL,
    ),
]
Network = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="The network of a state dict: compact, original-cnn, lite0 to lite2, timm:NAME, xrv:NAME or "
        "hf:DIR. Without it: the one that the file holds.",
        rich_help_panel=MODEL,
    ),
]
Channels = Annotated[
    int | None,
    typer.Option(
        "--channels",
        help="Input channels: 1, or 3 equal ones. Without it: as FILE or its network says.",
        rich_help_panel=MODEL,
    ),
]
Range = Annotated[
    str | None,
    typer.Option(
        "--range",
        help="The input values of black and white: 0,1 or -1,1 or 0,255 or -1024,1024 or two other numbers. "
        "Without it: 0,1 for a program, else as the network takes them.",
        rich_help_panel=MODEL,
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        "--mean",
        help="Subtracted from these values: one number, or one for each channel. Without it: 0 for a "
        "program, else as the network takes them.",
        rich_help_panel=MODEL,
    ),
]
Std = Annotated[
    str | None,
    typer.Option(
        "--std",
        help="What the difference is divided by: one number, or one for each channel. Without it: 1 for a "
        "program, else as the network takes them.",
        rich_help_panel=MODEL,
    ),
]
Gives = Annotated[
    str | None,
    typer.Option(
        "--gives",
        help="What a program gives: logits or probabilities; a single number is that of the second of two "
        "classes. Without it: guessed from its outputs.",
        rich_help_panel=MODEL,
    ),
]
Findings = Annotated[
    bool,
    typer.Option(
        "--multi-label",
        help="The classes are findings, of which an image may have several or none.",
        rich_help_panel=MODEL,
    ),
]
Scores = Annotated[
    str | None,
    typer.Option(
        "--scores",
        help="Of a program with several outputs: the name or number of the one with the scores. Without it: "
        "the first that fits --classes.",
        rich_help_panel=MODEL,
    ),
]
Features = Annotated[
    str | None,
    typer.Option(
        "--features",
        help="The output of a program with features, which linear-probe, prototype, head, knn and coral "
        "need; penultimate for the last layer's input of a .pt2. Without it: none of these work.",
        rich_help_panel=MODEL,
    ),
]
LabelFrom = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        min=0,
        max=1,
        help="The probability from which on an image is predicted positive.  [default: 0.5]",
        rich_help_panel=MODEL,
    ),
]
Check = Annotated[
    Path | None,
    typer.Option(
        "--check",
        help="Labelled images to score with the model, which shows reversed classes or a wrong range. "
        "Without it: no check.",
        rich_help_panel=EVALUATION,
    ),
]
PerClass = Annotated[
    int,
    typer.Option(
        "--per-class",
        min=2,
        help="Maximum number of images of a class for --check.",
        rich_help_panel=EVALUATION,
    ),
]
NOT_OF_CHECK = ("classes", "unsafe_image_split", "test_after", "test_site")
OF_CHECK = [name for name in (*PREPROCESSING, *SELECTION) if name not in NOT_OF_CHECK]


@takes_data(only=OF_CHECK, size="as FILE or its network says")
def import_model(
    file: File,
    images: DataOptions,
    classes: Classes,
    model: Network = None,
    channels: Channels = None,
    value_range: Range = None,
    mean: Mean = None,
    std: Std = None,
    gives: Gives = None,
    multi_label: Findings = False,
    scores: Scores = None,
    features: Features = None,
    threshold: LabelFrom = None,
    check: Check = None,
    per_class: PerClass = 64,
    out: options.Out = Path("runs/import"),
    as_json: options.Json = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Make a run of a model that you have already, so that every other command works on it."""
    from radapt.device import select_device
    from radapt.models.checkpoint import load_classifier
    from radapt.runs.import_check import check_import, few_of_each
    from radapt.runs.imported import ImportOptions, import_model

    asked = ImportOptions(
        classes=split_commas(classes) or (),
        model=model,
        size=images["size"],
        channels=channels,
        resize=images["resize"] or "squash",
        intensity=images["intensity"] or "window",
        trim=bool(images["trim"]),
        scaling=_scaling(value_range, mean, std),
        gives=gives,
        findings=multi_label,
        scores=scores,
        features=features,
        threshold=threshold,
    )
    hardware = select_device(device, "fp32", threads)
    record = import_model(file, out, asked, hardware=hardware)
    classifier, checked = load_classifier(out), None
    if check is not None:
        request = load_options_for(
            classifier, {**{name: SELECTION[name][1] for name in SELECTION}, **images}, [check]
        )
        few = few_of_each(load_images(check, request[0], classifier.spec.classes), per_class)
        checked = check_import(classifier, few, hardware).as_dict()
    if as_json:
        say_json({"run": record, "check": checked})
    else:
        _say(record, asked, classifier, checked)
        say(f"Imported {file.name}: {out}")


def _scaling(value_range: str | None, mean: str | None, std: str | None) -> "Scaling | None":
    """Return how grey levels are scaled; None where no option says so."""
    from radapt.errors import AskedWrongly
    from radapt.runs.imported import Scaling

    if value_range is None and mean is None and std is None:
        return None
    ends = _numbers(value_range or "0,1", "--range")
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise AskedWrongly(
            f"--range takes the input values of black and white, as 0,1 or -1,1. Got {value_range!r}."
        )
    means, stds = _numbers(mean or "0", "--mean"), _numbers(std or "1", "--std")
    if min(stds) <= 0:
        raise AskedWrongly(f"--std takes numbers above 0. Got {std!r}.")
    return Scaling(*ends, means, stds)


def _numbers(text: str, option: str) -> tuple[float, ...]:
    """Read finite numbers between commas."""
    import math

    from radapt.errors import AskedWrongly

    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(map(math.isfinite, numbers)):
        raise AskedWrongly(
            f"{option} takes numbers between commas, as 0.5 or 0.485,0.456,0.406. Got {text!r}."
        )
    return numbers


def _say(
    record: Mapping[str, Any],
    asked: "ImportOptions",
    classifier: "Classifier",
    checked: Mapping[str, Any] | None,
) -> None:
    """Print what the run is, what was taken for granted, and what the check found."""
    from radapt.adaptation.table import STRATEGIES, suitable
    from radapt.models.table import is_frozen

    spec = classifier.spec
    say(f"{record['file']['kind']} of {spec.size} x {spec.size} pixels, {_channels(spec)}: {_input(spec)}.")
    if spec.gives and asked.gives is None:
        which = "lie between 0 and 1" if spec.gives == "probabilities" else "do not all lie between 0 and 1"
        say(f"Its numbers {which} and are taken as {spec.gives}: --gives says otherwise.", error=True)
    if asked.threshold is None and len(spec.classes) == 2 and not asked.findings:
        say("No --threshold was given: images are labelled at 0.5.", error=True)
    if is_frozen(spec.model):
        work = listed(suitable(spec.model, STRATEGIES), len(STRATEGIES))
        say(f"The file stays as it is. Strategies that work on it: {work}.")
    else:
        say("All its weights can be trained: every strategy works on it.")
    if checked is not None:
        say(f"Checked on {counted(checked['images'], 'image')} of all parts of the data set:")
        estimate_table(checked["estimates"])
        say_notices(from_rows(checked["warnings"]))


def _channels(spec: "Spec") -> str:
    return "1 channel" if spec.channels == 1 else f"{spec.channels} equal channels"


def _input(spec: "Spec") -> str:
    """Say what black and white become."""
    means, stds = (each if isinstance(each, tuple) else (each,) for each in (spec.mean, spec.std))
    count = max(len(means), len(stds))
    pairs = zip(means * (count // len(means)), stds * (count // len(stds)), strict=True)
    ends = ", ".join(f"{0 - mean / std:.4g} to {(1 - mean) / std:.4g}" for mean, std in pairs)
    return f"black to white is {ends}"
