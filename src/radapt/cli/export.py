"""The command export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import load_images, load_options_of
from radapt.cli.image_options import SELECTION
from radapt.cli.models import open_classifier
from radapt.cli.printing import note, say, say_json
from radapt.cli.sections import EVALUATION, OUTPUT
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.exporting.agreement import Sample
    from radapt.exporting.export import Exported
    from radapt.images.imageset import Dataset
    from radapt.images.preprocessing import Preprocessing
    from radapt.models.classifier import Classifier

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
Int8 = Annotated[
    bool,
    typer.Option(
        "--int8",
        help="Count in 8 bits: the only DIR is a labelled data set, whose train images measure the ranges of "
        "the network, and whose test images what that costs. Only for onnx.",
        rich_help_panel=OUTPUT,
    ),
]
Hub = Annotated[
    str | None,
    typer.Option(
        "--hub",
        help="Push the file, the weights of RUN and the model card to a Hugging Face Hub, as OWNER/NAME, "
        "private unless --public is given. "
        "HF_TOKEN says who pushes, HF_ENDPOINT to which hub. Without it: nothing leaves this machine.",
        rich_help_panel=OUTPUT,
    ),
]
Public = Annotated[
    bool,
    typer.Option(
        "--public",
        help="Let everybody see and fetch what --hub pushes. Without it: only who may see OWNER's private "
        "models.",
        rich_help_panel=OUTPUT,
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
    int8: Int8 = False,
    threshold: LabelAt = None,
    hub: Hub = None,
    public: Public = False,
    as_json: options.Json = False,
    threads: options.Threads = None,
) -> None:
    """Write a model as one file that other programs run: raw grey images in, probabilities out.

    The file is held against RUN on images first; one that gives other scores is not written.
    """
    from radapt.device import select_device
    from radapt.errors import AskedWrongly
    from radapt.exporting.export import check_out, export_int8, export_model
    from radapt.runs.folder import is_finished, read_record, thresholds_of_run
    from radapt.runs.learned import read_learned

    check_out(out, kind)
    if hub is not None:
        _check_hub(hub, run)
    elif public:
        raise AskedWrongly("--public is for what --hub pushes: give --hub OWNER/NAME too.")
    classifier = open_classifier(run)
    spec, hardware = classifier.spec, select_device("cpu", "fp32", threads)
    record = read_record(run) if is_finished(run) else {}
    thresholds = thresholds_of_run(run, spec.classes, threshold, exclusive=spec.outputs != "findings")
    if int8:
        data = _labelled(images, kind, classifier)
        note(f"Exporting {spec.model} in 8 bits ...")
        learned = (read_learned(run) or {}).get("learned")
        written = export_int8(classifier, record, out, data, hardware, thresholds=thresholds, learned=learned)
    else:
        sample = _sample(images, spec.reading)
        note(f"Exporting {spec.model} ...")
        written = export_model(classifier, record, out, sample, hardware, kind=kind, thresholds=thresholds)
    card = None
    if record:
        from radapt.exporting.model_card import write_model_card

        card = write_model_card(run, out.parent, written)
    _report(written, card, as_json)
    if hub is not None:
        from radapt.exporting.hub import push

        say(f"Pushed: {push(hub, run, written, public=public)}", error=as_json)


def _check_hub(name: str, run: Path) -> None:
    """Refuse a name that is none, and a model without a record, before anything is exported."""
    from radapt.errors import AskedWrongly
    from radapt.exporting.hub import check_name
    from radapt.runs.folder import is_finished

    check_name(name)
    if not is_finished(run):
        raise AskedWrongly(f"A model goes to a hub with its card, and {run} has no record to write one from.")


def _labelled(paths: list[Path] | None, kind: str, classifier: "Classifier") -> "Dataset":
    """Load the data set that 8 bits are measured on."""
    from radapt.errors import AskedWrongly

    given = paths or []
    if kind != "onnx" or len(given) != 1:
        raise AskedWrongly(
            "--int8 writes ONNX, and measures it on one labelled data set with train and test images: give "
            f"its folder, store or description. Got {counted(len(given), 'path')} and the format {kind}."
        )
    options = {name: default for name, (_, default) in SELECTION.items()}
    request = load_options_of(classifier.spec.reading, options, given)[0]
    return load_images(given[0], request, classifier.spec.classes)


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
    if written.metadata.int8 is not None:
        say(f"In 8 bits {written.metadata.int8['sentence']}.")
    for name, each in written.metadata.chosen.items():
        say(f"{name} from {each.value:.3g} on, {each.chosen_on}.")
    say(f"Licence of the weights that it began from: {written.metadata.licence}.")
    if card is not None:
        say(f"Model card: {card}")
    say(f"Exported: {written.path} ({written.bytes / 1e6:.1f} MB)")
