"""Several findings an image, some not labelled: every room passes over what is not labelled and no more."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import make_images
from scipy.special import expit
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from radapt.errors import AskedWrongly
from radapt.evaluation.performance import FIXED, PerformanceOptions, evaluate_performance
from radapt.evaluation.thresholds import Rule
from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.images.split import choose_budget, split_off
from radapt.labels import stratify
from radapt.metrics.table import METRICS, metrics_for, score
from radapt.models.checkpoint import load_classifier
from radapt.models.inference import predict
from radapt.models.table import build, new_spec
from radapt.predictions import Predictions
from radapt.report.render import render
from radapt.report.wording import model
from radapt.runs.adapt import AdaptOptions, adapt_model
from radapt.runs.train import TrainOptions, train_model
from radapt.stats.inference import difference, estimate
from radapt.study.experiment import run_study
from radapt.study.plan import Plan
from radapt.training.batches import ImageBatches
from radapt.training.loop import fit
from radapt.training.recipe import Recipe

FINDINGS = ("square", "dark")


def make_findings(count, *, seed=0, name="image", gaps=True):
    """Images that have a bright square, are dark on the left, both or neither; some not labelled for one."""
    images = make_images(count, seed=seed, name=name)
    rng = np.random.default_rng(seed)
    dark = np.arange(count) // 4 % 2
    pixels = images.pixels.copy()
    pixels[dark == 1, :, :6] = 10
    labels = np.stack([images.labels, dark], axis=1).astype(np.float32)
    if gaps:
        labels[np.arange(0, count, 7), rng.integers(0, 2, len(range(0, count, 7)))] = np.nan
    return ImageSet(pixels, labels, images.patients, images.ids, FINDINGS)


@pytest.fixture(scope="module")
def findings():
    origin = DataProvenance(
        "findings", "made", "made", {"size": 16, "resize": "squash"}, fingerprint="findings"
    )
    splits = {"train": 160, "test": 80}
    return Dataset(
        {split: make_findings(images, seed=len(split), name=split) for split, images in splits.items()},
        origin,
    )


def some(scores, labels):
    """Predictions of one patient an image."""
    ids = np.arange(len(labels)).astype(str)
    return Predictions(np.asarray(scores, float), np.asarray(labels, np.float32), ids, ids, FINDINGS)


def test_a_metric_of_findings_is_the_mean_over_those_labelled():
    rng = np.random.default_rng(0)
    scores, labels = rng.random((200, 2)), rng.integers(0, 2, (200, 2)).astype(np.float32)
    labels[:50, 0] = np.nan
    predictions = some(scores, labels)
    by_hand = [
        roc_auc_score(labels[50:, 0], scores[50:, 0]),
        roc_auc_score(labels[:, 1], scores[:, 1]),
    ]
    assert score("auroc", predictions) == pytest.approx(np.mean(by_hand), abs=1e-9)
    right = [
        np.mean((scores[50:, 0] >= 0.5) == labels[50:, 0]),
        np.mean((scores[:, 1] >= 0.5) == labels[:, 1]),
    ]
    assert score("accuracy", predictions) == pytest.approx(np.mean(right), abs=1e-9)
    assert {"sensitivity", "specificity"} <= set(metrics_for(predictions))


def test_what_is_said_of_images_that_are_not_labelled_changes_no_number():
    rng = np.random.default_rng(1)
    scores, labels = rng.random((60, 2)), rng.integers(0, 2, (60, 2)).astype(np.float32)
    labels[::3, 1] = np.nan
    other = scores.copy()
    other[::3, 1] = 1 - other[::3, 1]
    for name in METRICS:
        assert score(name, some(scores, labels)) == score(name, some(other, labels))
        assert estimate(name, [some(scores, labels)]) == estimate(name, [some(other, labels)])


def test_a_finding_that_no_image_has_is_left_out_of_the_mean():
    scores = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.1, 0.2]]
    given = some(scores, [[1, 0], [0, 0], [1, 0], [0, 0]])
    assert score("auroc", given) == 1
    assert score("sensitivity", given) == 1
    assert score("specificity", given) == pytest.approx((1 + 0.75) / 2)
    assert np.isnan(score("auroc", some(scores, np.full((4, 2), np.nan))))
    estimated = estimate("auroc", [given])
    assert (estimated.n, estimated.patients) == (4, 4)


def many_findings(seed, images):
    """Predictions of five findings, common to rare, that go together somewhat."""
    rng = np.random.default_rng(seed)
    ill = 0.6 * rng.standard_normal((images, 1)) + 0.8 * rng.standard_normal((images, 5))
    labels = (ill > norm.isf([0.08, 0.15, 0.2, 0.3, 0.4])).astype(np.float32)
    noise = 0.6 * rng.standard_normal((images, 1)) + 0.8 * rng.standard_normal((images, 5))
    ids = np.arange(images).astype(str)
    return Predictions(expit(noise + 1.2 * labels), labels, ids, ids, tuple("abcde"))


@pytest.mark.parametrize("metric", ["auroc", "sensitivity"])
def test_the_interval_of_a_mean_over_findings_is_as_wide_as_the_mean_varies(metric):
    truth = score(metric, many_findings(999, 60_000))
    found = [estimate(metric, [many_findings(seed, 300)], draws=200) for seed in range(80)]
    held = np.mean([one.low <= truth <= one.high for one in found])
    widths = np.array([one.high - one.low for one in found])
    assert 0.88 <= held <= 1
    assert 3.3 < widths.mean() / np.std([one.value for one in found]) < 5
    assert found[0].method.startswith("intervals of each finding combined")


def test_differences_are_paired_also_where_labels_have_gaps():
    labels = make_findings(80).labels
    rng = np.random.default_rng(2)
    good = np.where(labels == 1, 0.9, 0.1) * 0.8 + 0.2 * rng.random((80, 2))
    poor = rng.random((80, 2))
    gained = difference("auroc", [some(good, labels)], [some(poor, labels)])
    assert gained.low > 0.2
    same = difference("auroc", [some(good, labels)], [some(good, labels)])
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_predictions_of_findings_come_back_from_their_table(tmp_path):
    labels = make_findings(20).labels
    given = some(np.random.default_rng(0).random((20, 2)), labels)
    given.save(tmp_path / "said.parquet")
    back = Predictions.load(tmp_path / "said.parquet")
    assert np.array_equal(back.labels, labels, equal_nan=True)
    assert np.array_equal(back.scores, given.scores)
    assert back.classes == FINDINGS
    with pytest.raises(AskedWrongly, match="above 1"):
        some(given.scores + 1, labels)
    with pytest.raises(AskedWrongly, match="1, 0 or NaN"):
        some(given.scores, np.full((20, 2), 0.5))


def test_labels_that_are_not_there_teach_nothing(hardware):
    """The gradient of an image without a label is the gradient of no image at all."""
    images = make_findings(32, gaps=False)
    gaps = images.labels.copy()
    gaps[16:] = np.nan
    recipe = Recipe(epochs=1, steps=1, batch_size=32, augment="none", label_smoothing=0.0)
    losses = []
    for labels in (gaps, np.where(np.isnan(gaps), np.float32(np.nan), gaps)):
        model = build(new_spec("compact", FINDINGS, size=16, findings=True))
        rows = ImageBatches(replace(images, labels=labels), hardware.device)
        losses.append(
            next(iter(fit(model, rows, None, recipe, outputs="findings", hardware=hardware, seed=0)))
        )
    assert np.isfinite(losses[0].loss)
    assert losses[0].loss == losses[1].loss
    nothing = replace(images, labels=np.full((32, 2), np.nan, dtype=np.float32))
    model = build(new_spec("compact", FINDINGS, size=16, findings=True))
    before = model.head.weight.clone()
    free = replace(recipe, weight_decay=0.0)
    list(
        fit(
            model,
            ImageBatches(nothing, hardware.device),
            None,
            free,
            outputs="findings",
            hardware=hardware,
            seed=0,
        )
    )
    assert torch.equal(model.head.weight, before)


def test_splits_spread_the_rare_finding_and_keep_patients_whole():
    images = make_findings(200, gaps=False)
    rare = images.labels.copy()
    rare[:, 1] = 0
    rare[:8, 1] = 1  # two images each of four patients
    images = replace(images, labels=rare)
    assert set(stratify(rare)) == {0, 1, 2}
    assert (stratify(rare)[:8] == 2).all()
    rest, part = split_off(images, 0.25, seed=0)
    assert not set(rest.patients) & set(part.patients)
    assert rest.counts()["dark"] == 6
    assert part.counts()["dark"] == 2
    assert choose_budget(images, 20, seed=0).counts()["dark"] >= 1


def check_findings_table(page, title, found):
    """Hold the table of findings on a page against what was found of each."""
    table = page[page.index(f"<h3>{title}</h3>") :]
    table = " ".join(re.sub(r"<[^>]+>", " ", table[: table.index("</table>")]).split())
    for row in found:
        assert f"{row['finding']} {row['images']:,} {100 * row['baseline_precision']:.1f}" in table
        for one in row["estimates"]:
            if one["metric"] in ("auroc", "average-precision", "brier"):
                assert f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]" in table
            if one["metric"] in ("sensitivity", "specificity"):
                written = (f"{100 * one[name]:.1f}" for name in ("value", "low", "high"))
                assert "{} [{}, {}]".format(*written) in table


def test_a_finding_whose_test_set_lack_a_class_keeps_the_threshold_that_stands_in():
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 5)
    scores = np.linspace(0.1, 0.9, 40).reshape(20, 2)
    test, others = some(scores, labels), some(scores, np.where([True, False], labels, 0))
    youden = Rule("youden")
    rows = evaluate_performance(
        test, PerformanceOptions(youden, fallback=FIXED), chosen_on=others, words="some images"
    )
    assert [row["threshold"]["rule"] for row in rows] == ["youden", "0.5"]
    with pytest.raises(AskedWrongly, match="needs images with and images without"):
        evaluate_performance(test, PerformanceOptions(youden), chosen_on=others, words="some images")


def test_findings_are_trained_adapted_and_scored(findings, hardware, tmp_path):
    recipe = Recipe(epochs=16, batch_size=16, balance=True, label_smoothing=0.0)
    train_model(findings, tmp_path / "base", TrainOptions(recipe=recipe), hardware=hardware)
    base = load_classifier(tmp_path / "base")
    assert base.spec.outputs == "findings"
    said = predict(base, findings["test"], hardware)
    assert score("auroc", said) > 0.8
    assert not np.allclose(said.scores.sum(axis=1), 1), "findings have nothing to do with one another"
    adapt_model(base, findings, tmp_path / "head", AdaptOptions("head", epochs=2), hardware=hardware)
    rows = json.loads((tmp_path / "head" / "scores.json").read_text())["estimates"]
    assert {row["metric"] for row in rows} == set(metrics_for(said))
    document = json.loads((tmp_path / "head" / "performance.json").read_text())["sets"]["target-test"]
    assert [row["finding"] for row in document] == list(FINDINGS)
    check_findings_table(render(tmp_path / "head"), "Target images, finding by finding", document)
    with pytest.raises(
        AskedWrongly, match="each image may have several findings; in this data set, each image is of one"
    ):
        predict(base, replace(make_images(8), classes=FINDINGS), hardware)


def test_a_study_of_findings_ends_in_a_report(findings, hardware, tmp_path):
    plan = Plan(budgets=("16",), epochs=1, steps=2)
    result = run_study(plan, findings, None, tmp_path / "study", hardware=hardware)
    assert {row["metric"] for row in result["estimates"]} >= {
        "accuracy",
        "auroc",
        "average-precision",
        "brier",
    }
    assert all(row["value"] is None or 0 <= row["value"] <= 1 for row in result["estimates"])
    page = render(tmp_path / "study")
    for row in result["performance"]:
        title = model(row["strategy"], row["budget"])
        check_findings_table(page, f"{title}, finding by finding", row["findings"])
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    with pytest.raises(AskedWrongly, match="exclude one another"):
        run_study(
            replace(plan, protocol="original", budgets=("val",)),
            findings,
            None,
            tmp_path / "original",
            hardware=hardware,
        )
