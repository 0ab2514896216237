"""A classifier with its preprocessing and probabilities as one module, and as a program of torch.export."""

from typing import Any

import torch
from torch import Tensor, nn

from radapt.errors import AskedWrongly
from radapt.exporting.preparation import Preparation
from radapt.models import onnx_encoder, program
from radapt.models.classifier import Classifier, probabilities

EXAMPLES = (3, 61, 47)  # images, height and width that a program is made with; all three stay open


class WholeModel(nn.Module):
    """Raw grey images of any size to calibrated probabilities.

    Raises
    ------
    AskedWrongly
        If the preprocessing cannot be carried by a file.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.preparation = Preparation(classifier.spec.reading)
        self.classifier = classifier

    def forward(self, images: Tensor, prepared: Tensor | None = None) -> Tensor:
        """Map grey levels (n, 1, h, w), uint8, to probabilities (n, k), float64."""
        logits = self.classifier(self.preparation(images, prepared))
        return probabilities(logits, self.classifier.spec.outputs)


def check_exportable(classifier: Classifier) -> None:
    """Refuse a model whose network lies in a file that is a program already.

    Raises
    ------
    AskedWrongly
        If it does.
    """
    if isinstance(classifier.trunk, onnx_encoder.Trunk | program.Trunk):
        raise AskedWrongly(
            f"The network of this run is a file itself ({classifier.spec.model.partition(':')[0]}), which "
            "PyTorch cannot export: export a model that radapt has built, such as compact or timm:NAME."
        )


def export_program(classifier: Classifier) -> Any:
    """Return the program of torch.export of a whole model: any number of images, of any height and width.

    Its inputs are `images` and, where percentiles are spread, `prepared`.

    Raises
    ------
    AskedWrongly
        If the model cannot be exported.
    """
    check_exportable(classifier)
    whole = WholeModel(classifier.cpu().eval())
    count, height, width = EXAMPLES
    images = torch.arange(count * height * width).remainder(251).to(torch.uint8).view(count, 1, height, width)
    given: dict[str, Any] = {"images": images}
    open_sizes: dict[str, Any] = {"images": {axis: torch.export.Dim.DYNAMIC for axis in (0, 2, 3)}}
    if whole.preparation.spreads:
        given, open_sizes = given | {"prepared": torch.tensor(False)}, open_sizes | {"prepared": None}
    try:
        with torch.no_grad():
            return torch.export.export(whole, (), given, dynamic_shapes=open_sizes)
    except Exception as error:  # torch.export raises whatever its tracing does
        raise AskedWrongly(
            f"The network {classifier.spec.model!r} cannot be exported by PyTorch ({_first_line(error)})."
        ) from None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
