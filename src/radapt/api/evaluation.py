"""Scores from Python: predict, evaluate, stress, compare."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radapt.api.given import AnyData, AnyModel, check_images, data_for, folder_of, model_of
from radapt.api.options import listed_of, watch_for
from radapt.api.results import Comparison, Evaluation, StressTest, file_rows
from radapt.artefacts import predictions_file
from radapt.cli.known_images import learned_images
from radapt.device import select_device
from radapt.display.table import Listing
from radapt.errors import AskedWrongly
from radapt.evaluation.evaluate import EvaluateOptions, evaluate_model
from radapt.evaluation.performance import PerformanceOptions
from radapt.evaluation.stress import StressOptions, stress_model
from radapt.evaluation.thresholds import parse_threshold, validation_of
from radapt.explaining.explanation import ExplainOptions, Explanations, explain_files
from radapt.explaining.folder import explain_to_folder
from radapt.explaining.maps import METHOD
from radapt.exporting.onnx_model import is_onnx, read_onnx_model
from radapt.images.imageset import ImageSet
from radapt.images.notice import as_rows, from_rows, in_order
from radapt.models import inference
from radapt.models.predict_files import score_files
from radapt.predictions import Predictions
from radapt.report.explanations_page import render_explanations
from radapt.report.folder import Run
from radapt.runs.folder import read_record, thresholds_of_run
from radapt.shift.expression import resolved
from radapt.shift.table import SEVERITIES
from radapt.study.comparison import PRIMARY
from radapt.study.model_comparison import Model, common_test_set, compare_models

Scored = Predictions | Sequence[Predictions] | Run | Path | str


def predict(model: AnyModel, images: ImageSet, *, device: str = "auto") -> Predictions:
    """Score every image of a set.

    Parameters
    ----------
    model
        A run, its folder, or a `Classifier`.
    images
        n images of the model's classes and size, as `data["test"]`.

    Returns
    -------
    Predictions
        `scores` (n, k), the probability of each class or finding.

    Raises
    ------
    AskedWrongly
        If the set's classes or size are not the model's, or it is empty.
    """
    check_images(images)
    return inference.predict(model_of(model), images, select_device(device, "fp32"))


def predict_files(
    model: AnyModel, files: Path | str | Sequence[Path | str], *, threshold: float | str | None = None
) -> Listing:
    """Score single image files, of which no label is known; they are read as the model reads images.

    Parameters
    ----------
    model
        A run, its folder, a `Classifier`, or a file of ONNX that `export` wrote.
    files
        Images, or folders of images; DICOM files too.
    threshold
        The probability from which on an image is labelled with the finding, between 0 and 1; or `"youden"`,
        `"sensitivity=0.95"` and the like, chosen on the validation images of a run. None: the threshold that
        an imported model or an exported file came with, else the likeliest class is taken.

    Returns
    -------
    Listing
        A row for each file: the label, the score of each class, and a warning where it is no image to be
        judged, or could not be read; it then has neither label nor scores.

    Raises
    ------
    WrongFolder
        If there is no such file, or a folder holds no image.
    AskedWrongly
        If the threshold is out of its range, or the model has three classes or more.
    """
    paths = [files] if isinstance(files, Path | str) else files
    if isinstance(model, Path | str) and is_onnx(Path(model)):
        file = read_onnx_model(Path(model))
        scorer, run, own = file.scorer, None, file.thresholds
    else:
        scorer = inference.scorer_of(model_of(model), select_device("auto", "fp32"))
        run, own = folder_of(model), {}
    if threshold is not None or run is not None:
        asked = None if threshold is None else str(threshold)
        own = thresholds_of_run(run, scorer.classes, asked, exclusive=not scorer.findings)
    values = {name: each.value for name, each in own.items()}
    result = score_files(scorer, list(map(Path, paths)), thresholds=values)
    return Listing(file_rows(result, scorer.classes))


def explain(
    model: AnyModel,
    files: Path | str | Sequence[Path | str],
    *,
    method: str = METHOD,
    target: str | None = None,
    layer: str | None = None,
    out: Path | str | None = None,
) -> Explanations:
    """Map what speaks for a class in image files, and check what such maps are worth as evidence.

    Parameters
    ----------
    model
        A run, its folder, or a `Classifier`; it stays as it is.
    files
        Images, or folders of images; DICOM files too.
    method
        "grad-cam"; "integrated-gradients" or "occlusion", which take the extra `explain`.
    target
        The class that is explained; None: the likeliest of each image.
    layer
        The block whose map Grad-CAM takes; None: the last with 5 x 5 places or more.
    out
        A folder for overlays, maps and a page; None: nothing is written.

    Returns
    -------
    Explanations
        `images` with their maps, `notices`, and a row for each image: its score, deletion and insertion
        beside random orders, and how alike the map stays with random weights.

    Raises
    ------
    UnknownName
        If there is no such method, class or block.
    AskedWrongly
        If the method does not suit the model, or `out` holds something else.
    WrongFolder
        If there is no such file, or a folder holds no image.
    """
    paths = list(map(Path, [files] if isinstance(files, Path | str) else files))
    classifier, asked = model_of(model), ExplainOptions(method, target, layer)
    hardware = select_device("auto", "fp32")
    if out is None:
        return explain_files(classifier, paths, asked, hardware)
    return explain_to_folder(classifier, paths, asked, hardware, Path(out), render_explanations)


def evaluate(
    model: AnyModel,
    data: AnyData,
    *,
    part: str = "test",
    shift: str | None = None,
    threshold: float | str | None = None,
    prevalence: float | None = None,
    by: str | Sequence[str] = (),
    occlusion: bool = False,
) -> Evaluation:
    """Score a model on one split of a data set, with 95 % intervals by patient, beside shortcut baselines.

    Parameters
    ----------
    model
        A run, its folder, or a `Classifier`. Of a run it is known which images it has learned from.
    data
        A data set, or a path as for `radapt.load_dataset`, read as the model reads images.
    part
        A split of the data set: "train", "val", "test"; or "all".
    shift
        Applied to the images first, as `"noise@3"`.
    threshold
        Also report performance at a threshold: 0.5, `"youden"`, `"sensitivity=0.95"`, `"specificity=0.9"` or
        `"cost=5:1"`.
    prevalence
        Also report it at this prevalence of the finding, between 0 and 1.
    by
        Columns whose groups are scored too, as `"sex"`.
    occlusion
        Whether to score also with parts of the images hidden.

    Raises
    ------
    AskedWrongly
        If the images do not suit the model, or there is no such split or column.
    """
    classifier, run = model_of(model), folder_of(model)
    data = data_for(classifier, data)
    data = data.with_all() if part == "all" else data
    asked = None
    if threshold is not None or prevalence is not None:
        asked = PerformanceOptions(parse_threshold(str(0.5 if threshold is None else threshold)), prevalence)
    options = EvaluateOptions(
        part, shift and resolved(shift), occlusion=occlusion, performance=asked, by=listed_of(by)
    )
    record: dict[str, Any] = {} if run is None else read_record(run)
    validation = None if run is None else validation_of(run)
    hardware = select_device("auto", "fp32")
    result = evaluate_model(classifier, record, data, options, validation=validation, hardware=hardware)
    known, learned = ({}, ()) if run is None else learned_images(data, part, run)
    notices = [*from_rows(record.get("notices", ())), *learned, *data.origin.notices]
    return Evaluation({**result, **known, "notices": as_rows(in_order(notices))}, data.origin.name)


def stress(
    model: AnyModel,
    images: ImageSet,
    suite: str | Sequence[str] = "all",
    out: Path | str | None = None,
    *,
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    device: str = "auto",
    progress: bool = False,
) -> StressTest:
    """Score a model under every shift of a suite at every severity, on the same images.

    Parameters
    ----------
    model
        A run, its folder, or a `Classifier`.
    images
        The test images, as `data["test"]`.
    suite
        `"all"`, `"medmnist-c"`, `"chexphoto"`, or names of `radapt.list_shifts()`.
    out
        The folder of the test, which goes on where it was stopped; None: a new temporary folder.
    severities
        Numbers from 1 to 5.
    seed
        Draws the shifts.
    progress
        Whether to print how far it is.

    Raises
    ------
    UnknownName
        If there is no such suite or shift.
    AskedWrongly
        If the images do not suit the model, or `out` holds another stress test.
    """
    check_images(images)
    folder = Path(tempfile.mkdtemp(prefix="radapt-")) if out is None else Path(out)
    options = StressOptions(",".join(listed_of(suite)), tuple(severities), seed)
    hardware = select_device(device, "fp32")
    return StressTest(
        stress_model(model_of(model), images, folder, options, hardware=hardware, watch=watch_for(progress))
    )


def compare(models: Mapping[str, Scored], metric: str = PRIMARY) -> Comparison:
    """Compare models with the first one, paired on the images that all have scored.

    Parameters
    ----------
    models
        By name: predictions of a model, those of several training seeds, or a run (or its folder), of which
        the test set is taken that all of the runs have, the target's first.
    metric
        The metric of the verdicts.

    Returns
    -------
    Comparison
        Scores, differences adjusted for all comparisons, and `verdicts`.

    Raises
    ------
    AskedWrongly
        If there are fewer than two models, or no image was scored by all.
    UnknownName
        If there is no such metric.
    """
    if not isinstance(models, Mapping):
        raise AskedWrongly(
            f"Name the models, as compare({{'base': ..., 'adapted': ...}}). Got a {type(models).__name__}."
        )
    runs = {name: _run_folder(each) for name, each in models.items() if isinstance(each, Run | Path | str)}
    known = {
        name: (each,) if isinstance(each, Predictions) else tuple(each)
        for name, each in models.items()
        if not isinstance(each, Run | Path | str)
    }
    scored = {name: Model(name, given, "predictions") for name, given in known.items()}
    if runs:
        part = common_test_set(list(runs.values()), list(scored.values()))
        scored |= {
            name: Model(name, (Predictions.load(predictions_file(folder, part)),), f"{part} of {folder.name}")
            for name, folder in runs.items()
        }
    return Comparison(compare_models([scored[name] for name in models], metric))


def _run_folder(run: Run | Path | str) -> Path:
    return run.folder if isinstance(run, Run) else Path(run)
