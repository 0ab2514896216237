"""A model as one file, from Python."""

from collections.abc import Sequence
from pathlib import Path

from radapt.api.given import AnyModel, folder_of, model_of
from radapt.device import select_device
from radapt.errors import AskedWrongly
from radapt.exporting.agreement import drawn_sample, sample_of_files
from radapt.exporting.export import Exported, check_out, export_model
from radapt.runs.folder import is_finished, read_record, thresholds_of_run


def export(
    model: AnyModel,
    out: Path | str,
    images: Path | str | Sequence[Path | str] = (),
    *,
    format: str = "onnx",
    threshold: float | str | None = None,
) -> Exported:
    """Write a model as one file that other programs run: raw grey images in, probabilities out.

    Parameters
    ----------
    model
        A run, its folder, or a `Classifier`.
    out
        The file to write, which ends in `.onnx`, `.pt2` or `.weights.h5`.
    images
        Images, or folders of images, that the file is held against the model on; without any, drawn ones.
    format
        `"onnx"`, `"torch"` (a program of `torch.export`) or `"keras"` (weights of the original CNN).
    threshold
        The threshold that the file carries, as for `predict_files`.

    Returns
    -------
    Exported
        Path, size and digest of the file, what it says of itself (`metadata`), and how far its probabilities
        are from the model's (`agreement`).

    Raises
    ------
    AskedWrongly
        If the model cannot be exported, or the name of the file does not fit its format.
    RadaptError
        If the file would not give what the model gives; nothing is written then.
    """
    path = Path(out)
    check_out(path, format)
    classifier, run = model_of(model), folder_of(model)
    spec = classifier.spec
    asked = None if threshold is None else str(threshold)
    thresholds = thresholds_of_run(run, spec.classes, asked, exclusive=spec.outputs != "findings")
    given = list(map(Path, [images] if isinstance(images, Path | str) else images))
    sample = sample_of_files(given, spec.reading) if given else drawn_sample(spec.reading)
    if sample is None:
        raise AskedWrongly(f"There is no image in {given[0]} that can be read.")
    record = read_record(run) if run is not None and is_finished(run) else {}
    hardware = select_device("cpu", "fp32")
    return export_model(classifier, record, path, sample, hardware, kind=format, thresholds=thresholds)
