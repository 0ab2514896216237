"""What cheap classifiers can tell, on images whose secret is known."""

import numpy as np
import pytest
from samples import make_images

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.imageset import ImageSet
from radapt.images.subsample import subsample_evenly
from radapt.images.thumbnails import averaged
from radapt.metrics.table import score
from radapt.shortcuts.baselines import ABOUT, BASELINES, describe, fit_baseline, predict_baselines


def draw_images(count: int, seed: int, paint) -> ImageSet:
    """Noise of two classes; `paint` changes the images of the second."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 120, (count, 64, 64), dtype=np.uint8)
    labels = rng.permutation(np.arange(count) % 2)
    for row in np.flatnonzero(labels):
        paint(pixels[row])
    names = np.array([f"{seed}-{row}" for row in range(count)])
    return ImageSet(pixels, labels, names, names, ("NORMAL", "PNEUMONIA"))


def mark(image):
    image[2:8, 2:8] += 60


def frame(image):
    image[:3] += 30


def middle(image):
    image[24:40, 24:40] += 40


def nothing(image):
    image[0, 0] = 60


@pytest.mark.parametrize(
    ("paint", "tells", "blind"),
    [
        (mark, {"corners", "border", "thumbnail"}, set()),
        (frame, {"corners", "border", "thumbnail"}, set()),
        (middle, {"thumbnail"}, {"corners", "border"}),
        (nothing, set(), set(BASELINES)),
    ],
)
def test_a_floor_tells_what_it_sees_and_nothing_else(paint, tells, blind):
    predicted = predict_baselines(draw_images(400, 0, paint), draw_images(400, 1, paint))
    reached = {name: score("auroc", predictions) for name, predictions in predicted.items()}
    assert list(reached) == list(BASELINES)
    assert all(reached[name] > 0.95 for name in tells), reached
    assert all(0.4 < reached[name] < 0.6 for name in blind), reached


def test_predictions_are_of_the_images_tested_on_and_never_of_those_fitted_on():
    train, test = draw_images(60, 0, mark), draw_images(30, 1, mark)
    for predictions in predict_baselines(train, test).values():
        assert predictions.ids.tolist() == test.ids.tolist()
        assert predictions.classes == test.classes
        np.testing.assert_array_equal(predictions.labels, test.labels)


def test_three_classes_and_one_that_is_never_fitted_are_scored():
    train, test = make_images(40), make_images(20, seed=1)
    classes = ("A", "B", "C")
    train, test = (ImageSet(s.pixels, 2 * s.labels, s.patients, s.ids, classes) for s in (train, test))
    predictions = fit_baseline(train, test, train.labels[:, None] * 1.0, test.labels[:, None] * 1.0)
    assert predictions.scores[:, 1].max() == 0
    assert score("auroc", predictions) == 1


def test_what_cannot_be_fitted_is_said():
    images = make_images(12)
    with pytest.raises(AskedWrongly, match="two classes or more"):
        predict_baselines(images.take(images.labels == 0), images)
    with pytest.raises(UnknownName, match="Did you mean 'border'"):
        predict_baselines(images, images, ["boarder"])
    other = ImageSet(images.pixels, images.labels, images.patients, images.ids, ("A", "B"))
    with pytest.raises(AskedWrongly, match="same classes"):
        predict_baselines(images, other)


def test_too_many_images_are_thinned_evenly():
    images = make_images(40)
    assert subsample_evenly(images, 40) is images
    assert subsample_evenly(images, 10).ids.tolist() == images.ids[2::4].tolist()


@pytest.mark.parametrize("shape", [(12, 8), (9, 9), (7, 30), (3, 2)])
def test_cells_hold_the_mean_of_what_they_cover(shape):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, *shape), dtype=np.uint8)
    fine = pixels.repeat(4, axis=1).repeat(4, axis=2)  # every cell edge now lies between pixels
    cells = fine.reshape(3, 4, shape[0], 4, shape[1]).mean(axis=(2, 4))
    np.testing.assert_allclose(averaged(pixels, 4), cells, atol=1e-3)
    np.testing.assert_allclose(averaged(pixels, 1)[:, 0, 0], pixels.mean(axis=(1, 2)), atol=1e-3)


@pytest.mark.parametrize(("side", "edge", "corner"), [(128, "12", "24"), (224, "21", "42"), (100, "9", "19")])
def test_what_a_floor_sees_is_said_in_pixels_of_the_size_at_hand(side, edge, corner):
    assert describe("border", side, side) == f"the outer {edge} of {side} pixels"
    assert describe("corners", side, side) == f"the four corners ({corner} of {side} pixels each)"
    assert describe("border", side, side + 1) == ABOUT["border"]
    assert describe("thumbnail", side, side) == "the whole image as 8 x 8 grey levels"
