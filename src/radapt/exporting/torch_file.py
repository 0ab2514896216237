"""A program of torch.export as one file, `.pt2`, with what it says of itself."""

import io
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.exporting.metadata import KEY, Metadata


def serialise(program: Any, metadata: Metadata) -> bytes:
    """Return the bytes of a program, with what it says of itself as the extra file `radapt`."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, buffer, extra_files={KEY: metadata.to_json()})
    return buffer.getvalue()


class TorchProgram:
    """Runs a program that was read from the bytes that radapt has just written."""

    def __init__(self, content: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._module: Any = torch.export.load(io.BytesIO(content)).module()
        self._second = len(self._module.graph.find_nodes(op="placeholder")) > 1

    def __call__(self, pixels: NDArray[np.uint8], *, prepared: bool = True) -> NDArray[np.float64]:
        """Return probabilities (n, k) of grey images (n, h, w)."""
        given: dict[str, Any] = {"images": torch.from_numpy(np.array(pixels)).unsqueeze(1)}
        if self._second:
            given["prepared"] = torch.tensor(prepared)
        with torch.no_grad():
            scores: NDArray[np.float64] = self._module(**given).numpy()
        return scores
