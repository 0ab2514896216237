"""A classifier on disk: `model.safetensors` and `classifier.json`. Nothing is ever unpickled.

A frozen encoder in ONNX lies beside them, as `encoder.onnx`, and a file that was imported as `imported.*`.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from radapt.artefacts import CELLS, CLASSIFIER, ENCODER, WEIGHTS
from radapt.errors import BadArtefact, RadaptError, WrongFolder
from radapt.files import atomic, read_document, sha256, write_document
from radapt.models import onnx_encoder, program
from radapt.models.classifier import Classifier, Spec
from radapt.models.neighbours import make_room
from radapt.models.table import build


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """Write weights and description into a folder; the description, with the weights' digest, comes last."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in classifier.state_dict().items()}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise RadaptError(
                f"The model was not saved: its weights in {name} are no longer finite numbers, since its "
                "training diverged. Try a lower --learning-rate, or --precision fp32."
            )
    if isinstance(classifier.trunk, onnx_encoder.Trunk):
        with atomic(folder / ENCODER) as temporary:
            temporary.write_bytes(classifier.trunk.encoder.content)
    if isinstance(classifier.trunk, program.Trunk):
        with atomic(folder / program.FILES[program.kind_in(classifier.spec.model)]) as temporary:
            temporary.write_bytes(classifier.trunk.program.content)
    with atomic(folder / WEIGHTS) as temporary:
        temporary.write_bytes(save(tensors))
    description = {**classifier.spec.as_dict(), "weights_sha256": sha256(folder / WEIGHTS)}
    write_document(folder / CLASSIFIER, description)


def _no_model(folder: Path) -> str:
    """Say why a path is no run, and what is."""
    give = "Give the folder of a run, as `radapt train`, `adapt` or `import` writes it."
    if folder.is_file():
        return f"is a file. {give}"
    cells = sorted(each.parent for each in folder.glob(f"{CELLS}/*/{CLASSIFIER}"))
    if cells:
        return f"is a study, whose models lie in {folder / CELLS}. Give one of them, such as {cells[0]}."
    return f"{'holds no trained model' if folder.is_dir() else 'does not exist'}. {give}"


def load_classifier(folder: Path | str) -> Classifier:
    """Read a classifier back, on the processor, in evaluation mode.

    Raises
    ------
    WrongFolder
        If the folder is missing or holds no classifier.
    BadArtefact
        If the weights are damaged, are not those that were written, or do not fit the description.
    """
    folder = Path(folder)
    if not (folder / CLASSIFIER).is_file():
        raise WrongFolder(f"{folder} {_no_model(folder)}")
    try:
        description = read_document(folder / CLASSIFIER)
    except BadArtefact as error:
        raise BadArtefact(f"{error} Delete {folder}, and make the run again.") from None
    del description["schema"]
    digest = description.pop("weights_sha256", "")
    try:
        spec = Spec.from_dict(description)
    except BadArtefact as error:
        raise BadArtefact(f"{folder / CLASSIFIER} is damaged: {error}") from None
    try:
        if sha256(folder / WEIGHTS) != digest:
            raise BadArtefact(
                f"{folder / WEIGHTS} is not the file that was written there: its sha256 differs."
            )
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise BadArtefact(f"{folder / WEIGHTS} could not be read: {error}.") from None
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise BadArtefact(f"{folder / WEIGHTS} holds numbers that are not finite, first in {broken[0]!r}.")
    classifier = _built(spec, folder)
    if spec.neighbours:
        make_room(classifier, tensors)
    try:
        classifier.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadArtefact(
            f"{folder / WEIGHTS} does not fit its description: {str(error).splitlines()[0]}"
        ) from None
    return classifier.eval()


def _built(spec: Spec, folder: Path) -> Classifier:
    """Build a classifier, on the file in its folder where the weights lie there."""
    if spec.model.startswith(onnx_encoder.PREFIX):
        return onnx_encoder.open_encoder(spec, folder / ENCODER)
    if program.is_imported(spec.model):
        if (kind := program.kind_in(spec.model)) not in program.FILES:
            raise BadArtefact(
                f"{folder / CLASSIFIER} is damaged: it names an unknown kind of file, {kind[:80]!r}."
            )
        return program.open_program(spec, folder / program.FILES[kind])
    return build(spec)


def model_digest(classifier: Classifier) -> str:
    """Return the sha256 of all that a classifier's answers depend on: its description and its weights."""
    total = hashlib.sha256(json.dumps(classifier.spec.as_dict(), sort_keys=True).encode())
    for name, tensor in sorted(classifier.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()
