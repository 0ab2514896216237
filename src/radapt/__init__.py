"""Retrain a chest-X-ray classifier for another hospital, and know what it bought you.

The names below are the way in from Python; each is loaded when it is first used, so that
`import radapt` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from radapt.version import __version__

# Where each name at the top lives; its own module is its address inside the project.
NAMES = {
    "ImageSet": "radapt.images.imageset",
    "LoadOptions": "radapt.images.load_options",
    "TableOptions": "radapt.images.table_options",
    "load_dataset": "radapt.images.load",
    "draw_dataset": "radapt.datasets.phantom",
    "shift_images": "radapt.shift.shifted",
    "parse_shift": "radapt.shift.expression",
    "select_device": "radapt.device",
    "Recipe": "radapt.training.recipe",
    "Classifier": "radapt.models.classifier",
    "load_classifier": "radapt.models.checkpoint",
    "train_model": "radapt.runs.train",
    "adapt_model": "radapt.runs.adapt",
    "predict": "radapt.models.inference",
    "estimate": "radapt.stats.inference",
    "difference": "radapt.stats.inference",
    "Plan": "radapt.study.plan",
    "run_study": "radapt.study.experiment",
    "write_report": "radapt.report.render",
}

if TYPE_CHECKING:
    from radapt.datasets.phantom import draw_dataset as draw_dataset
    from radapt.device import select_device as select_device
    from radapt.images.imageset import ImageSet as ImageSet
    from radapt.images.load import load_dataset as load_dataset
    from radapt.images.load_options import LoadOptions as LoadOptions
    from radapt.images.table_options import TableOptions as TableOptions
    from radapt.models.checkpoint import load_classifier as load_classifier
    from radapt.models.classifier import Classifier as Classifier
    from radapt.models.inference import predict as predict
    from radapt.report.render import write_report as write_report
    from radapt.runs.adapt import adapt_model as adapt_model
    from radapt.runs.train import train_model as train_model
    from radapt.shift.expression import parse_shift as parse_shift
    from radapt.shift.shifted import shift_images as shift_images
    from radapt.stats.inference import difference as difference
    from radapt.stats.inference import estimate as estimate
    from radapt.study.experiment import run_study as run_study
    from radapt.study.plan import Plan as Plan
    from radapt.training.recipe import Recipe as Recipe

__all__ = ["NAMES", "__version__", *NAMES]


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(import_module(NAMES[name]), name)
    raise AttributeError(f"module 'radapt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
