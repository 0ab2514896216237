"""Linear discriminant analysis with a shrunk covariance."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def discriminants(rows: Floats, members: Floats) -> tuple[Floats, Floats, float]:
    """Fit the linear discriminants of exclusive classes.

    The covariance within classes is shrunk towards a multiple of the identity, as much as Ledoit & Wolf
    (2004, J. Multivar. Anal. 88:365) derive from the images.

    Parameters
    ----------
    rows
        (n, r), coordinates of the images, with a mean of about 0.
    members
        (n, k), 1 for the class of each image, else 0.

    Returns
    -------
    tuple
        Coefficients (r, k) and offsets (k,) of each class, zero of a class without images; and the weight of
        the identity in the covariance, 0 to 1.
    """
    sizes = members.sum(axis=0)
    means = members.T @ rows / sizes.clip(1)[:, None]
    inner = rows - members @ means
    n, r = inner.shape
    covariance = inner.T @ inner / n
    level = float(np.trace(covariance)) / max(r, 1)
    squares = float((covariance**2).sum())
    noise = (float((inner**2).sum(axis=1) @ (inner**2).sum(axis=1)) / n - squares) / n
    excess = squares - r * level**2  # how far the covariance is from a multiple of the identity
    shrinkage = min(1.0, max(0.0, noise) / excess) if excess > 1e-12 * squares else 1.0
    if not level:  # one image of each class
        level = float((rows**2).mean()) if r else 1.0
    shrunk = (1 - shrinkage) * covariance + shrinkage * level * np.eye(r)
    coefficients: Floats = np.linalg.solve(shrunk, means.T)
    offsets = np.log(sizes.clip(0.5) / n) - 0.5 * (means.T * coefficients).sum(axis=0)
    return coefficients, offsets, shrinkage
