from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import CLASSES, make_images

from radapt.adaptation.knn import NearestNeighbours
from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.table import STRATEGIES, check_base, suitable_for
from radapt.errors import AskedWrongly
from radapt.metrics.table import score
from radapt.models.classifier import probabilities
from radapt.models.inference import embed, logits_of, predict
from radapt.models.neighbours import TEMPERATURE
from radapt.models.table import build, new_spec

FINDINGS = ("effusion", "mass")


def network(name="compact", size=16, **more):
    return build(new_spec(name, CLASSES, size=size, **more), seed=0).eval()


def voting(base, images, hardware, k=0):
    return NearestNeighbours(k=k).adapt(base, images, None, AdaptContext(hardware))


def vote(features, others, labels, k):
    """Return the probability of class 1 that a vote of the nearest others gives, in plain NumPy."""
    spread = others.std(axis=0) + 1e-3 * others.std() + 1e-12
    own, theirs = ((each - others.mean(axis=0)) / spread for each in (features, others))
    alike = (own @ theirs.T) / np.linalg.norm(own, axis=1)[:, None] / np.linalg.norm(theirs, axis=1)
    nearest = np.argsort(-alike, axis=1)[:, :k]
    heard = np.take_along_axis(alike, nearest, axis=1)
    weights = np.exp((heard - heard.max(axis=1, keepdims=True)) / TEMPERATURE)
    return ((weights * labels[nearest]).sum(axis=1) + labels.mean()) / (weights.sum(axis=1) + 1)


@pytest.mark.parametrize("k", [1, 4, 100])
def test_the_nearest_labelled_images_vote(k, hardware):
    base, images, test = network(), make_images(30), make_images(20, seed=7, name="test")
    adapted = voting(base, images, hardware, k)
    others, own = (embed(base, each.pixels, hardware).double().numpy() for each in (images, test))
    expected = vote(own, others, images.labels, k)
    assert adapted.notes == {"k": min(k, 30)}
    assert adapted.classifier.spec.neighbours == min(k, 30)
    np.testing.assert_allclose(predict(adapted.classifier, test, hardware).scores[:, 1], expected, rtol=1e-4)


def test_k_is_that_of_the_lowest_loss_over_patients_left_out(hardware):
    base, images = network(), make_images(32)
    notes = voting(base, images, hardware).notes
    losses = notes["loss_by_k"]
    assert list(losses) == ["1", "3", "5", "10", "20"], "no more than there are images of other patients"
    assert losses[str(notes["k"])] == min(losses.values())
    whose = np.array(images.patients)
    memory = voting(base, images, hardware).classifier.head.neighbours.references.double().numpy()
    right = []
    for row in range(len(images)):
        alike = np.where(whose == whose[row], -np.inf, memory @ memory[row])
        nearest = np.argsort(-alike)[:3]
        weights = np.exp((alike[nearest] - alike[nearest[0]]) / TEMPERATURE)
        shares = np.bincount(images.labels[nearest], weights, minlength=2)
        shares += np.bincount(images.labels[whose != whose[row]], minlength=2) / (whose != whose[row]).sum()
        right.append(shares[images.labels[row]] / (weights.sum() + 1))
    assert losses["3"] == pytest.approx(-np.log(right).mean(), abs=1e-4)


def test_one_patient_of_a_class_leaves_no_k_to_choose(hardware):
    assert voting(network(), make_images(16).take([0, 1, 2, 3]), hardware).notes == {"k": 4}


def test_what_is_not_known_of_a_neighbour_does_not_vote(hardware):
    base = build(new_spec("compact", FINDINGS, size=16, findings=True), seed=0).eval()
    images = make_images(80)
    bright = images.labels.astype(np.float32)
    labels = np.stack([bright, np.full_like(bright, np.nan)], axis=1)
    labels[::4, 0] = np.nan
    labelled = replace(images, labels=labels, classes=FINDINGS)
    adapted = voting(base, labelled, hardware)
    test = make_images(60, seed=7)
    scores = probabilities(
        logits_of(adapted.classifier, torch.from_numpy(test.pixels), hardware), "findings"
    ).numpy()
    assert scores[test.labels == 1, 0].mean() > 0.6 > 0.4 > scores[test.labels == 0, 0].mean()
    np.testing.assert_allclose(scores[:, 1], 0.5, err_msg="nothing is known of it of any image")


def test_of_several_dense_layers_the_last_alone_is_replaced(hardware):
    base, images = network("original-cnn", 46), make_images(40, size=46)
    adapted = voting(base, images, hardware).classifier
    before, after = base.state_dict(), adapted.state_dict()
    assert before.keys() - after.keys() == {"head.6.weight", "head.6.bias"}
    assert all(torch.equal(before[key], after[key]) for key in before.keys() & after.keys())
    assert score("auroc", predict(adapted, images, hardware)) > 0.9


def test_it_can_be_calibrated_and_begun_anew_and_no_more(hardware):
    base, images = network(), make_images(32)
    adapted = voting(base, images, hardware).classifier
    working = ("none", "tta", "recalibrate", "scratch")
    assert suitable_for(adapted.spec, STRATEGIES) == working
    assert suitable_for(base.spec, STRATEGIES) == tuple(STRATEGIES)
    for name in STRATEGIES.keys() - set(working):
        with pytest.raises(AskedWrongly, match=f"{name} cannot adapt it. .*: none, tta, recalibrate"):
            check_base(adapted.spec, ["none", name])
    for name in working:
        conditions = AdaptContext(hardware, epochs=1)
        again = STRATEGIES[name].adapt(adapted, images, None, conditions).classifier
        assert np.isfinite(predict(again, images, hardware).scores).all()
    assert again.spec.neighbours == 0, "scratch begins with a head that can be trained"
