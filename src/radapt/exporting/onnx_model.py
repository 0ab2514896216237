"""A model in a file that `radapt export` wrote, run by ONNX Runtime; torch is never loaded."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, BadArtefact, RadaptError
from radapt.evaluation.thresholds import Threshold
from radapt.exporting.metadata import KEY, Metadata, parse_metadata
from radapt.images.golden import golden_pixels, same_scores
from radapt.images.imageset import ImageSet
from radapt.models.onnx_content import check_alone, check_finite, properties_of
from radapt.models.predict_files import Scorer, score_files
from radapt.predictions import Predictions
from radapt.text import counted

SUFFIX = ".onnx"
IMAGES, PREPARED, PROBABILITIES = "images", "prepared", "probabilities"  # names in the graph


@dataclass(frozen=True, slots=True, eq=False)
class OnnxModel:
    """An exported model that is open; images are scored one by one, whatever comes with them."""

    metadata: Metadata
    session: Any  # of onnxruntime

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes or findings, in the order of the scores."""
        return self.metadata.classes

    @property
    def findings(self) -> bool:
        """Whether an image may have several of the classes."""
        return self.metadata.outputs == "findings"

    @property
    def thresholds(self) -> dict[str, Threshold]:
        """The threshold of each finding, or of the positive class; empty: the likeliest class is taken."""
        return self.metadata.chosen

    @property
    def scorer(self) -> Scorer:
        """What scores files of images, as a run's model does."""
        return Scorer(self.classes, self.findings, self.metadata.preprocessing, self.predict_pixels)

    def predict_pixels(self, pixels: NDArray[np.uint8], *, prepared: bool = True) -> NDArray[np.float64]:
        """Return probabilities (n, k) of grey images (n, h, w).

        Parameters
        ----------
        prepared
            Whether they are the model's own pixels, as `radapt.images.pixels.read_image` returns them.
            False: they are raw, of any size, and are prepared in the file.

        Raises
        ------
        AskedWrongly
            If they are of no such shape.
        RadaptError
            If an image gets no number.
        """
        size = self.metadata.preprocessing.size
        if pixels.ndim != 3 or pixels.dtype != np.uint8 or (prepared and pixels.shape[1:] != (size, size)):
            raise AskedWrongly(
                f"This model takes grey levels, uint8 (n, {size}, {size}), or raw ones of any size. Got "
                f"{pixels.dtype} {pixels.shape}."
            )
        given = {PREPARED: np.array(prepared)} if self._spreads else {}
        rows = [self._run({IMAGES: image[None, None], **given}) for image in pixels]
        scores = np.concatenate(rows) if rows else np.zeros((0, len(self.classes)))
        broken = int((~np.isfinite(scores)).any(axis=1).sum())
        if broken:
            raise RadaptError(f"The model gives no number for {counted(broken, 'image')} of {len(pixels)}.")
        return scores

    def predict(self, images: ImageSet) -> Predictions:
        """Score every image of a set that was read as the model reads images.

        Raises
        ------
        AskedWrongly
            If it is empty, or its images are of another size.
        """
        if not len(images):
            raise AskedWrongly("There is no image to predict: the image set is empty.")
        return Predictions(
            scores=self.predict_pixels(np.asarray(images.pixels)),
            labels=images.labels,
            patients=images.patients,
            ids=images.ids,
            classes=images.classes,
        )

    def predict_files(
        self,
        paths: Sequence[Path],
        *,
        thresholds: Mapping[str, float] | None = None,
        observe: Callable[[NDArray[np.uint8]], None] | None = None,
    ) -> dict[str, Any]:
        """Score files, as `radapt.models.predict_files.score_files`; without thresholds by its own."""
        own = {name: each.value for name, each in self.thresholds.items()}
        return score_files(
            self.scorer, paths, thresholds=own if thresholds is None else thresholds, observe=observe
        )

    @property
    def golden(self) -> dict[str, float] | None:
        """Its scores of the golden image when it was written, by class; None if they were not."""
        golden = self.metadata.golden
        return dict(zip(self.classes, golden, strict=True)) if golden else None

    @property
    def runs_as_it_did(self) -> bool:
        """Whether the golden image scores as it did, as far as that is known.

        Layers of 8 bits are rounded otherwise on other processors, and are taken as they are.
        """
        if self.golden is None or self.metadata.int8 is not None:
            return True
        (scores,) = self.predict_pixels(golden_pixels(self.metadata.preprocessing.size or 0)).tolist()
        return same_scores(self.golden, dict(zip(self.classes, scores, strict=True)))

    @property
    def _spreads(self) -> bool:
        return self.metadata.preprocessing.intensity == "percentile"

    def _run(self, given: Mapping[str, Any]) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = self.session.run([PROBABILITIES], dict(given))[0]
        return scores


