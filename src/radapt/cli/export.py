"""The command export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.models import open_classifier
from radapt.cli.printing import note, say, say_json
from radapt.cli.sections import EVALUATION, OUTPUT

if TYPE_CHECKING:
    from radapt.exporting.agreement import Sample
    from radapt.exporting.export import Exported
    from radapt.images.preprocessing import Preprocessing

File = Annotated[
    Path, typer.Option("--out", help="The file to write, such as model.onnx.", rich_help_panel=OUTPUT)
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        help="What the file is: onnx, torch (a program of torch.export), or keras (weights of the original "
        "CNN).",
        rich_help_panel=OUTPUT,
    ),
]
Images = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE|DIR]...",
        help="Images, or folders of images, that the file is held against RUN on. Without them: drawn ones.",
    ),
]
LabelAt = Annotated[
    str | None,
    typer.Option(
        "--threshold",
        help="The threshold that the file carries: a probability such as 0.5; or youden, sensitivity=0.95, "
        "specificity=0.9 or cost=FN:FP, chosen on the validation images of RUN. Without it: that of an "
        "imported RUN, or the likeliest class.",
        rich_help_panel=EVALUATION,
    ),
]


def export(
    run: options.Run,
    out: File,
    images: Images = None,
    kind: Format = "onnx",
    threshold: LabelAt = None,
    as_json: options.Json = False,
    threads: options.Threads = None,
) -> None:
    """Write a model as one file that other programs run: raw grey images in, probabilities out.

    The file is held against RUN on images first; one that gives other scores is not written.
    """
    from radapt.device import select_device
    from radapt.evaluation.thresholds import thresholds_of
    from radapt.exporting.export import check_out, export_model
    from radapt.runs.folder import is_finished, read_record, threshold_of

    check_out(out, kind)
    classifier = open_classifier(run)
    spec = classifier.spec
    thresholds = thresholds_of(
        run, spec.classes, threshold or threshold_of(run), exclusive=spec.outputs != "findings"
    )
    sample = _sample(images, spec.reading)
    note(f"Exporting {spec.model} ...")
    written = export_model(
        classifier,
        read_record(run) if is_finished(run) else {},
        out,
        sample,
        select_device("cpu", "fp32", threads),
        kind=kind,
        thresholds=thresholds,
    )
    card = None
    if is_finished(run):
        from radapt.exporting.model_card import write_model_card

        card = write_model_card(run, out.parent, written)
    _report(written, card, as_json)


def _sample(paths: list[Path] | None, reading: "Preprocessing") -> "Sample":
    from radapt.errors import AskedWrongly
    from radapt.exporting.agreement import drawn_sample, sample_of_files

    if not paths:
        return drawn_sample(reading)
    sample = sample_of_files(paths, reading)
    if sample is None:
        raise AskedWrongly(
            f"There is no image in {paths[0]} that can be read. Give images, or folders of images."
        )
    return sample


def _report(written: "Exported", card: Path | None, as_json: bool) -> None:
    if as_json:
        named = {"file": str(written.path), "card": card and str(card)}
        sizes = {"bytes": written.bytes, "sha256": written.sha256}
        say_json({**named, **sizes, "metadata": written.metadata.as_dict()})
        return
    say(f"Held against the run on {written.agreement}.")
    for name, each in written.metadata.chosen.items():
        say(f"{name} from {each.value:.3g} on, {each.chosen_on}.")
    say(f"Licence of the weights that it began from: {written.metadata.licence}.")
    if card is not None:
        say(f"Model card: {card}")
    say(f"Exported: {written.path} ({written.bytes / 1e6:.1f} MB)")
