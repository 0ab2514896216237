"""What a map explains: the log odds of a class, on the plain image."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from radapt.models.classifier import Classifier


class LogOdds(nn.Module):
    """The log odds of each class by a classifier, without its further test-time views.

    Of exclusive classes a logit alone says nothing, since a number that is added to all of them changes no
    answer; of two classes the log odds are the difference of both logits.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: Tensor) -> Tensor:
        """Return log odds (n, k) of images (n, h, w) in 0..255."""
        return log_odds(self.classifier.head(self.classifier.embed(pixels)), self.classifier.spec.outputs)


def log_odds(logits: Tensor, outputs: str) -> Tensor:
    """Return the log odds (n, k) of each class against the others; of findings these are the logits."""
    if outputs == "findings" or logits.shape[1] == 1:
        return logits
    scores = logits if outputs == "softmax" else functional.logsigmoid(logits)
    own = torch.eye(scores.shape[1], dtype=torch.bool, device=scores.device)
    others = scores.unsqueeze(1).expand(-1, len(own), -1).masked_fill(own, -torch.inf)
    return scores - others.logsumexp(dim=2)
