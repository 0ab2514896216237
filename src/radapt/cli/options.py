"""The options that several commands share."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from radapt.models.pretrained import Weights as Start
    from radapt.progress import Watch

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="A folder of class folders, a label table, a store, or MedMNIST's .npz."
    ),
]
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="A folder that train, adapt or a study has written.")
]
Out = Annotated[Path, typer.Option("--out", help="The folder to write; work begun there goes on.")]
Model = Annotated[
    str, typer.Option("--model", help="compact, seed, xrv:NAME or timm:NAME; see `radapt models`.")
]
Pretrained = Annotated[
    bool, typer.Option("--pretrained", help="Start a timm: or xrv: model from its published weights.")
]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="Start a timm: or xrv: model from this file, or published xrv name."),
]
InitialisedFrom = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="The file of pretrained weights that RUN was begun from; scratch begins from it too.",
    ),
]
Shift = Annotated[
    str | None,
    typer.Option(
        "--shift", help="Simulated damage: seed, 'noise@2 + rotation(10)', a .toml; see `radapt shifts`."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Decides all that is random.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps.")]
Precision = Annotated[str, typer.Option("--precision", help="Of training: auto, fp32, bf16.")]
Threads = Annotated[
    int | None,
    typer.Option("--threads", help="Of the processor; as many as are free, or what RADAPT_THREADS says."),
]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, help="At most so many epochs.")]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="So many batches an epoch.")]
StudyEpochs = Annotated[
    int | None,
    typer.Option(
        "--epochs", min=1, help="At most so many for all that runs the whole network; head keeps its own."
    ),
]
StudySteps = Annotated[
    int | None,
    typer.Option("--steps", min=1, help="So many batches an epoch, for what --epochs is for."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else on standard output.")]


def start_of(model: str, pretrained: bool, weights: Path | None, watch: "Watch") -> "Start | None":
    """Say which pretrained weights --pretrained or --weights asks for; None where neither is given.

    Raises
    ------
    AskedWrongly
        If both are, or as `radapt.models.table.find_weights`.
    """
    from radapt.errors import AskedWrongly
    from radapt.models.table import find_weights

    if pretrained and weights is not None:
        raise AskedWrongly(
            f"Got both --pretrained, which asks for published weights, and --weights {weights}: "
            "give one of them."
        )
    return find_weights(model, weights or pretrained, watch)


def start_again(
    run: Path, model: str, strategies: Iterable[str], weights: Path | None, watch: "Watch"
) -> "Start | None":
    """Say which pretrained weights a run was begun from, found where a strategy begins from them again.

    Raises
    ------
    AskedWrongly
        If --weights is given where nothing begins from them, or as `radapt.models.table.find_again`.
    """
    from radapt.adapt.table import get_strategy
    from radapt.errors import AskedWrongly
    from radapt.models.pretrained import Weights
    from radapt.models.table import find_again
    from radapt.runs.folder import initial_weights_of

    began, anew = initial_weights_of(run), any(get_strategy(name).anew for name in strategies)
    if weights is not None and not (began and anew):
        why = f"{run} was begun from random ones" if anew else "only scratch begins from pretrained weights"
        raise AskedWrongly(f"Got --weights {weights}, and {why}: leave it out.")
    if not began:
        return None
    return find_again(model, began, weights, watch) if anew else Weights(began, start=False)
