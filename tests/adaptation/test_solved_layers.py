from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import CLASSES, make_images
from torch import nn

from radapt.adaptation.cross_validation import adapt_with_cv, folds_of, out_of_fold
from radapt.adaptation.linear_probe import STRENGTHS, LinearProbe
from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.table import STRATEGIES
from radapt.errors import AskedWrongly
from radapt.metrics.table import score
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.inference import embed, logits_of, predict
from radapt.models.table import build, new_spec

SOLVED = ("linear-probe", "prototype")
HEADS = (*SOLVED, "knn")
FINDINGS = ("effusion", "mass", "nodule")


def network(name="compact", size=16, **more):
    return build(new_spec(name, CLASSES, size=size, **more), seed=0).eval()


def with_findings(images, unknown=True):
    """Give each image findings: the bright square, the reverse of it, and one that nobody has."""
    bright = images.labels.astype(np.float32)
    labels = np.stack([bright, 1 - bright, np.zeros_like(bright)], axis=1)
    if unknown:
        labels[::4, 0] = np.nan
    return replace(images, labels=labels, classes=FINDINGS)


@pytest.mark.parametrize("name", HEADS)
def test_a_solved_layer_tells_the_classes_of_new_patients_apart_and_is_saved_as_any(name, hardware, tmp_path):
    base, test = network(), make_images(80, seed=7, name="test")
    adapted = STRATEGIES[name].adapt(base, make_images(80), None, AdaptContext(hardware)).classifier
    predictions = predict(adapted, test, hardware)
    assert score("auroc", predictions) > 0.9 > score("auroc", predict(base, test, hardware))
    save_classifier(adapted, tmp_path)
    assert (predict(load_classifier(tmp_path), test, hardware).scores == predictions.scores).all()


def test_the_layer_is_the_regression_that_scikit_learn_finds_with_the_strength_chosen(hardware):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    base, images = network(), make_images(60)
    adapted = STRATEGIES["linear-probe"].adapt(base, images, None, AdaptContext(hardware))
    features = embed(base, images.pixels, hardware).double().numpy()
    scaled = StandardScaler().fit_transform(features) / np.sqrt(features.shape[1])
    # Two logits with the penalty on each are one with half of it.
    peer = LogisticRegression(C=2 / adapted.notes["strength"], tol=1e-9, max_iter=10_000).fit(
        scaled, images.labels
    )
    logits = logits_of(adapted.classifier.head, embed(base, images.pixels, hardware), hardware).numpy()
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], peer.decision_function(scaled), rtol=0.03)


def test_the_strength_is_that_of_the_lowest_loss_over_folds_of_patients(hardware):
    notes = STRATEGIES["linear-probe"].adapt(network(), make_images(32), None, AdaptContext(hardware)).notes
    losses = notes["loss_by_strength"]
    assert notes["folds"] == 8, "two rounds of four folds"
    assert len(losses) == len(STRENGTHS)
    assert losses[f"{notes['strength']:.3g}"] == min(losses.values())


def test_labels_that_mean_nothing_get_a_strong_penalty(hardware):
    images = make_images(64)
    noise = np.random.default_rng(0).permutation(np.repeat([0, 1], 16)).repeat(2)
    strengths = [
        STRATEGIES["linear-probe"].adapt(network(), given, None, AdaptContext(hardware)).notes["strength"]
        for given in (images, replace(images, labels=noise))
    ]
    assert strengths[1] > 10 * strengths[0]


def test_one_patient_of_a_class_leaves_no_strength_to_choose(hardware):
    images = make_images(16).take([0, 1, 2, 3])
    adapted = adapt_with_cv(STRATEGIES["linear-probe"], network(), images, None, AdaptContext(hardware))
    assert adapted.notes == {"strength": 1.0, "folds": 0}


def test_a_patient_with_images_of_both_classes_counts_for_one_of_them_in_folds():
    images = make_images(16).take([0, 1, 2, 4, 5, *range(6, 16)])
    images = replace(images, patients=np.where(np.arange(15) == 2, images.patients[0], images.patients))
    assert len(set(images.patients[images.labels == 1])) == 4, (
        "one of them has more images of the other class"
    )
    assert len(list(folds_of(images, 0))) == 2 * 3


