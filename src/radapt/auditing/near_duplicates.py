"""Find images that are the same picture saved again, by short descriptors first, then by their pixels.

All chest images look alike, so only normalised fine detail is compared: the blurred image is subtracted, and
the rest divided by its local amplitude. The outline of the lungs, common borders, contrast and brightness
then do not count. Of the 14 million pairs of different images of Kermany et al. 2018 none correlates above
0.69; padded with black none above 0.85, and at 28 pixels a side none above 0.87. The same image as JPEG of
quality 60, at 96 to 400 pixels, mirrored or not, correlates at 0.97 or more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.images.streaming import stream
from radapt.images.thumbnails import averaged
from radapt.progress import SILENT, Watch

Floats = NDArray[np.float32]

MIN_LIKELY = 0.88  # correlation of descriptors from which the pixels are compared
MIN_AGREEMENT = 0.90  # correlation of pixels from which two images are the same picture

_SIDE, _CLOSE_SIDE = 64, 128  # pixels a side for descriptors, and for comparing pixels
_BAND = (4, 20)  # half waves a side in a descriptor: from the spacing of the ribs to the detail of 28 pixels
_FLAT = 1.0  # amplitude in grey levels below which detail is noise
_CHUNK = 1024  # images described or compared at a time
_ACROSS = 8192  # images that they are compared with at a time: 32 MiB of products
_PAIRS = 256
_MANY_PAIRS = 4096  # about two seconds' work

Candidates = Callable[[int], NDArray[np.uint8]]  # the pixels of a row


@dataclass(frozen=True, slots=True)
class Match:
    """Two images that are probably the same picture."""

    first: int  # row
    second: int
    agreement: float  # correlation of fine detail, `MIN_AGREEMENT` to 1
    mirrored: bool
    negative: bool


def descriptors(pixels: NDArray[np.uint8]) -> Floats:
    """Return descriptors of fine detail, (n, d): unit vectors whose product is a correlation.

    The descriptor of an image without detail is zero.
    """
    from scipy import fft

    waves = fft.dct(np.eye(_SIDE, dtype=np.float32), axis=0, norm="ortho")[: _BAND[1]]
    kept = _band_mask()
    vectors = np.empty((len(pixels), int(kept.sum())), dtype=np.float32)
    for rows, part in stream(pixels, _CHUNK):
        detail = _detail(averaged(part, _SIDE), blur=2, around=3)
        vectors[rows] = _unit((waves @ detail @ waves.T)[:, kept])
    return vectors


def candidates(first: Floats, second: Floats | None = None, watch: Watch = SILENT) -> NDArray[np.int64]:
    """Find the pairs whose descriptors correlate, as they are or mirrored.

    All pairs are compared, in blocked matrix products: 5,000 images take a second, 100,000 some minutes.

    Parameters
    ----------
    first
        Descriptors, (n, d).
    second
        Descriptors to compare them with; by default pairs within `first` are compared.
    watch
        Receives how many images have been compared.

    Returns
    -------
    NDArray[np.int64]
        (pairs, 3): the two rows, and 1 for a mirrored pair.
    """
    among = second is None
    others = first if second is None else second
    sign = _mirror_signs()
    pairs: list[NDArray[np.int64]] = [np.empty((0, 3), dtype=np.int64)]
    watch.begin("comparing images", len(first), "image")
    for start in range(0, len(first), _CHUNK):
        block = first[start : start + _CHUNK]
        for across in range(start if among else 0, len(others), _ACROSS):
            part = others[across : across + _ACROSS].T
            for mirrored in (0, 1):
                product = (block * sign if mirrored else block) @ part
                rows, columns = np.nonzero((product >= MIN_LIKELY) | (product <= -MIN_LIKELY))
                rows, columns = rows + start, columns + across
                if among:
                    rows, columns = rows[rows < columns], columns[rows < columns]
                pairs.append(np.stack([rows, columns, np.full(len(rows), mirrored)], axis=1))
        watch.advance(min(start + _CHUNK, len(first)))
    watch.end()
    return np.concatenate(pairs)


def matches(
    pairs: NDArray[np.int64], first: Candidates, second: Candidates, watch: Watch = SILENT
) -> Iterator[Match]:
    """Compare the pixels of candidate pairs, and yield those that are the same picture.

    Parameters
    ----------
    pairs
        (pairs, 3), see `candidates`.
    first, second
        Functions that return the pixels of a row, for either side.
    watch
        Is told of the pairs compared, where they are many.
    """
    for block in _blocks(pairs, watch):
        left = _close_detail([first(row) for row in block[:, 0].tolist()])
        right = _close_detail(
            [second(row)[:, ::-1] if mirrored else second(row) for _, row, mirrored in block.tolist()]
        )
        agreed = np.einsum("ij,ij->i", left, right)
        for (one, other, mirrored), value in zip(block.tolist(), agreed.tolist(), strict=True):
            if abs(value) >= MIN_AGREEMENT:
                yield Match(one, other, min(abs(value), 1.0), bool(mirrored), value < 0)


def _blocks(pairs: NDArray[np.int64], watch: Watch) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs in blocks; of many pairs the progress is reported."""
    watch = watch if len(pairs) > _MANY_PAIRS else SILENT
    watch.begin("comparing pixels", len(pairs), "pair")
    for start in range(0, len(pairs), _PAIRS):
        yield pairs[start : start + _PAIRS]
        watch.advance(min(start + _PAIRS, len(pairs)))
    watch.end()


def _close_detail(images: list[NDArray[np.uint8]]) -> Floats:
    cells = np.concatenate([averaged(image[None], _CLOSE_SIDE) for image in images])
    # single pixels, which JPEG changes, are not compared
    detail = _detail(_blurred(cells, 1), blur=4, around=6).reshape(len(images), -1)
    return _unit(detail - detail.mean(axis=1, keepdims=True))


def _detail(images: Floats, *, blur: float, around: float) -> Floats:
    """Subtract the image blurred by `blur` pixels, and divide by the amplitude within `around` pixels."""
    fine = images - _blurred(images, blur)
    strength = np.sqrt(_blurred(fine * fine, around).clip(0))
    return np.asarray(fine / (strength + _FLAT), dtype=np.float32)


def _blurred(images: Floats, sigma: float) -> Floats:
    """Blur images by a Gaussian, as matrix products, which are many times faster than a filter."""
    from scipy import ndimage

    blur = ndimage.gaussian_filter1d(np.eye(images.shape[1], dtype=np.float32), sigma, axis=0)
    return np.asarray(blur @ images @ blur.T, dtype=np.float32)


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-3)
    return unit


def _band_mask() -> NDArray[np.bool_]:
    """Return a mask, (rows, columns), of the cosine waves in a descriptor."""
    half_waves = np.arange(_BAND[1])
    size = np.hypot(half_waves[:, None], half_waves)
    return np.asarray((size >= _BAND[0]) & (size < _BAND[1]), dtype=np.bool_)


def _mirror_signs() -> Floats:
    """Return the signs by which mirroring an image changes its descriptor: odd horizontal waves flip."""
    sign = np.broadcast_to((-1.0) ** np.arange(_BAND[1]), (_BAND[1], _BAND[1]))
    return np.asarray(sign[_band_mask()], dtype=np.float32)
