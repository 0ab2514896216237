"""Put the state dict of a whole network, its head included, into a classifier that `table.build` made."""

from collections.abc import Mapping

import torch
from torch import Tensor

from radapt.errors import BadArtefact
from radapt.models.classifier import Classifier
from radapt.text import counted

PREFIXES = ("module.", "_orig_mod.", "model.", "network.")  # that wrappers put before every name
NETWORK, HEAD = "trunk.network.", "head."
COUNTER = "num_batches_tracked"  # of batch normalisation; changes nothing


def put_state_dict(classifier: Classifier, found: Mapping[str, Tensor], file: str) -> None:
    """Load a state dict in place: radapt's own, or that of the network in timm or torchxrayvision.

    A head that gives one number for two classes becomes one that gives 0 for the first and it for the second.

    Parameters
    ----------
    file
        Its name, for errors.

    Raises
    ------
    BadArtefact
        If tensors are missing, more than there should be, of another shape, or not finite, or it is not clear
        which are the head's.
    """
    spec, wanted = classifier.spec, classifier.state_dict()
    made = f"{counted(spec.channels, 'channel')} and {len(spec.classes)} classes"
    not_it = f"{file} does not hold {spec.model} with {made}"
    named = _renamed(_bare(found), wanted, not_it)
    named = {name: _shaped(name, tensor, wanted) for name, tensor in named.items()}
    named = {**{name: own for name, own in wanted.items() if name.endswith(COUNTER)}, **named}
    if lacking := sorted(wanted.keys() - named):
        raise BadArtefact(
            f"{not_it}: it lacks {len(lacking)} of {counted(len(wanted), 'tensor')}, such as "
            f"{_theirs(lacking[0])!r}. Give --model the network that was saved."
        )
    if unknown := sorted(named.keys() - wanted):
        raise BadArtefact(
            f"{not_it}: it has {counted(len(unknown), 'tensor')} too many, such as {_theirs(unknown[0])!r}."
        )
    for name, tensor in named.items():
        if tensor.shape != wanted[name].shape:
            has, needs = (" x ".join(map(str, each.shape)) or "one" for each in (tensor, wanted[name]))
            raise BadArtefact(
                f"{not_it}: {_theirs(name)!r} holds {has} numbers, and {needs} belong there. "
                "See --channels, --classes and --size."
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise BadArtefact(f"{file} holds numbers that are not finite, first in {_theirs(name)!r}.")
    classifier.load_state_dict(named)


def _bare(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors without a prefix that all names share."""
    named = dict(found)
    while prefix := next(
        (each for each in PREFIXES if named and all(name.startswith(each) for name in named)), ""
    ):
        named = {name.removeprefix(prefix): tensor for name, tensor in named.items()}
    return named


def _renamed(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], not_it: str) -> dict[str, Tensor]:
    """Return the tensors by the classifier's names; what the trunk does not know is of the head."""
    if any(name.startswith(HEAD) for name in found) and any(name.startswith("trunk.") for name in found):
        return dict(found)
    ends = {name.removeprefix(HEAD).rpartition(".")[2]: name for name in wanted if name.startswith(HEAD)}
    named: dict[str, str] = {}
    for name in found:
        in_trunk = f"{NETWORK}{name}" in wanted
        own = f"{NETWORK}{name}" if in_trunk else ends.get(name.rpartition(".")[2], name)
        if named.setdefault(own, name) != name:
            raise BadArtefact(
                f"{not_it}: both {named[own]!r} and {name!r} could be of its head. Remove the one that is "
                "not from the state dict."
            )
    return {own: found[name] for own, name in named.items()}


def _shaped(name: str, tensor: Tensor, wanted: Mapping[str, Tensor]) -> Tensor:
    """Return a tensor of the head in the shape of the classifier's, where the numbers are the same."""
    own = wanted.get(name)
    if own is None or not name.startswith(HEAD) or tensor.layout != torch.strided:
        return tensor
    if tensor.ndim == 4 and tensor.shape[2:] == (1, 1):  # a 1 x 1 convolution
        tensor = tensor.flatten(1)
    if len(tensor) == 1 and len(own) == 2 and tensor.shape[1:] == own.shape[1:]:
        return torch.cat([torch.zeros_like(tensor), tensor])
    return tensor


def _theirs(name: str) -> str:
    return name.removeprefix(NETWORK)
