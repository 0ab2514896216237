"""Under which licence the weights are that a model began from, as far as that is known."""

from collections.abc import Mapping
from typing import Any

from radapt.models import xrv
from radapt.models.classifier import Spec

OPEN = "open"


def licence_of(spec: Spec, record: Mapping[str, Any]) -> str:
    """Return the licence of the weights that a model began from, in words; "open: ..." where it is not known.

    Parameters
    ----------
    record
        What `run.json` says of the model: `pretrained` is the name of these weights, or nothing where they
        were drawn at random. Empty without a record.
    """
    name = spec.model
    if name.startswith(("hf:", "onnx:", "imported:")):
        return f"{OPEN}: the weights came in a file of the user's own ({name.partition(':')[0]})"
    if "pretrained" not in record:
        return f"{OPEN}: not recorded"
    pretrained: str | bool | None = record["pretrained"]
    if not pretrained:
        return "none: all weights were drawn at random and trained on the images named here"
    if len(str(pretrained)) == 64 and not name.startswith("lite"):
        return f"{OPEN}: the weights came in a file of the user's own (sha256 {str(pretrained)[:12]}...)"
    if name.startswith("lite"):
        return "Apache-2.0 (ImageNet weights of EfficientNet-Lite; the images have terms of their own)"
    if name.startswith(xrv.PREFIX):
        return xrv.LICENCE
    return _of_timm(name)


def _of_timm(name: str) -> str:
    import timm

    published = timm.get_pretrained_cfg(name.partition(":")[2], allow_unregistered=True)
    said = getattr(published, "license", None)
    return str(said) if said else f"{OPEN}: timm does not name it"
