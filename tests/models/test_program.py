"""What a file gives becomes one logit a class, whatever it gives and in whatever batches it takes images."""

import io

import pytest
import torch
from samples import CLASSES
from torch import nn

from radapt.errors import AskedWrongly
from radapt.models.classifier import Spec
from radapt.models.program import as_logits, classifier_of, guess_gives
from radapt.models.table import build, new_spec

SIZE = 8


def spec_of(**changed):
    fields = {"model": "imported:torchscript", "classes": CLASSES, "size": SIZE, "encoder": "0" * 64}
    return Spec(**{**fields, "gives": "probabilities", **changed})


def saved(network):
    file = io.BytesIO()
    with pytest.warns(FutureWarning):
        torch.jit.save(torch.jit.script(network), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("values", "changed", "scores"),
    [
        ([[0.2], [1.0]], {}, [[0.8, 0.2], [0.0, 1.0]]),
        ([0.2, 0.5], {}, [[0.8, 0.2], [0.5, 0.5]]),
        ([[0.3, 0.7], [0.0, 1.0]], {}, [[0.3, 0.7], [0.0, 1.0]]),
        ([[0.3, 0.3], [0.1, 0.3]], {}, [[0.5, 0.5], [0.25, 0.75]]),
        ([[0.0], [100.0]], {"gives": "logits"}, [[0.5, 0.5], [0.0, 1.0]]),
    ],
)
def test_probabilities_come_out_as_they_went_in(values, changed, scores):
    logits = as_logits(torch.tensor(values), spec_of(**changed))
    torch.testing.assert_close(logits.softmax(dim=1), torch.tensor(scores), atol=1e-6, rtol=0)


def test_findings_keep_their_own_probabilities():
    logits = as_logits(torch.tensor([[0.3, 0.9]]), spec_of(outputs="findings"))
    torch.testing.assert_close(logits.sigmoid(), torch.tensor([[0.3, 0.9]]))


def test_numbers_between_0_and_1_are_taken_for_probabilities():
    assert guess_gives(torch.tensor([[0.0, 1.0]])) == "probabilities"
    assert guess_gives(torch.tensor([[0.0, 1.1]])) == guess_gives(torch.tensor([[-0.1]])) == "logits"


class OneAtATime(nn.Module):
    """Takes a single image, as a program exported for a batch of one does."""

    def forward(self, x):
        return x.reshape(1, -1).mean(dim=1, keepdim=True)


def test_a_file_that_takes_one_image_at_a_time_scores_many():
    opened = classifier_of(saved(OneAtATime()), "one.pt", spec_of(mean=0.0, std=1.0, channels=1))
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1).expand(3, SIZE, SIZE)
    with torch.no_grad():
        scores = opened(pixels).softmax(dim=1)[:, 1]
    torch.testing.assert_close(scores, torch.tensor([0.0, 0.2, 1.0]), atol=1e-6, rtol=0)


class Relative(nn.Module):
    """Scores an image by the others of its batch, as batch normalisation in training mode does."""

    def forward(self, x):
        means = x.mean(dim=(2, 3))
        return torch.sigmoid(means - means.mean(dim=0))


def test_a_file_whose_scores_depend_on_the_other_images_is_refused():
    with pytest.raises(AskedWrongly, match="training mode"):
        classifier_of(saved(Relative()), "relative.pt", spec_of(mean=0.0, std=0.1))


def test_an_imported_model_is_no_model_to_train():
    with pytest.raises(AskedWrongly, match="is not a model that can be trained"):
        new_spec("imported:onnx", CLASSES)
    with pytest.raises(AskedWrongly, match="cannot be built without its file"):
        build(spec_of())
