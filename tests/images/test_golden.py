"""The golden image is the same everywhere, and small differences of machines do not count."""

import hashlib

from radapt.images.golden import golden_pixels, same_scores


def test_the_golden_image_never_changes():
    assert hashlib.sha256(golden_pixels(64).tobytes()).hexdigest()[:16] == "f8169748f2e4b43d"
    assert golden_pixels(64).std() > 30
    assert golden_pixels(32).shape == (1, 32, 32)


def test_scores_are_the_same_within_rounding_alone():
    assert same_scores({"A": 0.5, "B": 0.5}, {"A": 0.50005, "B": 0.49995})
    assert not same_scores({"A": 0.5}, {"A": 0.501})
    assert not same_scores({"A": 0.5}, {"B": 0.5})
    assert not same_scores({"A": float("nan")}, {"A": 0.5})
