"""A base model is as confident as it is right on the images that chose its epoch, and decides as before."""

import numpy as np
import torch
from samples import make_dataset, trained_on

from radapt.adaptation.strategy import AdaptContext
from radapt.evaluation.recalibration import temperature
from radapt.images.load import LoadOptions, load_dataset
from radapt.metrics.table import score
from radapt.models.inference import predict
from radapt.models.table import build, new_spec
from radapt.runs.base import MAX_SHARPENING, train_base
from radapt.training.recipe import Recipe


def test_the_logits_are_divided_by_the_temperature_of_the_validation_images(hardware):
    data = make_dataset(train=48, val=120, size=32)
    train, valid = data["train"], data["val"]
    recipe, spec = (
        Recipe(epochs=2, batch_size=16, label_smoothing=0.3),
        new_spec("compact", data.classes, size=32),
    )
    conditions = AdaptContext(hardware)
    plain = trained_on(build(spec), train, recipe, conditions, valid=valid)
    tempered = train_base(build(spec), train, valid, recipe, conditions)
    before, after = (predict(one, valid, hardware) for one in (plain, tempered.classifier))
    inverse = min(temperature(before).a, MAX_SHARPENING)
    assert tempered.notes == {"temperature": 1 / inverse}
    odds = np.log(before.scores[:, 1] / before.scores[:, 0])
    np.testing.assert_allclose(np.log(after.scores[:, 1] / after.scores[:, 0]), inverse * odds, rtol=1e-4)
    assert (before.scores.argmax(1) == after.scores.argmax(1)).all()


def test_few_validation_images_and_sigmoids_change_nothing(hardware):
    data = make_dataset(train=24, val=20, size=32)
    for model, size in (("compact", 32), ("original-cnn", 64)):
        data = make_dataset(train=24, val=20 if model == "compact" else 120, size=size)
        spec, recipe = new_spec(model, data.classes, size=size), Recipe(epochs=1, batch_size=8)
        train, valid, context = data["train"], data["val"], AdaptContext(hardware)
        plain = trained_on(build(spec), train, recipe, context, valid=valid)
        base = train_base(build(spec), train, valid, recipe, context)
        assert base.notes == {}
        first, second = plain.state_dict(), base.classifier.state_dict()
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_head_alone_is_trained_on_pretrained_features_and_knows_real_images(hardware, shared):
    """ImageNet features tell children's pneumonia apart without a weight of the trunk being trained."""
    data = load_dataset(shared / "data/chest_xray", LoadOptions(size=64))
    train, test = (
        images.take(np.arange(0, len(images), step))
        for images, step in ((data["train"], 8), (data["test"], 3))
    )
    model = build(new_spec("lite0", data.classes, **data.origin.reading.as_dict()), pretrained=True)
    before = {name: tensor.clone() for name, tensor in model.trunk.state_dict().items()}
    result = train_base(model, train, test, Recipe(), AdaptContext(hardware), tune="head")
    assert all(torch.equal(before[name], own) for name, own in result.classifier.trunk.state_dict().items())
    assert result.history == ()
    assert {"strength", "temperature"} <= result.notes.keys()
    assert score("auroc", predict(result.classifier, test, hardware)) > 0.95
