"""Models that came as a file and stay as they are: TorchScript, `torch.export` or ONNX.

The trunk of such a classifier is the file's program; it gives one logit a class, after the features if the
file gives any. The head is a linear layer that begins as the identity on the logits, so that the scores are
the file's own until a strategy changes the head. The file lies in the run folder, under the name in `FILES`.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.architecture import Architecture
from radapt.models.classifier import Classifier, Spec
from radapt.models.exported_program import open_exported
from radapt.models.onnx_content import check_alone
from radapt.models.onnx_encoder import Encoder
from radapt.models.saved_program import SavedProgram, last_words
from radapt.models.torchscript import open_torchscript
from radapt.text import counted, listed

PREFIX = "imported:"
WITH_FEATURES = "+features"
FILES = {"torchscript": "imported.pt", "torch.export": "imported.pt2", "onnx": "imported.onnx"}
SMALLEST = 1e-30  # of a probability whose logarithm is taken
TRIED = 3  # images that a file is tried on when it is opened
SAME = 1e-3  # how far apart two runs of the same image may be, as a share of the largest number
put_weights = find_weights = None  # the file holds them
WORKS = "Import your own model with `radapt import FILE --out RUN`, and give RUN to the commands."


class Program(nn.Module):
    """A program from a file as a module without parameters; copies share it.

    Parameters
    ----------
    content, name
        The bytes of the file, and its name for errors.
    spec
        Names the kind of file, and which of its outputs are scores and features. Whether the scores are
        logits or probabilities is guessed if it does not say.

    Raises
    ------
    AskedWrongly
        If the file is refused, or does not map such images to such scores.
    BadArtefact
        If it is damaged.
    """

    def __init__(self, content: bytes, name: str, spec: Spec) -> None:
        super().__init__()
        self.content, self.name, self._spec = content, name, spec
        self._program = _open(content, name, spec)
        self._batch = self._program.shape[0]
        images = _trial_images(spec)
        self._find_batch(images)
        outputs = self._check_repeats(images)
        self.names = _choose(outputs, spec, name)
        if not spec.gives:
            guess = guess_gives(outputs[self.names[0]])
            self._spec = replace(spec, gives=guess)
        self.width = self(images).shape[1]

    def __deepcopy__(self, _memo: Any) -> "Program":
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to features, if there are any, and logits: (n, d + k), float32."""
        outputs = self.outputs(x)
        parts = [*(_pooled(outputs[each]) for each in self.names[1:])]
        parts.append(as_logits(outputs[self.names[0]], self._spec))
        return torch.cat([each.to(x.device) for each in parts], dim=1)

    @property
    def gives(self) -> str:
        """What its scores are: "logits" or "probabilities"."""
        return self._spec.gives

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """Return all that the file gives for images, by name; in batches of its own size if that is fixed."""
        images, size = x.detach().float().contiguous(), self._batch or len(x)
        parts = []
        with torch.no_grad():
            for rows in images.split(size):
                full = torch.cat([rows, rows[:1].expand(size - len(rows), *rows.shape[1:])])
                parts.append({key: each[: len(rows)] for key, each in self._program.run(full).items()})
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}

    def _find_batch(self, images: Tensor) -> None:
        """Find out whether the file takes several images at once, and gives as many rows."""
        try:
            if all(len(each) == len(images) for each in self.outputs(images).values()):
                return
        except Exception:  # programs raise whatever their operations do
            pass
        self._batch = 1
        try:
            self.outputs(images)
        except Exception as error:
            spec = self._spec
            raise AskedWrongly(
                f"{self.name} does not take images of {spec.size} x {spec.size} with "
                f"{counted(spec.channels, 'channel')} ({last_words(error)}). Give what it was made for "
                "as --size and --channels."
            ) from None

    def _check_repeats(self, images: Tensor) -> dict[str, Tensor]:
        """Refuse a file that gives an image other numbers the next time, or by itself."""
        first, again = self.outputs(images), self.outputs(images)
        alone = {key: torch.cat([self.outputs(each)[key] for each in images.split(1)]) for key in first}
        for key, values in first.items():
            values = values.float()
            allowed = SAME * max(1.0, float(values.abs().max())) if values.numel() else 0.0
            if any(not _close(values, other[key].float(), allowed) for other in (again, alone)):
                raise AskedWrongly(
                    f"{self.name} gives an image different scores when it is run again, or together with "
                    "other images: it was saved in training mode. Call network.eval() before saving it."
                )
        return first


