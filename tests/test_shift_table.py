"""Every shift in the table keeps its contract, and a shifted set is the same on every run."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from radapt.errors import UnknownName
from radapt.images.imageset import ImageSet
from radapt.shift.keys import image_keys
from radapt.shift.shifted import shift_images
from radapt.shift.table import SHIFTS, get_shift

SIZES = [(1, 1), (1, 9), (33, 20), (64, 64)]


def films(count: int, height: int = 64, width: int = 64) -> ImageSet:
    pixels = np.random.default_rng(height).integers(0, 256, (count, height, width), dtype=np.uint8)
    ids = np.array([f"test/film-{number}.png" for number in range(count)])
    return ImageSet(pixels, np.arange(count) % 2, ids, ids, ("NORMAL", "PNEUMONIA"))


def test_an_unknown_shift_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownName, match=r"There is no shift called 'sead'\. Did you mean 'seed'\?"):
        get_shift("sead")


@pytest.mark.parametrize("name", SHIFTS)
def test_each_shift_is_found_by_its_name(name):
    assert get_shift(name) is SHIFTS[name]


@pytest.mark.parametrize("name", SHIFTS)
@pytest.mark.parametrize("size", SIZES)
def test_shape_and_kind_are_kept(name, size):
    pixels = torch.from_numpy(films(5, *size).pixels)
    shift = SHIFTS[name]
    shifted = shift.apply(pixels, shift.draw(image_keys(list("abcde")), 0))
    assert shifted.shape == pixels.shape
    assert shifted.dtype == torch.uint8


@pytest.mark.parametrize("name", SHIFTS)
def test_a_set_is_shifted_alike_on_every_run_whatever_its_order_and_labels(name):
    images, shift = films(40), SHIFTS[name]
    shifted, drawn = shift_images(images, shift, seed=1)
    order = np.random.default_rng(0).permutation(40)
    relabelled = replace(images, labels=1 - images.labels).take(order)
    again, drawn_again = shift_images(relabelled, shift, seed=1)
    assert np.array_equal(again.pixels, shifted.pixels[order])
    assert drawn_again.keys() == drawn.keys()
    for column in drawn:
        assert np.array_equal(drawn_again[column], drawn[column][order])


@pytest.mark.parametrize("name", SHIFTS)
def test_an_image_is_shifted_alike_alone_and_among_64(name):
    images, shift = films(64), SHIFTS[name]
    shifted, _ = shift_images(images, shift, seed=1)
    for row in range(0, 64, 7):
        alone, _ = shift_images(images.take([row]), shift, seed=1)
        assert np.array_equal(alone.pixels[0], shifted.pixels[row])


@pytest.mark.parametrize("name", SHIFTS)
def test_another_seed_shifts_otherwise(name):
    images = films(10)
    one, _ = shift_images(images, SHIFTS[name], seed=0)
    other, _ = shift_images(images, SHIFTS[name], seed=1)
    assert (one.pixels != images.pixels).any(axis=(1, 2)).all()
    assert (one.pixels != other.pixels).any(axis=(1, 2)).all()


def test_everything_but_the_pixels_is_kept():
    images = films(6)
    shifted, drawn = shift_images(images, get_shift("seed"), seed=0)
    for column in ("labels", "patients", "ids"):
        assert np.array_equal(getattr(shifted, column), getattr(images, column))
    assert shifted.classes == images.classes
    assert all(len(column) == 6 for column in drawn.values())


def test_a_read_only_memory_map_of_more_than_one_run_is_shifted(tmp_path):
    images = films(70, 150, 150)
    np.save(tmp_path / "pixels.npy", images.pixels)
    mapped = images.with_pixels(np.load(tmp_path / "pixels.npy", mmap_mode="r"))
    expected, _ = shift_images(images, get_shift("seed"), seed=0)
    shifted, _ = shift_images(mapped, get_shift("seed"), seed=0)
    assert np.array_equal(shifted.pixels, expected.pixels)


def test_an_empty_set_stays_empty():
    shifted, drawn = shift_images(films(4).take(np.array([], dtype=np.intp)), get_shift("seed"), seed=0)
    assert len(shifted) == len(drawn["theta"]) == 0


def test_real_films_come_out_as_bright_as_drawn(shared):
    folder = shared / "data" / "chest_xray" / "test" / "NORMAL"
    if not folder.is_dir():
        pytest.skip("the real films are not in the shared folder")
    files = sorted(folder.iterdir())[:6]
    pixels = np.stack([np.asarray(Image.open(file).convert("L").resize((150, 150))) for file in files])
    ids = np.array([file.name for file in files])
    images = ImageSet(pixels, np.zeros(6, dtype=np.int64), ids, ids, ("NORMAL",))
    shifted, drawn = shift_images(images, get_shift("seed"), seed=0)
    means = shifted.pixels.mean(axis=(1, 2)) / pixels.mean(axis=(1, 2))
    # geometry moves the mean far less than brightness does
    assert np.corrcoef(means, drawn["brightness"])[0, 1] > 0.8