def test_validation_images_have_no_part_in_the_layer(hardware):
    base, images = network(), make_images(32)
    one, other = (
        STRATEGIES["linear-probe"].adapt(base, images, valid, AdaptContext(hardware)).classifier.head.weight
        for valid in (None, make_images(20, seed=3))
    )
    assert torch.equal(one, other)


def test_augmented_views_of_an_image_count_as_one_and_are_never_split_by_folds(hardware):
    base, images = network(), make_images(32)
    plain, views = (
        LinearProbe(views=views).adapt(base, images, None, AdaptContext(hardware)) for views in (1, 3)
    )
    assert plain.notes["folds"] == views.notes["folds"] == 8
    assert not torch.equal(plain.classifier.head.weight, views.classifier.head.weight)


def test_balanced_classes_call_the_rarer_one_more_often(hardware):
    base, images = network(), make_images(120)
    rare = images.take(np.flatnonzero((images.labels == 0) | (np.arange(120) % 12 < 4)))
    test = make_images(80, seed=7, name="test")
    called = [
        predict(
            LinearProbe(balanced=balanced).adapt(base, rare, None, AdaptContext(hardware)).classifier,
            test,
            hardware,
        )
        .scores[:, 1]
        .mean()
        for balanced in (False, True)
    ]
    assert called[1] > called[0]


@pytest.mark.parametrize("name", SOLVED)
def test_each_finding_is_learned_from_the_images_that_it_is_known_of(name, hardware):
    base = build(new_spec("compact", FINDINGS, size=16, findings=True), seed=0).eval()
    images = with_findings(make_images(80))
    adapted = STRATEGIES[name].adapt(base, images, None, AdaptContext(hardware)).classifier
    scores = predict(adapted, with_findings(make_images(60, seed=7)), hardware).scores
    bright = make_images(60, seed=7).labels == 1
    assert scores[bright, 0].mean() > 0.6 > 0.4 > scores[~bright, 0].mean()
    assert scores[bright, 1].mean() < 0.4 < 0.6 < scores[~bright, 1].mean()
    assert torch.equal(adapted.head.weight[2], base.head.weight[2]), (
        "nobody has it, so nothing is known of it"
    )


@pytest.mark.parametrize("name", SOLVED)
def test_of_several_dense_layers_the_last_alone_is_solved(name, hardware):
    base, images = network("original-cnn", 46), make_images(40, size=46)
    adapted = STRATEGIES[name].adapt(base, images, None, AdaptContext(hardware)).classifier
    moved = {key for key, own in adapted.state_dict().items() if not torch.equal(own, base.state_dict()[key])}
    assert moved == {"head.6.weight", "head.6.bias"}
    assert score("auroc", predict(adapted, images, hardware)) > 0.9


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_does_not_end_with_a_linear_layer_is_refused(name, hardware):
    base = network()
    base.head = nn.Sequential(base.head, nn.Softplus())
    with pytest.raises(AskedWrongly, match=f"'{name}' needs a head that ends with a linear layer"):
        STRATEGIES[name].adapt(base, make_images(8), None, AdaptContext(hardware))


@pytest.mark.parametrize("name", HEADS)
def test_each_of_few_images_is_predicted_without_its_fold(name, hardware):
    base, images = network(), make_images(32)
    conditions = AdaptContext(hardware)
    notes = adapt_with_cv(STRATEGIES[name], base, images, None, conditions).notes
    predictions = out_of_fold(STRATEGIES[name], base, images, conditions, notes)
    assert sorted(predictions.ids) == sorted(images.ids)
    adapted = STRATEGIES[name].adapt(base, images, None, conditions).classifier
    assert score("auroc", predictions) <= score("auroc", predict(adapted, images, hardware))


@pytest.mark.parametrize("name", ["last-k(k=1)", "lora", "linear-probe"])
def test_a_vision_transformer_is_adapted_in_parts(name, hardware):
    from radapt.adaptation.table import get_strategy

    base, images = network("timm:vit_tiny_patch16_224", 32), make_images(16, size=32)
    adapted = get_strategy(name).adapt(base, images, None, AdaptContext(hardware, epochs=1)).classifier
    moved = {key for key, own in adapted.state_dict().items() if not torch.equal(own, base.state_dict()[key])}
    assert {"head.weight", "head.bias"} <= moved
    places = {key.split(".")[3] for key in moved if ".blocks." in key}
    assert places == {"lora": {str(block) for block in range(12)}, "last-k(k=1)": {"11"}}.get(name, set())
