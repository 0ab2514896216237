"""Training can end with a moving average of its weights."""

import torch
from samples import make_images, trained_on
from torch import nn

from radapt.adaptation.strategy import AdaptContext
from radapt.device import select_device
from radapt.models.table import build, new_spec
from radapt.training.average import averaged_model
from radapt.training.recipe import Recipe


def test_the_average_is_that_of_the_formula():
    model = nn.BatchNorm1d(2)
    average = averaged_model(model, 0.5)
    weight, count = 1.0, 0
    for step, value in enumerate((1.0, 3.0, -2.0, 5.0)):
        with torch.no_grad():
            model.weight.fill_(value)
            model.running_mean.fill_(value)
            model.num_batches_tracked.fill_(step)
        average.update_parameters(model)
        kept = 0.0 if count == 0 else min(0.5, (1 + count) / (10 + count))
        weight, count = kept * weight + (1 - kept) * value, count + 1
        assert torch.allclose(average.module.weight, torch.tensor(weight))
        assert torch.allclose(average.module.running_mean, torch.tensor(weight))
    assert int(average.module.num_batches_tracked) == 3


def test_training_ends_with_the_average_and_a_stopped_one_goes_on_to_the_same(tmp_path):
    images, hardware = make_images(24, size=32), select_device("cpu", "fp32")

    def weights(stop_at=None, state=None, average=0.9):
        model = build(new_spec("compact", images.classes, size=32))
        context = AdaptContext(hardware, state=state)
        own = Recipe(epochs=3, batch_size=8, average=average, stop_at=stop_at)
        return trained_on(model, images, own, context).state_dict()

    whole = weights()
    last = weights(average=0.0)
    assert not torch.equal(whole["head.weight"], last["head.weight"])
    weights(stop_at=2, state=tmp_path / "state.pt")
    assert len(torch.load(tmp_path / "state.pt", weights_only=True)["epochs"]) == 2
    resumed = weights(state=tmp_path / "state.pt")
    assert all(torch.equal(whole[name], tensor) for name, tensor in resumed.items())
