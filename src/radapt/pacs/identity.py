"""The names of a result: which model it is of, and the identifiers of its DICOM objects."""

import re
import uuid
from dataclasses import dataclass

from radapt.pacs.codes import meaning

_NAMESPACE = uuid.UUID("6f1c0a4e-3d0b-5c1e-9a52-7b0d5d0f3a61")  # of radapt's identifiers

RESEARCH_ONLY = "Research only, not for clinical use"
NOT_CLINICAL = (
    "Made by research software, which is no medical device. Not for clinical use: nothing in the care of a "
    "patient may depend on it."
)


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model behind a result."""

    name: str  # its architecture and how it was adapted
    digest: str  # the sha256 of its weights and description, or of its file
    radapt: str  # the version of radapt that scored the images

    @property
    def version(self) -> str:
        """The first twelve digits of the digest: two models of one version give the same scores."""
        return self.digest[:12]


def model_name(model: str, strategy: str = "none") -> str:
    """Return a name without folders, of at most 64 letters.

    Parameters
    ----------
    model
        The name of the architecture, such as `compact` or `hf:DIR`.
    strategy
        How it was adapted; "none" if it was not.
    """
    kind, colon, rest = model.partition(":")
    last = re.split(r"[/\\]", rest.rstrip("/\\"))[-1]
    short = f"{kind}{colon}{last}"
    return meaning(f"{short}, {strategy}" if strategy != "none" else short)


def uid_of(*parts: str) -> str:
    """Return a DICOM identifier made of these parts: the same parts make the same one on every machine.

    It is the UUID of version 5 (RFC 9562) of the parts, below the root 2.25 (PS3.5 annex B.2).
    """
    return f"2.25.{uuid.uuid5(_NAMESPACE, chr(10).join(parts)).int}"
