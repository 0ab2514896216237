"""The latest answers are counted, older ones forgotten, and no image is among them."""

import numpy as np

from radapt.serving.predictor import Scored
from radapt.serving.recent import Recent


def test_shares_are_those_of_the_latest_answers():
    recent = Recent(4)
    assert recent.summary() == {"images": 0, "most": 4, "labels": {}, "unlike_reference": None}
    for number in range(6):
        one = Scored((0.25, 0.75), "AB"[number % 2], np.full(3, number, dtype=np.float32))
        recent.add(one, {"unlike_reference": number == 5, "distance_percentile": 1.0})
    recent.add(Scored((1.0, 0.0), "A"), None)
    assert recent.summary() == {
        "images": 4,
        "most": 4,
        "labels": {"A": 0.5, "B": 0.5},
        "unlike_reference": 1 / 3,
    }
    features, scores = recent.numbers()
    assert features[:, 0].tolist() == [3, 4, 5]
    assert scores.shape == (3, 2)
