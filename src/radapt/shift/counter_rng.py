"""Counter-based random numbers: a draw depends on (seed, image id, parameter name) alone.

There is no generator whose state could depend on what was drawn before, so batch size, order, device and
label cannot change a draw, and one image can be drawn again without the others.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def image_keys(ids: NDArray[np.str_] | Sequence[str]) -> NDArray[np.uint64]:
    """Return the 64-bit key of each image id, the same on every machine and in every process.

    Parameters
    ----------
    ids
        (n,) image ids; equal ids get equal keys.

    Returns
    -------
    NDArray[np.uint64]
        (n,), the first eight bytes of each id's BLAKE2b digest (RFC 7693).
    """
    return np.array([_hash(str(name)) for name in ids], dtype=np.uint64)


def uniform(
    keys: NDArray[np.uint64], seed: int, name: str, *, low: float = 0.0, high: float = 1.0
) -> NDArray[np.float64]:
    """Draw one number an image, evenly from `low` to `high`, from its key, the seed and the name alone.

    Parameters
    ----------
    keys
        (n,) image keys, see `image_keys`.
    seed
        Any integer; other seeds give other draws, unrelated ones for neighbouring seeds too.
    name
        The parameter that is drawn; other names give other draws.
    low, high
        The range in the parameter's own unit; `high` may lie below `low`.

    Returns
    -------
    NDArray[np.float64]
        (n,), one of 2**53 equally spaced numbers from `low` to `high`.

    Notes
    -----
    The key, offset by a hash of seed and name, goes through the output function of SplitMix64: Steele, Lea
    and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, with the constants of its
    reference implementation (Stafford's "variant 13").
    """
    offset = np.uint64(_hash(f"{seed}/{name}"))
    bits = _splitmix64(keys + offset) >> np.uint64(11)
    return low + (high - low) * (bits.astype(np.float64) * 2.0**-53)


def derived_seed(seed: int, *parts: int | str) -> int:
    """Return a seed of its own for a part of the work, such as an epoch and a step.

    Adding them up would not do: seed 0 in epoch 1 would repeat seed 1 in epoch 0.

    Returns
    -------
    int
        0 to 2**64 - 1.
    """
    return _hash("\0".join(str(part) for part in (seed, *parts)))


def _hash(text: str) -> int:
    # surrogatepass, since a file name that is not UTF-8 reaches us with lone surrogates
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _splitmix64(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = state + np.uint64(0x9E3779B97F4A7C15)  # wraps at 2**64, as it should
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
