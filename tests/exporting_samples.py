"""Small models and the files that they are exported to."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from radapt.device import Hardware
from radapt.evaluation.thresholds import Rule, Threshold
from radapt.exporting.agreement import drawn_sample
from radapt.exporting.export import Exported, export_model
from radapt.images.pixels import fitted
from radapt.models.classifier import Classifier, Spec
from radapt.models.ensemble import combine
from radapt.models.inference import scores_of
from radapt.models.table import build

RECORD = {"strategy": "linear-probe", "images": 16, "source": "ab12", "data": "cd34", "pretrained": False}
AT = {"PNEUMONIA": Threshold(0.3, Rule("fixed", 0.3), "fixed beforehand")}


@dataclass(frozen=True)
class Pair:
    """A model, and the file that was made of it."""

    classifier: Classifier
    written: Exported

    def own_scores(self, raw, hardware):
        """What the model gives for raw images of any size, which radapt prepares for it."""
        reading = self.classifier.spec.reading
        prepared = np.stack([fitted(Image.fromarray(image), reading) for image in raw])
        return scores_of(self.classifier, prepared, hardware)


def lively(spec: Spec, *, seed: int = 0, small: bool = False) -> Classifier:
    """A new model whose scores differ from image to image; `small` has a trunk of one layer."""
    if small and spec.members > 1:
        each = replace(spec, members=1)
        made = combine([lively(each, seed=seed + number, small=True) for number in range(spec.members)])
        return made.eval()
    classifier = build(spec, seed=seed).eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if small:
            layers = (
                nn.Conv2d(spec.channels, 8, 4, stride=4),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
            )
            trunk, head = nn.Sequential(*layers), nn.Linear(8, len(spec.classes))
            classifier = Classifier(spec, trunk, head, ("0",)).eval()
        for tensor in classifier.head.parameters():
            nn.init.normal_(tensor)
    return classifier


def exported(spec: Spec, out: Path, hardware: Hardware, *, small: bool = False) -> Pair:
    """A new model and its file."""
    classifier = lively(spec, small=small)
    sample = drawn_sample(spec.reading)
    return Pair(classifier, export_model(classifier, RECORD, out, sample, hardware, thresholds=AT))
