"""The names of the files that runs, studies and stress tests write."""

from pathlib import Path

SCHEMA = 2  # of the JSON documents for other programs, described in docs/schemas
TOML_SCHEMA = 1  # of descriptions of data sets and of protocols, which users write

IDENTITY = "asked.json"  # what a run or stress test was asked to do; written first

OPTIONS_FILE = "options.toml"  # the options of the command, for --config; see `radapt.cli.options_file`

# A run folder, see `radapt.runs.folder`

RECORD = "run.json"

SCORES = "scores.json"

WEIGHTS = "model.safetensors"

CLASSIFIER = "classifier.json"

ENCODER = "encoder.onnx"  # of a model `onnx:FILE`

HISTORY = "history.csv"

STATE = "training.pt"

PERFORMANCE = "performance.json"  # threshold, calibration and use: see `radapt.evaluation.performance`

LEARNED = "learned.npz"  # which images trained and tested the run: see `radapt.runs.learned`

PREDICTIONS = "predictions"  # a folder of Parquet files, of these names and one per test set

VALIDATION = "validation"  # of the images that chose the epoch

OUT_OF_FOLD = "out-of-fold"  # of a few labelled images, each by a model adapted without its fold

SOURCE_VALIDATION = "source-validation"  # by an adapted model, of those that chose the base's epoch

# A study folder, see `radapt.study.experiment`

PLAN = "plan.json"

STUDY = "study.json"

REPORT = "report.html"

CELLS = "cells"  # a folder of run folders, one per model

REGISTERED = "protocol.json"

DRAWN = "shift.parquet"  # the shift's parameters for each test image

EXAMPLE_IMAGES = "images.npz"

ERROR_MAPS = "maps.npz"  # of the most confident errors among them, see `radapt.study.error_maps`

OCCLUSION = "occlusion.json"  # by model and test set: scores with parts of the images hidden

OTHERS = "others"  # a folder of Parquet files, the predictions of models that are not of the study

OTHER_MODELS = "others.json"  # how these compare with the base model and the best

SEVERAL = "several.json"  # in a folder of studies, of several models or targets: which, and their summary

# A folder of maps, see `radapt.explaining.explanation`

EXPLANATIONS = "explanations.json"

EXPLANATIONS_PAGE = "explanations.html"

# A stress folder, see `radapt.evaluation.stress`

STRESS = "stress.json"

STRESS_IMAGES = "stress.npz"

STRESS_CELLS = "cells.json"  # the scores so far


def predictions_file(run: Path, name: str) -> Path:
    """Return the file of a run that holds the predictions of this name, such as `target-test`."""
    return run / PREDICTIONS / f"{name}.parquet"


def prediction_files(run: Path, pattern: str = "*") -> list[Path]:
    """List the prediction files of a run whose names match a pattern, in order."""
    return sorted((run / PREDICTIONS).glob(f"{pattern}.parquet"))
