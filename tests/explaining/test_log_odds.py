"""What is explained is the log odds of a class: the logarithm of its probability over that of all others."""

import pytest
import torch

from radapt.explaining.log_odds import log_odds
from radapt.models.classifier import probabilities


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("outputs", ["softmax", "sigmoid", "findings"])
def test_they_are_the_log_odds_of_the_probabilities(outputs, classes):
    logits = torch.randn(5, classes, generator=torch.Generator().manual_seed(classes), dtype=torch.float64)
    shares = probabilities(logits, outputs)
    torch.testing.assert_close(log_odds(logits, outputs), (shares / (1 - shares)).log())


def test_what_is_added_to_all_logits_changes_nothing():
    logits = torch.tensor([[1.0, 3.0], [0.0, -2.0]])
    torch.testing.assert_close(log_odds(logits + 7, "softmax"), log_odds(logits, "softmax"))


def test_one_finding_has_its_logit():
    assert log_odds(torch.tensor([[1.5]]), "findings").tolist() == [[1.5]]