class Trunk(nn.Module):
    """A trunk with a program from a file as its only block."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to features and logits (n, d + k)."""
        features: Tensor = self.program(x)
        return features


def architecture(model: str) -> Architecture:
    """Refuse to begin a new model from a file that is one already.

    Raises
    ------
    AskedWrongly
        Always.
    """
    raise AskedWrongly(f"{model} is not a model that can be trained. {WORKS}")


def build(spec: Spec) -> Classifier:
    """Refuse to build anew what is only in its file.

    Raises
    ------
    AskedWrongly
        Always.
    """
    raise AskedWrongly(f"{spec.model} cannot be built without its file. {WORKS}")


def is_imported(model: str) -> bool:
    """Return whether a model is a program from a file."""
    return model.startswith(PREFIX)


def gives_features(model: str) -> bool:
    """Return whether a program from a file gives features beside its scores."""
    return model.endswith(WITH_FEATURES)


def kind_in(model: str) -> str:
    """Return the kind of file of an imported model, a key of `FILES`."""
    return model.removeprefix(PREFIX).removesuffix(WITH_FEATURES)


def open_program(spec: Spec, path: Path) -> Classifier:
    """Build a classifier on the program in a file.

    Raises
    ------
    AskedWrongly, BadArtefact
        As for `Program`, or if the file is not the one that the spec names by its sha256.
    """
    if not path.is_file():
        raise BadArtefact(f"{path.parent} lacks {path.name}, the model that was imported. Import it again.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != spec.encoder:
        raise BadArtefact(f"{path} is not the file that was imported: its sha256 differs.")
    return classifier_of(content, path.name, spec)


def classifier_of(content: bytes, name: str, spec: Spec) -> Classifier:
    """Build a classifier on the program of a file, with a head that hands its logits on.

    The spec that it gets names the outputs that were found.
    """
    program = Program(content, name, spec)
    classes = len(spec.classes)
    head = nn.Linear(program.width, classes)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
        head.weight[:, -classes:] = torch.eye(classes)
    spec = replace(spec, file_outputs=program.names, gives=program.gives)
    return Classifier(spec, Trunk(program), head, ("program",)).eval()


def as_logits(values: Tensor, spec: Spec) -> Tensor:
    """Return one logit a class, (n, k) float32, of what a file gives for n images.

    One number is the second of two classes'. Probabilities of exclusive classes become their logarithms,
    whose softmax is these probabilities divided by their sum; those of findings become log odds.
    """
    values = values.flatten(1) if values.ndim > 1 else values.unsqueeze(1)
    exclusive, values = spec.outputs != "findings", values.double()
    if values.shape[1] == 1 and exclusive:
        of_first = 1 - values if spec.gives == "probabilities" else torch.zeros_like(values)
        values = torch.cat([of_first, values], dim=1)
    if spec.gives == "probabilities":
        logarithms = values.clamp_min(SMALLEST).log()
        values = logarithms if exclusive else logarithms - (1 - values).clamp_min(SMALLEST).log()
    return values.float()


def _pooled(features: Tensor) -> Tensor:
    """Return features (n, d) float32; of maps (n, d, h, w) their means."""
    return (features.mean(dim=(2, 3)) if features.ndim == 4 else features).float()


def guess_gives(values: Tensor) -> str:
    """Return "probabilities" for numbers that all lie between 0 and 1, and "logits" for others."""
    return "probabilities" if bool(((values >= 0) & (values <= 1)).all()) else "logits"


def declared_shape(content: bytes, name: str, kind: str) -> tuple[int | None, ...]:
    """Return the shape (n, c, h, w) of the images that a file says it takes; None for what it leaves open.

    Raises
    ------
    AskedWrongly, BadArtefact
        As for `Program`.
    """
    return _OPENERS[kind](content, name).shape


def _open(content: bytes, name: str, spec: Spec) -> SavedProgram:
    """Open a file whose input is what the spec says."""
    program = _OPENERS[kind_in(spec.model)](content, name)
    wanted = {"--channels": spec.channels, "--size": spec.size}
    for option, own in zip(("--channels", "--size", "--size"), program.shape[1:], strict=True):
        if own not in (None, wanted[option]):
            what = counted(own, "channel" if option == "--channels" else "pixel")
            raise AskedWrongly(f"{name} takes images of {what}. Got {wanted[option]}: give {option} {own}.")
    return program


def _open_onnx(content: bytes, name: str) -> SavedProgram:
    check_alone(content, Path(name))
    encoder = Encoder(content, Path(name))

    def run(x: Tensor) -> dict[str, Tensor]:
        outputs = encoder.run(encoder.names, x)
        return {key: torch.from_numpy(each) for key, each in zip(encoder.names, outputs, strict=True)}

    return SavedProgram(run, encoder.shape)


_OPENERS: dict[str, Callable[[bytes, str], SavedProgram]] = {
    "torchscript": open_torchscript,
    "torch.export": open_exported,
    "onnx": _open_onnx,
}


def _trial_images(spec: Spec) -> Tensor:
    """Return images (TRIED, c, size, size) of slopes of grey of several means, scaled as the spec says."""
    slope = torch.linspace(0, 255, spec.size).expand(spec.size, spec.size)
    blank = Classifier(spec, nn.Identity(), nn.Identity(), ())
    return blank.prepare(torch.stack([slope, slope.T / 2, 255 - slope / 4])[:TRIED]).contiguous()


def _close(one: Tensor, other: Tensor, allowed: float) -> bool:
    return one.shape == other.shape and bool(((one - other).abs().nan_to_num() <= allowed).all())


def _choose(outputs: dict[str, Tensor], spec: Spec, name: str) -> tuple[str, ...]:
    """Return the names of the outputs that are scores and, if they are asked for, features.

    Raises
    ------
    AskedWrongly
        If there is no such output, or it has another shape.
    """
    given = listed(f"{key} {tuple(each.shape)}" for key, each in outputs.items()) or "nothing"
    names = spec.file_outputs or ("",)
    names = (names[0] or _scores_among(outputs, spec, names[1:]), *names[1:])
    if missing := [each for each in names if each not in outputs]:
        raise AskedWrongly(f"{name} has no output {missing[0]!r}. For {TRIED} images it gives {given}.")
    scores = outputs[names[0]]
    wide = math.prod(scores.shape[1:])
    fits = wide == len(spec.classes) or (wide == 1 and len(spec.classes) == 2 and spec.outputs != "findings")
    if not fits or scores.shape[:1] != (TRIED,):
        one = ", or one number" if len(spec.classes) == 2 and spec.outputs != "findings" else ""
        raise AskedWrongly(
            f"{name} must give {counted(len(spec.classes), 'score')} an image{one}, for "
            f"the classes {listed(spec.classes)}. For {TRIED} images it gives {given}."
        )
    if any(outputs[each].ndim not in (2, 4) or len(outputs[each]) != TRIED for each in names[1:]):
        raise AskedWrongly(
            f"The features of {name} must be a vector an image. For {TRIED} images it gives {given}."
        )
    if not all(torch.isfinite(outputs[each].float()).all() for each in names):
        raise AskedWrongly(
            f"{name} gives no finite number for a plain image: its weights are damaged, or --range is wrong."
        )
    if spec.gives == "probabilities" and not bool(((scores >= 0) & (scores <= 1)).all()):
        raise AskedWrongly(
            f"{name} gives numbers outside 0 to 1, which are no probabilities: give --gives logits."
        )
    return names


def _scores_among(outputs: dict[str, Tensor], spec: Spec, others: tuple[str, ...]) -> str:
    """Return the name of the first output that may be scores, or of the first of all; not one of `others`."""
    widths = {key: math.prod(each.shape[1:]) for key, each in outputs.items() if key not in others}
    fitting = [key for wide in (len(spec.classes), 1) for key, own in widths.items() if own == wide]
    return fitting[0] if fitting else next(iter(outputs), "")
