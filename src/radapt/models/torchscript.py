"""TorchScript files (`torch.jit.save`): looked through before they are opened, then run as they are.

Such a file is a zip of tensors and of programs in TorchScript, a language of its own: no Python is run, and
PyTorch's reader of it builds tensors and TorchScript objects alone. But the programs are programs. They can
print, run for ever, take memory without end, and by a few operations read or write files: a file whose code
names one of these (`FORBIDDEN`) anywhere, or operations or classes that are not PyTorch's own, is refused
before PyTorch sees it. PyTorch gets an archive that is written anew of the members that were looked through,
so that it cannot find others in the file than were.
"""

import io
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from radapt.archives import DAMAGE, check_claims
from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.saved_program import SavedProgram, last_words

FORBIDDEN = ("save", "from_file", "rpc_async", "rpc_sync", "rpc_remote")
OWN = ("aten", "prim")  # libraries of operations; those of others, as torchvision's, may do anything
_GAP = r"(?:[\s\\]|#[^\n]*)*"  # what may stand between two words of code
_FORBIDDEN = re.compile(
    rf"(?<!\w)({'|'.join(FORBIDDEN)})(?!\w)"
    rf"|(?<![\w.])(ops(?!\w)(?!\.(?:{'|'.join(OWN)})\.)(?:\.\w+)*)"
    rf"|(?<!\w)(torch{_GAP}\.{_GAP}classes)(?!\w)",
    re.ASCII,
)
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
        If its code could read or write files, or it was written before PyTorch 1.4.
    BadArtefact
        If it is no TorchScript, or damaged.
    """
    content = _looked_through(content, name)
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


def _looked_through(content: bytes, name: str) -> bytes:
    """Return the archive written anew, after a look at the names of its members and at all code."""
    anew = io.BytesIO()
    try:
        check_claims(io.BytesIO(content), len(content))
        with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(anew, "w") as made:
            _check_names([each.filename for each in archive.infolist()], name)
            for each in archive.infolist():
                part = archive.read(each)
                if each.filename.lower().endswith(".py"):
                    _check_code(part.decode(), name)
                made.writestr(each.filename, part)
    except (*DAMAGE, ValueError) as error:
        raise BadArtefact(f"{name} is a damaged TorchScript file ({error}). {WORKS}") from None
    return anew.getvalue()


def _check_names(members: Sequence[str], name: str) -> None:
    """Refuse names that PyTorch, which does not regard case, could take for one another, and old formats."""
    lower = [each.lower() for each in members]
    if twice := [each for each, count in Counter(lower).items() if count > 1]:
        raise BadArtefact(f"{name} holds {twice[0]!r} more than once: no TorchScript file does. {WORKS}")
    if any(each.partition("/")[2] == "model.json" for each in lower):
        raise AskedWrongly(
            f"{name} is in the format of PyTorch before 1.4, which radapt does not open: load it with "
            "torch.jit.load and save it again with torch.jit.save."
        )


def _check_code(code: str, name: str) -> None:
    """Refuse code that names an operation on files or other machines, or one that is not PyTorch's own."""
    if found := _FORBIDDEN.search(code):
        raise AskedWrongly(
            f"{name} is refused: its code names {found[0]!r}, by which TorchScript may read or write "
            "files or call other machines, and radapt opens none that could."
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
