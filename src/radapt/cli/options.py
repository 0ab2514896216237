"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="A folder of class folders, perhaps in train/val/test.")
]
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="A folder that train, adapt or a study has written.")
]
Out = Annotated[Path, typer.Option("--out", help="The folder to write; work begun there goes on.")]
Model = Annotated[str, typer.Option("--model", help="compact, seed, or timm:NAME; see `radapt models`.")]
Size = Annotated[int | None, typer.Option("--size", min=16, max=2048, help="Side of the films in pixels.")]
Fit = Annotated[str, typer.Option("--fit", help="How films become square: squash or pad.")]
PatientRegex = Annotated[
    str | None,
    typer.Option(
        "--patient-regex", help="Finds the patient in a file name; a group named `patient`, or all groups."
    ),
]
Shift = Annotated[str | None, typer.Option("--shift", help="A simulated second hospital: seed.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Decides all that is random.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps.")]
Precision = Annotated[str, typer.Option("--precision", help="Of training: auto, fp32, bf16.")]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, help="At most so many epochs.")]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="So many batches an epoch.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else on standard output.")]
