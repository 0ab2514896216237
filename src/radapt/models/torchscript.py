"""TorchScript files (`torch.jit.save`): looked through before they are opened, then run as they are.

Such a file is a zip of tensors and of programs in TorchScript, a language of its own: no Python is run, and
PyTorch's reader of it builds tensors and TorchScript objects alone. But the programs are programs. They can
print, run for ever, take memory without end, and by a few operations read or write files: a file that names
one of these (`FORBIDDEN`) anywhere in its code is refused before PyTorch sees it.
"""

import io
import re
import warnings
import zipfile
from typing import Any

import torch
from torch import Tensor

from radapt.archives import DAMAGE, check_claims
from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.saved_program import SavedProgram, last_words

FORBIDDEN = ("save", "from_file", "rpc_async", "rpc_sync", "rpc_remote")
_FORBIDDEN = re.compile(rf"(?<!\w)({'|'.join(FORBIDDEN)})(?!\w)")
WORKS = "Give what torch.jit.save writes of a network in evaluation mode."


def open_torchscript(content: bytes, name: str) -> SavedProgram:
    """Open a TorchScript file on the processor, in evaluation mode.

    Parameters
    ----------
    name
        The file's, for errors.

    Raises
    ------
    AskedWrongly
        If its code could read or write files.
    BadArtefact
        If it is no TorchScript, or damaged.
    """
    _check_code(content, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PyTorch advises another format
            module: Any = torch.jit.load(io.BytesIO(content), map_location="cpu")
        module.eval()
    except Exception as error:  # the reader raises whatever it stumbles on
        raise BadArtefact(f"{name} is a damaged TorchScript file ({last_words(error)}). {WORKS}") from None
    _check_numbers(module, name)

    def run(x: Tensor) -> dict[str, Tensor]:
        module.to(x.device)
        return _named(module(x))

    return SavedProgram(run, (None, None, None, None))


def _check_code(content: bytes, name: str) -> None:
    """Refuse a file whose code names an operation on files or other machines."""
    try:
        check_claims(io.BytesIO(content), len(content))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            codes = [archive.read(each).decode() for each in archive.namelist() if each.endswith(".py")]
    except (*DAMAGE, ValueError) as error:
        raise BadArtefact(f"{name} is a damaged TorchScript file ({error}). {WORKS}") from None
    if found := next(filter(None, map(_FORBIDDEN.search, codes)), None):
        raise AskedWrongly(
            f"{name} is refused: its code names {found[1]!r}, by which TorchScript reads or writes files or "
            "calls other machines, and radapt opens none that could."
        )


def _check_numbers(module: Any, name: str) -> None:
    for part, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise BadArtefact(f"{name} holds numbers that are not finite, first in {part!r}.")


def _named(output: Any) -> dict[str, Tensor]:
    """Return the tensors that a network gives, by their keys or positions."""
    if isinstance(output, Tensor):
        return {"0": output}
    pairs = output.items() if isinstance(output, dict) else enumerate(output)
    return {str(key): value for key, value in pairs if isinstance(value, Tensor)}
