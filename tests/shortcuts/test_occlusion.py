"""Hiding parts of images shows where a model looks."""

import json
from dataclasses import replace

import numpy as np
import pytest
from pages import Page
from samples import make_images

from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.report.render import render
from radapt.runs.train import TrainOptions, train_model
from radapt.shortcuts.occlusion import (
    ABOUT,
    MASKS,
    MaskedScore,
    describe,
    fill_mask,
    mask_of,
    shortcut_warnings,
)
from radapt.stats.estimate import Estimate
from radapt.study.experiment import run_study
from radapt.study.plan import Plan
from radapt.training.recipe import recipe_for

SIZE = 32


def with_marker(images: ImageSet, share: float) -> ImageSet:
    """Paste a bright marker on a corner of this share of the images with the finding, and of no other."""
    pixels = images.pixels.copy()
    sick = np.flatnonzero(images.labels == 1)
    for row in sick[: round(share * len(sick))]:
        pixels[row, 1:6, 1:5] = 255
    return images.with_pixels(pixels)


def faint(count: int, seed: int) -> ImageSet:
    """Images whose finding is a square hardly brighter than the noise around it, away from the corners."""
    images = make_images(count, size=SIZE, seed=seed, name=f"faint{seed}")
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 120, images.pixels.shape, dtype=np.uint8)
    for row in np.flatnonzero(images.labels == 1):
        top, left = rng.integers(8, 16, 2)
        pixels[row, top : top + 8, left : left + 8] += 8
    return images.with_pixels(pixels)


def run_on(images: list[ImageSet], out, hardware):
    data = Dataset(
        dict(zip(("train", "test"), images, strict=True)),
        DataProvenance("marked", "made", "made", {"size": SIZE, "resize": "squash"}, fingerprint=out.name),
    )
    recipe = replace(recipe_for("compact"), epochs=6, steps=12)
    train_model(data, out, TrainOptions(recipe=recipe), hardware=hardware)
    return json.loads((out / "scores.json").read_text())


def test_a_marker_that_gives_the_finding_away_is_caught_and_named_in_the_report(hardware, tmp_path):
    images = [with_marker(faint(count, seed), 0.9) for seed, count in enumerate((240, 160))]
    scores = run_on(images, tmp_path / "marked", hardware)
    reached = {(row["mask"], row["metric"]): row for row in scores["occlusion"]}
    assert reached["corners hidden", "auroc"]["change"]["value"] < -0.2
    assert reached["corners hidden", "auroc"]["verdict"] == "worse"
    assert reached["border only", "auroc"]["value"] > 0.8
    (corner, corners, _) = scores["occlusion_warnings"]
    assert corner["text"].startswith("Shortcut suspected in the upper left corner: replacing that corner")
    shares = {row["corner"]: row["value"] for row in scores["corner_permutation"]}
    assert shares["upper left"] > 0.5
    assert max(share for name, share in shares.items() if name != "upper left") < 0.1
    assert corners["text"].startswith("Shortcut suspected in the corners, where letters and markers lie:")
    text = Page(render(tmp_path / "marked")).text
    assert "Shortcut suspected in the corners, where letters and markers lie: with them hidden" in text
    assert "Shortcut suspected in the upper left corner: replacing that corner" in text
    assert "Occlusion: scores with parts of every image hidden" in text
    assert "all but the outer 3 of 32 pixels hidden" in text
    assert "of 128 pixels" not in text


def test_a_study_names_the_shortcut_of_its_base_model(hardware, tmp_path):
    images = [with_marker(faint(count, seed), 0.9) for seed, count in enumerate((240, 160))]
    origin = DataProvenance(
        "marked", "made", "made", {"size": SIZE, "resize": "squash"}, fingerprint="marked"
    )
    data = Dataset(dict(zip(("train", "test"), images, strict=True)), origin)
    plan = Plan(shift="gamma", strategies=("none",), budgets=("8",), epochs=6, steps=12)
    result = run_study(plan, data, None, tmp_path / "study", hardware=hardware)
    assert [(row["strategy"], row["domain"]) for row in result["occlusions"]] == [
        ("none", "source"),
        ("none", "target"),
    ]
    text = Page(render(tmp_path / "study")).text
    assert "Of the base model, on the source images: shortcut suspected in the corners, where" in text
    assert "Occlusion: scores with parts of every image hidden the base model, source images" in text


def test_a_model_that_looks_at_the_middle_is_not_suspected(hardware, tmp_path):
    def plain(count: int, seed: int) -> ImageSet:
        images = faint(count, seed)
        pixels = images.pixels.copy()
        pixels[images.labels == 1, 10:22, 10:22] += 60
        return images.with_pixels(pixels)

    scores = run_on([plain(240, 0), plain(160, 1)], tmp_path / "plain", hardware)
    assert scores["occlusion_warnings"] == []
    reached = {row["mask"]: row["value"] for row in scores["occlusion"] if row["metric"] == "auroc"}
    assert reached["corners hidden"] > 0.95
    assert reached["border only"] < 0.7
    assert max(abs(row["value"]) for row in scores["corner_permutation"]) < 0.05


@pytest.mark.parametrize("mask", MASKS)
def test_what_is_hidden_is_painted_with_the_images_own_median(mask):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 32, 48), dtype=np.uint8)
    where = mask_of(mask, 32, 48)
    for image, shown in zip(images, fill_mask(images, where), strict=True):
        assert (shown[where] == int(np.median(image))).all()
        assert (shown[~where] == image[~where]).all()


def test_centre_and_border_share_no_pixel_and_leave_none_out():
    centre, border, corners = (mask_of(mask, 128, 128) for mask in MASKS)
    assert (centre ^ border).all()
    assert centre.sum() == 128**2 - 104**2
    assert corners.sum() == 4 * 24**2


def test_a_small_or_uncertain_loss_is_no_warning():
    def found(low, value, high, border=0.6):
        corners = Estimate(0.9, 0.85, 0.95, 100, 100)
        return [
            MaskedScore("corners hidden", "auroc", corners, Estimate(value, low, high, 100, 100), ""),
            MaskedScore("border only", "auroc", Estimate(border + 0.1, border, 0.99, 100, 100), corners, ""),
        ]

    assert shortcut_warnings(found(-0.06, -0.04, -0.02)) == []
    assert shortcut_warnings(found(-0.20, -0.10, 0.01)) == []
    assert len(shortcut_warnings(found(-0.20, -0.10, -0.02))) == 1
    assert len(shortcut_warnings(found(-0.20, -0.10, -0.02, border=0.8))) == 2


@pytest.mark.parametrize("side", [20, 100, 128, 224])
def test_what_is_hidden_is_said_in_pixels_of_the_size_at_hand(side):
    centre, _, corners = (mask_of(mask, side, side) for mask in MASKS)
    edge, reach = int(centre[side // 2].sum()) // 2, int(corners[0].sum()) // 2
    assert [describe(mask, side, side) for mask in MASKS] == [
        f"the outer {edge} of {side} pixels hidden",
        f"all but the outer {edge} of {side} pixels hidden",
        f"the four corners hidden, {reach} of {side} pixels each",
    ]


def test_of_images_that_are_not_square_what_is_hidden_is_said_as_a_share():
    assert [describe(mask, 32, 48) for mask in MASKS] == [ABOUT[mask] for mask in MASKS]
