"""Digests of images' pixels: equal if all pixels are equal."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from radapt.images.streaming import stream


def digests_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return a 64-bit BLAKE2b digest of each image's pixels, (n,)."""
    digests = (
        blake2b(image.tobytes(), digest_size=8).digest() for _, part in stream(pixels) for image in part
    )
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
