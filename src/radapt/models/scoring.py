"""Scoring single files as they come: what cannot be read is named, and the rest go on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from radapt.device import Hardware
from radapt.errors import BadImage, WrongFolder
from radapt.images.pixels import read_grey
from radapt.images.store import is_store
from radapt.labels import joined
from radapt.models.classifier import Classifier, Spec, probabilities
from radapt.models.inference import BATCH, logits_of

NOT_FILMS = {".txt", ".csv", ".tsv", ".json", ".md", ".html", ".parquet", ".xml"}


def score_files(classifier: Classifier, paths: Sequence[Path], hardware: Hardware) -> dict[str, Any]:
    """Score films by a model.

    Parameters
    ----------
    paths
        Files, and folders whose files (in sub-folders too) are all scored.

    Returns
    -------
    dict
        "images": [{"path", "scores": {class: probability}, "label": the likeliest class, or of findings
        those at 0.5 or above with `|` between}], and "failed": [{"path", "error"}], in the order given.

    Raises
    ------
    WrongFolder
        If a path does not exist, or a folder holds no file.
    """
    spec, images, failed = classifier.spec, [], []
    files = _files(paths)
    classifier.to(hardware.device)
    for start in range(0, len(files), BATCH):
        read, pixels = [], []
        for path in files[start : start + BATCH]:
            try:
                pixels.append(read_grey(path, spec.reading))
                read.append(path)
            except BadImage as error:
                failed.append({"path": str(path), "error": str(error)})
        if read:
            scores = probabilities(
                logits_of(classifier, torch.from_numpy(np.stack(pixels)), hardware), spec.outputs
            )
            for path, row in zip(read, scores.tolist(), strict=True):
                named = dict(zip(spec.classes, row, strict=True))
                images.append({"path": str(path), "scores": named, "label": _called(spec, row)})
    return {"images": images, "failed": failed}


def _called(spec: Spec, scores: Sequence[float]) -> str:
    if spec.outputs == "findings":
        return joined(spec.classes, (score >= 0.5 for score in scores))
    return spec.classes[max(range(len(scores)), key=scores.__getitem__)]


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if is_store(path):
            raise WrongFolder(
                f"{path} is a store, which `radapt evaluate` scores. Give films, or a folder of them."
            )
        if path.is_dir():
            inside = [
                file
                for file in sorted(path.rglob("*"))
                if file.is_file() and not file.name.startswith(".") and file.suffix.lower() not in NOT_FILMS
            ]
            if not inside:
                raise WrongFolder(f"The folder {path} holds no film.")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise WrongFolder(f"There is no file or folder {path}. Give films, or folders of films.")
    return found
