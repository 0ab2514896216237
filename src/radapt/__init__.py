"""Retrain a chest-X-ray classifier for another hospital, and know what it bought you.

The names below are the way in from Python; each is loaded when it is first used, so that
`import radapt` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Where each name at the top lives; its own module is its address inside the project.
NAMES = {
    "ImageSet": "radapt.images.imageset",
    "load": "radapt.images.load",
    "draw_dataset": "radapt.images.phantom",
    "shift_images": "radapt.shift.shifted",
    "parse_shift": "radapt.shift.expression",
    "choose": "radapt.device",
    "Recipe": "radapt.recipe",
    "Classifier": "radapt.models.classifier",
    "load_classifier": "radapt.models.checkpoint",
    "train_model": "radapt.jobs",
    "adapt_model": "radapt.jobs",
    "predict": "radapt.models.inference",
    "estimate": "radapt.uncertainty",
    "difference": "radapt.uncertainty",
    "Plan": "radapt.plan",
    "run_study": "radapt.study",
    "write_report": "radapt.report.render",
}

if TYPE_CHECKING:
    from radapt.device import choose as choose
    from radapt.images.imageset import ImageSet as ImageSet
    from radapt.images.load import load as load
    from radapt.images.phantom import draw_dataset as draw_dataset
    from radapt.jobs import adapt_model as adapt_model
    from radapt.jobs import train_model as train_model
    from radapt.models.checkpoint import load_classifier as load_classifier
    from radapt.models.classifier import Classifier as Classifier
    from radapt.models.inference import predict as predict
    from radapt.plan import Plan as Plan
    from radapt.recipe import Recipe as Recipe
    from radapt.report.render import write_report as write_report
    from radapt.shift.expression import parse_shift as parse_shift
    from radapt.shift.shifted import shift_images as shift_images
    from radapt.study import run_study as run_study
    from radapt.uncertainty import difference as difference
    from radapt.uncertainty import estimate as estimate

__all__ = ["NAMES", "__version__", *NAMES]


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(import_module(NAMES[name]), name)
    raise AttributeError(f"module 'radapt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