def is_onnx(path: Path) -> bool:
    """Return whether, by its name, a path is a file of ONNX and no run folder."""
    return path.suffix.lower() == SUFFIX and not path.is_dir()


def read_onnx_model(path: Path, *, threads: int | None = None) -> OnnxModel:
    """Open a file that `radapt export` wrote.

    Its bytes are looked through before anything is run: whether it is alone, its weights are finite, and
    radapt described it. Then the golden image has to score as it did when the file was written.

    Parameters
    ----------
    threads
        Number of threads; None: RADAPT_THREADS, else as many as ONNX Runtime takes.

    Raises
    ------
    AskedWrongly
        If there is no such file, onnxruntime is not installed, or radapt did not write it.
    BadArtefact
        If it is damaged.
    """
    if not path.is_file():
        raise AskedWrongly(f"There is no file {path}. Give one that `radapt export` wrote.")
    content = path.read_bytes()
    check_alone(content, path)
    try:
        written = properties_of(content).get(KEY)
    except ValueError:
        written = None
    if written is None:
        raise AskedWrongly(
            f"{path} is a file of ONNX that `radapt export` did not write, so that its classes and its input "
            "are not known: make a run of it with `radapt import`."
        )
    metadata = parse_metadata(written, str(path))
    check_finite(content, path)
    model = OnnxModel(metadata, _open(content, metadata, path, threads))
    if not model.runs_as_it_did:
        raise BadArtefact(
            f"{path} gives other scores here than when it was exported: its description is not that of its "
            "network, or this machine computes otherwise. Export the run again here."
        )
    return model


def _open(content: bytes, metadata: Metadata, path: Path, threads: int | None) -> Any:
    session = open_session(content, path, threads)
    outputs = [(each.name, each.type, each.shape[1:]) for each in session.get_outputs()]
    inputs = [(each.name, each.type, len(each.shape)) for each in session.get_inputs()]
    if inputs != [(IMAGES, "tensor(uint8)", 4)] or outputs != [
        (PROBABILITIES, "tensor(double)", [len(metadata.classes)])
    ]:
        raise BadArtefact(f"{path} is damaged: its graph is not the one that `radapt export` writes.")
    return session


def open_session(content: bytes, path: Path, threads: int | None = None) -> Any:
    """Open a session of onnxruntime on the processor.

    Raises
    ------
    AskedWrongly
        If onnxruntime is not installed.
    BadArtefact
        If it cannot open the file.
    """
    try:
        import onnxruntime
    except ImportError:
        raise AskedWrongly(
            "Files of ONNX are run by onnxruntime: install it with pip install 'radapt[onnx]'."
        ) from None
    options = onnxruntime.SessionOptions()
    asked = threads or os.environ.get("RADAPT_THREADS", "")
    options.intra_op_num_threads = (
        int(asked) if str(asked).isdecimal() else 0
    )  # 0: as many as there are cores
    options.log_severity_level = 4  # what fails is raised
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises errors of its own
        reason = str(error).splitlines()[0].rstrip(".")
        raise BadArtefact(f"onnxruntime cannot open {path}: {reason}.") from None
