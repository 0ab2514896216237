"""Retrain a chest-X-ray classifier for another hospital, and know what it bought you.

The names below are the way in from Python; each is loaded when it is first used, so that
`import radapt` costs next to nothing::

    data = radapt.load_dataset("chest_xray", size=128)
    study = radapt.run_study(data, shift="original", budgets=[16, "all"], out="out")
    print(study.headline)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from radapt.version import __version__

# Where each name at the top lives; those of `radapt.api` do what the command of their name does.
NAMES = {
    "Dataset": "radapt.images.imageset",
    "ImageSet": "radapt.images.imageset",
    "load_dataset": "radapt.api.loading",
    "draw_dataset": "radapt.datasets.phantom",
    "save_dataset": "radapt.api.data",
    "image_grid": "radapt.display.grid",
    "audit": "radapt.api.data",
    "shift_images": "radapt.api.data",
    "list_shifts": "radapt.api.listings",
    "list_models": "radapt.api.listings",
    "list_strategies": "radapt.api.listings",
    "train": "radapt.api.training",
    "adapt": "radapt.api.training",
    "read_run": "radapt.report.folder",
    "Classifier": "radapt.models.classifier",
    "load_classifier": "radapt.models.checkpoint",
    "summary": "radapt.api.listings",
    "Predictions": "radapt.predictions",
    "predict": "radapt.api.evaluation",
    "predict_files": "radapt.api.evaluation",
    "explain": "radapt.api.evaluation",
    "export": "radapt.api.exporting",
    "evaluate": "radapt.api.evaluation",
    "stress": "radapt.api.evaluation",
    "compare": "radapt.api.evaluation",
    "estimate": "radapt.stats.inference",
    "difference": "radapt.stats.inference",
    "run_study": "radapt.api.studies",
    "read_study": "radapt.report.folder",
    "write_report": "radapt.report.render",
}

if TYPE_CHECKING:
    from radapt.api.data import audit as audit
    from radapt.api.data import save_dataset as save_dataset
    from radapt.api.data import shift_images as shift_images
    from radapt.api.evaluation import compare as compare
    from radapt.api.evaluation import evaluate as evaluate
    from radapt.api.evaluation import explain as explain
    from radapt.api.evaluation import predict as predict
    from radapt.api.evaluation import predict_files as predict_files
    from radapt.api.evaluation import stress as stress
    from radapt.api.exporting import export as export
    from radapt.api.listings import list_models as list_models
    from radapt.api.listings import list_shifts as list_shifts
    from radapt.api.listings import list_strategies as list_strategies
    from radapt.api.listings import summary as summary
    from radapt.api.loading import load_dataset as load_dataset
    from radapt.api.studies import run_study as run_study
    from radapt.api.training import adapt as adapt
    from radapt.api.training import train as train
    from radapt.datasets.phantom import draw_dataset as draw_dataset
    from radapt.display.grid import image_grid as image_grid
    from radapt.images.imageset import Dataset as Dataset
    from radapt.images.imageset import ImageSet as ImageSet
    from radapt.models.checkpoint import load_classifier as load_classifier
    from radapt.models.classifier import Classifier as Classifier
    from radapt.predictions import Predictions as Predictions
    from radapt.report.folder import read_run as read_run
    from radapt.report.folder import read_study as read_study
    from radapt.report.render import write_report as write_report
    from radapt.stats.inference import difference as difference
    from radapt.stats.inference import estimate as estimate

__all__ = ["NAMES", "__version__", *NAMES]


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(import_module(NAMES[name]), name)
    raise AttributeError(f"module 'radapt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
