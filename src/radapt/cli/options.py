"""The options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli.sections import DATA, EVALUATION, MACHINE, MODEL, OUTPUT, TRAINING

if TYPE_CHECKING:
    from radapt.models.classifier import Spec
    from radapt.models.pretrained import Weights as PretrainedWeights
    from radapt.progress import Watch
    from radapt.runs.base import Tune as Part

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="A folder of class folders, a label table (.csv, .tsv, .parquet), a store, a .npz of MedMNIST, "
        "or a .toml of `radapt data describe`.",
    ),
]


def fetched(context: typer.Context, path: Path | None) -> Path | None:
    """Return a path as it is, and of `hf:OWNER/NAME` where that model of a hub was fetched to."""
    if path is None or context.resilient_parsing or not str(path).startswith("hf:"):
        return path
    from radapt.exporting.hub import pulled

    return pulled(path)


Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="A run folder, as train, adapt or a study writes it; or hf:OWNER/NAME, a model on a hub.",
        callback=fetched,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        help="The folder to write; unfinished work in it is continued.",
        rich_help_panel=OUTPUT,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON, and nothing else on standard output.", rich_help_panel=OUTPUT),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="The model: compact, lite0 to lite2, timm:NAME, xrv:NAME, hf:DIR or onnx:FILE; see `radapt "
        "models`.",
        rich_help_panel=MODEL,
    ),
]
Pretrained = Annotated[
    bool,
    typer.Option(
        "--pretrained",
        help="Start a timm: or xrv: model from its published weights. Without it: from random ones.",
        rich_help_panel=MODEL,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="Start a timm: or xrv: model from this file of weights, or from the xrv weights of this name. "
        "Without it: from random ones, or as --pretrained says.",
        rich_help_panel=MODEL,
    ),
]
Tune = Annotated[
    str | None,
    typer.Option(
        "--tune",
        help="Which weights of a base model are trained: head (the trunk is frozen) or all.  "
        "[default: head if it starts from pretrained weights, else all]",
        rich_help_panel=MODEL,
    ),
]
InitialisedFrom = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="The file of pretrained weights that RUN started from; the strategy scratch starts from it too. "
        "Without it: the published weights of that name.",
        rich_help_panel=MODEL,
    ),
]
Shift = Annotated[
    str | None,
    typer.Option(
        "--shift",
        help="Apply this simulated shift to the images: a name such as original, an expression such as "
        "'noise@2 + rotation(10)', or a .toml; see `radapt shifts`. Without it: none.",
        rich_help_panel=DATA,
    ),
]
ScoredPart = Annotated[
    str | None,
    typer.Option(
        "--part",
        help="The images to score: train, val, test or all. Without it: test, or all of a data set "
        "without splits.",
        rich_help_panel=DATA,
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        min=1,
        help="Maximum number of epochs. Without it: as in the training recipe (docs/adapting.md).",
        rich_help_panel=TRAINING,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps",
        min=1,
        help="Batches in an epoch. Without it: as many as show every image once.",
        rich_help_panel=TRAINING,
    ),
]
StudyEpochs = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        min=1,
        help="Maximum number of epochs of the base model and of strategies that train more than the head. "
        "Without it: as in the training recipe (docs/adapting.md).",
        rich_help_panel=TRAINING,
    ),
]
StudySteps = Annotated[
    int | None,
    typer.Option(
        "--steps",
        min=1,
        help="Batches in an epoch, of the same models. Without it: as in the training recipe.",
        rich_help_panel=TRAINING,
    ),
]
Metric = Annotated[
    str,
    typer.Option(
        "--metric",
        help="The metric to compare by, such as auroc or accuracy.",
        rich_help_panel=EVALUATION,
    ),
]
Seed = Annotated[
    int,
    typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of all random numbers.", rich_help_panel=MACHINE),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        help="Where to compute: auto (a GPU if there is one), cpu, cuda, cuda:1 or mps.",
        rich_help_panel=MACHINE,
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Precision of training: auto (bf16 where it is faster), fp32 or bf16.",
        rich_help_panel=MACHINE,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        help="Number of CPU threads. Without it: RADAPT_THREADS, or else as many as are free.",
        rich_help_panel=MACHINE,
    ),
]


def part_to_tune(model: str, tune: str | None, start: "PretrainedWeights | None") -> "Part":
    """Return which part of a base model is trained: what --tune says, or what suits its initial weights.

    Raises
    ------
    UnknownName
        If there is no such part.
    AskedWrongly
        As for `radapt.runs.base.check_tune`.
    """
    from radapt.errors import UnknownName
    from radapt.runs.base import TUNE, check_tune, default_tune

    if tune is None:
        return default_tune(pretrained=start is not None)
    for part in TUNE:
        if part == tune:
            check_tune(model, part)
            return part
    raise UnknownName("part of a model to train", tune, TUNE)


def initial_weights(
    model: str, pretrained: bool, weights: Path | None, watch: "Watch"
) -> "PretrainedWeights | None":
    """Return the pretrained weights that --pretrained or --weights asks for; None without either.

    Raises
    ------
    AskedWrongly
        If both are given, or as `radapt.models.table.find_weights`.
    """
    from radapt.errors import AskedWrongly
    from radapt.models.table import find_weights

    if pretrained and weights is not None:
        raise AskedWrongly(
            f"Got both --pretrained, which asks for published weights, and --weights {weights}: "
            "give one of them."
        )
    return find_weights(model, weights or pretrained, watch)


def initial_weights_of_run(
    run: Path, spec: "Spec", strategies: Sequence[str], weights: Path | None, watch: "Watch"
) -> "PretrainedWeights | None":
    """Return the pretrained weights that a run was initialised from; None if it started from random ones.

    They are looked for only if one of the strategies starts from them again.

    Raises
    ------
    AskedWrongly
        If a strategy does not suit the model, if --weights is given although no strategy starts from them,
        or as `radapt.models.table.find_again`.
    """
    from radapt.adaptation.table import check_base, get_strategy
    from radapt.errors import AskedWrongly
    from radapt.models.pretrained import Weights
    from radapt.models.table import find_again
    from radapt.runs.folder import initial_weights_of

    check_base(spec, strategies)
    name = initial_weights_of(run)
    restarts = any(get_strategy(strategy).reinitialises for strategy in strategies)
    if weights is not None and not (name and restarts):
        why = (
            f"{run} was initialised at random" if restarts else "only scratch starts from pretrained weights"
        )
        raise AskedWrongly(f"Got --weights {weights}, but {why}: leave it out.")
    if not name:
        return None
    return find_again(spec.model, name, weights, watch) if restarts else Weights(name, start=False)
