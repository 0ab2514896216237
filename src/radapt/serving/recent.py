"""The latest answers of the service: scores and features in memory, and no image, name or address."""

import threading
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.serving.predictor import Scored


class Recent:
    """What the latest answers were, for the panel on drift.

    Parameters
    ----------
    most
        How many answers are kept; older ones are forgotten.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: deque[tuple[Scored, bool | None]] = deque(maxlen=most)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, one: Scored, unlike: Mapping[str, Any] | None) -> None:
        """Keep an answer, and whether its image was unlike the reference."""
        with self._lock:
            self._kept.append((one, None if unlike is None else bool(unlike["unlike_reference"])))

    def summary(self) -> dict[str, Any]:
        """Return the number of images, the share of each label, and that of images unlike the reference."""
        kept = self._copy()
        labels = Counter(one.label for one, _ in kept)
        flagged = [unlike for _, unlike in kept if unlike is not None]
        return {
            "images": len(kept),
            "most": self.most,
            "labels": {name: count / len(kept) for name, count in sorted(labels.items())},
            "unlike_reference": sum(flagged) / len(flagged) if flagged else None,
        }

    def numbers(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the features (n, d) and the scores (n, k) of the answers whose images have features."""
        kept = [(one.features, one.scores) for one, _ in self._copy() if one.features is not None]
        features = np.array([row for row, _ in kept], dtype=np.float32)
        return features, np.array([row for _, row in kept], dtype=np.float32)

    def _copy(self) -> list[tuple[Scored, bool | None]]:
        with self._lock:
            return list(self._kept)
