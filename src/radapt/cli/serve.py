"""The command serve."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.artefacts import STUDY
from radapt.cli import options
from radapt.cli.printing import note, say
from radapt.cli.sections import CONNECTION, DATA, EVALUATION, MODEL
from radapt.errors import AskedWrongly, RadaptError, check_installed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from radapt.serving.limits import Limits
    from radapt.serving.predictor import Predictor
    from radapt.serving.service import Service

TOKEN = "RADAPT_TOKEN"
NEEDS = (
    "`radapt serve` needs FastAPI, Uvicorn, python-multipart and prometheus-client. Install them with: pip "
    "install 'radapt[serve]'."
)

Served = Annotated[
    Path,
    typer.Argument(
        metavar="RUN|ONNX|STUDY",
        help="A run folder, as train, adapt or a study writes it; a file that `radapt export` wrote; "
        "hf:OWNER/NAME, a model on a hub; or a finished study, to browse it.",
        callback=options.fetched,
    ),
]
Base = Annotated[
    Path | None,
    typer.Option(
        "--base",
        help="A run whose answers stand beside. Without it: the model that RUN was adapted from, if it lies "
        "in the same folder.",
        rich_help_panel=MODEL,
    ),
]
Threshold = Annotated[
    str | None,
    typer.Option(
        "--threshold",
        help="Label images at this threshold, as `radapt predict` takes it. Without it: that of an imported "
        "RUN, or the likeliest class.",
        rich_help_panel=EVALUATION,
    ),
]
Host = Annotated[
    str,
    typer.Option(
        "--host",
        help="The address to listen on; any but those of this machine alone needs a token.",
        rich_help_panel=CONNECTION,
    ),
]
Port = Annotated[
    int,
    typer.Option(
        "--port",
        min=0,
        max=65535,
        help="The port to listen on; 0 takes a free one.",
        rich_help_panel=CONNECTION,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help=f"A file whose first line requests have to bring as a token. Without it: the variable {TOKEN}, "
        "or none.",
        rich_help_panel=CONNECTION,
    ),
]
Queue = Annotated[
    int | None,
    typer.Option(
        "--queue", min=1, max=10_000, help="Images that may wait.  [default: 64]", rich_help_panel=CONNECTION
    ),
]
Images = Annotated[
    Path | None,
    typer.Option(
        "--images",
        help="Of a study: the folder of the target's images, to show those whose answers changed. Without "
        "it: those that the study keeps.",
        rich_help_panel=DATA,
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Load the model, score the golden image, say whether the service would be ready, and end.",
        rich_help_panel=CONNECTION,
    ),
]


def serve(
    run: Served,
    base: Base = None,
    threshold: Threshold = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token_file: TokenFile = None,
    queue: Queue = None,
    images: Images = None,
    check: Check = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Score radiographs in a browser and over HTTP, on this machine alone unless a token is set."""
    check_installed(("fastapi", "prometheus_client", "python_multipart", "uvicorn"), NEEDS)
    from radapt.serving.app import make_app
    from radapt.serving.server import guard

    if (run / STUDY).is_file():
        _check_study(
            run, base=base, threshold=threshold, queue=queue, device=device != "auto", threads=threads
        )
        _serve_study(run, images, (host, port, token_file), check)
        return
    if images is not None:
        raise AskedWrongly(f"Got --images {images}, which is for a study, but {run} is none: leave it out.")
    service = _open(run, base, threshold, _limits(queue), (device, threads))
    app = guard(make_app(service), host, _token(token_file))
    if check:
        _check(service)
        return
    _listen(app, host, port, service.limits, f"{service.model.name} answers")


def _check_study(folder: Path, **given: Any) -> None:
    """Refuse options that are for a model."""
    name = next((name for name, value in given.items() if value not in (None, False)), None)
    if name is not None:
        raise AskedWrongly(f"Got --{name}, which is for a model, but {folder} is a study: leave it out.")


def _serve_study(folder: Path, images: Path | None, where: tuple[str, int, Path | None], check: bool) -> None:
    """Show a finished study."""
    from radapt.serving.limits import Limits
    from radapt.serving.server import guard
    from radapt.serving.study_app import make_study_app
    from radapt.serving.study_changes import open_study

    host, port, token_file = where
    view = open_study(folder, images)
    app = guard(make_study_app(view), host, _token(token_file), asks=True)
    if check:
        say(f"{view.title}: {len(view.rows())} rows of strategies and labels can be shown.")
        return
    _listen(app, host, port, Limits(), f"{folder} can be browsed")


def _limits(queue: int | None) -> "Limits":
    from dataclasses import replace

    from radapt.serving.limits import Limits

    return Limits() if queue is None else replace(Limits(), waiting=queue)


def _token(path: Path | None) -> str | None:
    """Return the token of the file, or of the environment; None without either."""
    if path is None:
        return os.environ.get(TOKEN) or None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AskedWrongly(f"--token-file {path} could not be read: {error}.") from None
    if not lines or not lines[0].strip():
        raise AskedWrongly(f"--token-file {path} is empty: write a token into its first line.")
    return lines[0].strip()


def _open(
    run: Path, base: Path | None, threshold: str | None, limits: "Limits", hardware: tuple[str, int | None]
) -> "Service":
    from radapt.exporting.onnx_model import is_onnx
    from radapt.serving.service import Service

    if is_onnx(run) and (base is None or is_onnx(base)):  # without torch
        from radapt.serving.onnx_predictor import open_onnx

        models = [open_onnx(path, hardware[1], threshold) for path in (run, base) if path is not None]
        return Service(models[0], _fitting(models), limits)
    from radapt.serving.run_predictor import find_base, open_model

    runs = [open_model(run, hardware, threshold)]
    beside = find_base(run) if base is None else base
    try:
        runs += [open_model(path, hardware, threshold) for path in (beside,) if path is not None]
    except AskedWrongly as error:
        if base is not None:
            raise
        note(f"{beside}, the base of {run}, is left out: {error}")
    if not runs[0].has_reference:
        note(f"{run} keeps no reference of enough patients, so that images unlike its own are not flagged.")
    return Service(runs[0], _fitting(runs), limits)


def _fitting(models: "Sequence[Predictor]") -> "Predictor | None":
    """Return the base model, the second, if there is one; it has to know the same classes."""
    if len(models) > 1 and models[1].classes != models[0].classes:
        raise AskedWrongly(
            f"{models[1].name} knows other classes than {models[0].name}: give a --base with the same ones."
        )
    return models[1] if len(models) > 1 else None


def _check(service: "Service") -> None:
    """Start the service's thread, wait for the golden image, and say what it scored."""
    service.start()
    service.call(lambda: None).result()
    service.stop()
    if not service.readiness.ready:
        raise RadaptError(service.readiness.reason or "The service would not be ready.")
    kept = "as when the model was made" if service.model.golden is not None else "for the first time"
    say(f"{service.model.name} would be ready: the golden image scored {kept}.")


def _listen(app: Any, host: str, port: int, limits: "Limits", words: str) -> None:
    from radapt.serving.server import address_of, listen, run

    listener = listen(host, port)
    say("Research software: it is no medical device, and no answer of it is a clinical claim.")
    run(app, listener, limits, lambda: say(f"{words} at {address_of(listener)} until Ctrl-C."))
    say("Stopped.")
