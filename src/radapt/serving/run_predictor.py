"""A run as the model of the service, and where the base model of an adapted run lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.device import Hardware, select_device
from radapt.drift.features import DriftFeatures
from radapt.drift.monitor import MIN_PATIENTS, find_drift
from radapt.drift.outliers import Reference
from radapt.drift.reference import ABOUT, read_reference
from radapt.errors import AskedWrongly, BadArtefact
from radapt.explaining.maps import explain
from radapt.explaining.placement import placed
from radapt.exporting.onnx_model import is_onnx
from radapt.files import read_if_whole
from radapt.images.preprocessing import Preprocessing
from radapt.labels import SEPARATOR
from radapt.models.checkpoint import load_classifier, model_digest
from radapt.models.classifier import Classifier, probabilities
from radapt.models.inference import ScoresAndFeatures, checked, logits_one_by_one, scorer_of
from radapt.runs.folder import is_finished, read_record, thresholds_of_run
from radapt.serving.onnx_predictor import open_onnx
from radapt.serving.predictor import Map, Predictor, Scored
from radapt.study.plan import Cell
from radapt.text import listed

MAX_COMPARED = 250  # of the latest images and of the reference, whose comparison takes about 2 s
MAX_SIBLINGS = 200  # folders beside an adapted run in which its base is looked for


@dataclass(frozen=True, slots=True, eq=False)
class RunPredictor:
    """A run that scores images, each as `radapt predict` does."""

    name: str
    classifier: Classifier
    hardware: Hardware
    thresholds: Mapping[str, float]
    chosen: str
    golden: Mapping[str, float] | None
    features: DriftFeatures | None = None  # of its reference, where that has enough patients
    reference: Reference | None = None

    @property
    def about(self) -> str:
        """A sentence on it."""
        spec = self.classifier.spec
        return f"{spec.model}, images of {spec.size} x {spec.size} pixels, {listed(spec.classes)}."

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes or findings."""
        return self.classifier.spec.classes

    @property
    def exclusive(self) -> bool:
        """Whether an image is of one class."""
        return self.classifier.spec.outputs != "findings"

    @property
    def reading(self) -> Preprocessing:
        """How images are decoded for it."""
        return self.classifier.spec.reading

    def predict(self, images: Sequence[NDArray[np.uint8]]) -> list[Scored]:
        """Score decoded images, each (size, size)."""
        pixels, count = torch.from_numpy(np.stack(images)), len(self.classes)
        both = logits_one_by_one(ScoresAndFeatures(self.classifier), pixels, self.hardware)
        logits, features = checked(both[:, :count]), both[:, count:].numpy()
        label = scorer_of(self.classifier, self.hardware).label
        scores = probabilities(logits, self.classifier.spec.outputs).tolist()
        return [
            Scored(
                tuple(row),
                label(row, self.thresholds),
                own,
            )
            for row, own in zip(scores, features, strict=True)
        ]

    def unlike(self, features: NDArray[np.float32]) -> Mapping[str, Any] | None:
        """Say whether an image of these features is unlike the run's reference; None without one."""
        return None if self.reference is None else self.reference.flags(features[None])[0]

    @property
    def has_reference(self) -> bool:
        """Whether the run keeps a reference of enough patients."""
        return self.features is not None

    def drift(self, features: NDArray[np.float32], scores: NDArray[np.float32]) -> list[str]:
        """Compare images with the run's reference; each is taken for a patient of its own."""
        if self.features is None:
            raise AskedWrongly("This model keeps no reference, so that its images cannot be compared.")
        features, scores = features[-MAX_COMPARED:], scores[-MAX_COMPARED:]
        count, rng = len(features), np.random.default_rng(0)
        unlabelled = np.full((count, len(self.classes)), np.nan, dtype=np.float32)
        new = DriftFeatures(features, scores, unlabelled, np.arange(count, dtype=np.int64), self.classes)
        rows = rng.permutation(len(self.features))[:MAX_COMPARED]
        names = [str(number) for number in range(count)]
        words: list[str] = find_drift(self.features.take(rows), new, names)["words"]
        return [*words, "Each image was taken for a patient of its own."]

    @property
    def draws_maps(self) -> bool:
        """Whether it can say where in an image it looked."""
        return True

    def map_of(self, data: bytes, side: int) -> Map:
        """Draw the Grad-CAM map of an image file's label, or of the likeliest of its findings."""
        image = placed(data, self.reading).shrunk(side)
        target = self._labelled(self.predict([image.pixels])[0])
        drawn = explain(self.classifier, image.pixels[None], target=target)[0]
        return Map(image.overlay(drawn), target)

    def _labelled(self, one: Scored) -> str:
        """Return the class of an answer, or the likeliest of its findings."""
        if self.exclusive:
            return one.label
        score = dict(zip(self.classes, one.scores, strict=True))
        found = [name for name in one.label.split(SEPARATOR) if name in score]
        if not found:
            raise AskedWrongly("No finding reaches its threshold in this image: there is no label to map.")
        return max(found, key=score.__getitem__)


def open_model(path: Path, hardware: tuple[str, int | None], threshold: str | None) -> Predictor:
    """Read a run, or a file that was exported, on a device and with a number of threads."""
    if is_onnx(path):
        return open_onnx(path, hardware[1], threshold)
    return open_run(path, select_device(hardware[0], "fp32", hardware[1]), threshold)


def open_run(run: Path, hardware: Hardware, threshold: str | None = None) -> RunPredictor:
    """Read a run for the service.

    Parameters
    ----------
    threshold
        As `radapt predict` takes it; None for that of an imported run, or the likeliest class.

    Raises
    ------
    WrongFolder, BadArtefact
        If the folder holds no model that can be read.
    AskedWrongly
        If the threshold does not suit the model.
    """
    classifier = load_classifier(run)
    classifier.to(hardware.device)
    spec = classifier.spec
    thresholds = thresholds_of_run(run, spec.classes, threshold, exclusive=spec.outputs != "findings")
    features = read_reference(run, classifier) if (run / ABOUT).is_file() else None
    if features is not None and features.people < MIN_PATIENTS:
        features = None
    record = read_record(run) if is_finished(run) else {}
    chosen = next((each.chosen_on for each in thresholds.values()), "")
    return RunPredictor(
        name=run.resolve().name,
        classifier=classifier,
        hardware=hardware,
        thresholds={name: each.value for name, each in thresholds.items()},
        chosen=chosen,
        golden=record.get("golden"),
        features=features,
        reference=None if features is None else Reference(features),
    )


def find_base(run: Path) -> Path | None:
    """Return the folder of the model that a run was adapted from, if it lies beside it; else None.

    A cell of a study knows the base model of its seed; another adapted run knows the digest of its base.
    """
    record = read_record(run) if is_finished(run) else {}
    if record.get("kind") == "cell":
        base = run.resolve().parent / Cell("none", "", int(record.get("seed", 0))).name
        return base if record.get("strategy") != "none" and is_finished(base) else None
    digest = record.get("base")
    if not isinstance(digest, str) or not digest:
        return None
    beside = sorted(run.resolve().parent.iterdir())[:MAX_SIBLINGS]
    for folder in beside:
        about = read_if_whole(folder / ABOUT) if (folder / ABOUT).is_file() else None
        if about is not None and about.get("model") == digest and _is_model(folder, digest):
            return folder
    return None


def _is_model(folder: Path, digest: str) -> bool:
    try:
        return model_digest(load_classifier(folder)) == digest
    except BadArtefact:
        return False
